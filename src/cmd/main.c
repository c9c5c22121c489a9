/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the command line as a whole: global options, dispatch, and the one place where an error of
 * a command is printed. */
#include "cmd/app.h"

#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "io/io.h"
#include "run/record.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct command {
    const char *name, *arguments, *help;
    command_fn *fn;
};

static const struct command commands[] = {
#define COMMAND(n, a, h) {.name = #n, .arguments = a, .help = h, .fn = cmd_##n},
#include "cmd/commands.def"
#undef COMMAND
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static struct globals {
    const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
    bool debug, systemd_cgroup, version, help;
} globals;

static const struct option global_options[] = {
    {"root", 0, OPT_STRING, &globals.root, "DIR", "folder of containers (/run/rt)"},
    {"log", 0, OPT_STRING, &globals.log, "DEST", "FILE, file:PATH, journald:[ID] or syslog:[ID]"},
    {"log-format", 0, OPT_STRING, &globals.log_format, "F", "text or json"},
    {"log-level", 0, OPT_STRING, &globals.log_level, "L", "error, warning, info or debug"},
    {"debug", 0, OPT_FLAG, &globals.debug, NULL, "the same as --log-level debug"},
    {"cgroup-manager", 0, OPT_STRING, &globals.cgroup_manager, "M", "cgroupfs, systemd, disabled"},
    {"systemd-cgroup", 0, OPT_FLAG, &globals.systemd_cgroup, NULL, "--cgroup-manager systemd"},
    {"rootless", 0, OPT_STRING, &globals.rootless, "B", "true, false or auto"},
    {"criu", 0, OPT_IGNORED_VALUE, NULL, "PATH", "obsolete: criu is found in PATH"},
    {"version", 'v', OPT_FLAG, &globals.version, NULL, "print the version"},
    {"help", 'h', OPT_FLAG, &globals.help, NULL, "print this help"},
};

static void print_version(void)
{
    printf("rt version %s\ncommit: %s\nspec: %s\n", RT_VERSION_TEXT, RT_COMMIT, OCI_SPEC_VERSION);
}

static void print_help(void)
{
    printf("rt runs containers described by a bundle: a folder with a config.json and a root file "
           "system.\n\nUsage: rt [OPTIONS] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\nOptions:\n");
    options_help(global_options, N_OPTIONS(global_options));
    printf("\nTry: rt spec; rt run .    More: rt COMMAND --help, rt(8)\n");
}

static const struct command *find_command(const char *name, struct err *e)
{
    const char *names[N_COMMANDS], *near;

    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (str_eq(commands[i].name, name))
            return &commands[i];
        names[i] = commands[i].name;
    }
    near = str_nearest(name, names, N_COMMANDS);
    refuse(e, EINVAL, "unknown command %s", name);
    if (near)
        err_hint(e, "did you mean %s?", near);
    return NULL;
}

int command_words(struct app *app, const char *name, const struct option *table, size_t n,
                  int least, int most, int argc, char **argv, struct err *e)
{
    const struct command *c = find_command(name, e);
    int first;

    for (int i = 0; i < argc && argv[i][0] == '-'; i++)
        if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
            printf("Usage: rt %s %s\n\n%s.\n\n", name, c->arguments, c->help);
            options_help(table, n);
            exit(0);
        }
    first = options_parse(table, n, argc, argv, app->arena, e);
    if (first < 0)
        return err_at(e, "rt %s", name);
    if (argc - first < least || argc - first > most) {
        refuse(e, EINVAL, argc - first < least ? "an argument is missing" : "too many arguments");
        err_hint(e, "usage: rt %s %s", name, c->arguments);
        return err_at(e, "rt %s", name);
    }
    return first;
}

/* ---- global options ---- */

static int log_socket(const char *path, enum log_sink sink, const char *tag, struct err *e)
{
    int fd = sys_unix_connect(AT_FDCWD, path, 2 /* SOCK_DGRAM */);

    if (fd < 0)
        return fail(e, fd, "connect to the log %s", path);
    log_to(fd, sink, tag);
    return 0;
}

static int open_log(const char *dest, struct err *e)
{
    int fd;

    log_also_stderr(true);
    if (str_starts(dest, "journald:"))
        return log_socket("/run/systemd/journal/socket", LOG_SINK_JOURNALD, dest + 9, e);
    if (str_starts(dest, "syslog:"))
        return log_socket("/dev/log", LOG_SINK_SYSLOG, dest + 7, e);
    if (str_starts(dest, "file:")) {
        dest += 5;
    } else if (strcspn(dest, ":") < strcspn(dest, "/") && strchr(dest, ':')) {
        refuse(e, EINVAL, "--log: \"%s\" is no destination", dest);
        return err_hint(e, "journald:ID, syslog:ID, or file:PATH for a file with such a name");
    }
    fd = sys_open(AT_FDCWD, dest, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (fd < 0)
        return fail(e, fd, "open the log %s", dest);
    log_to(fd, LOG_SINK_STREAM, NULL);
    return 0;
}

static int one_of(const char *option, const char *word, const char *const *words, int n,
                  struct err *e)
{
    for (int i = 0; i < n; i++)
        if (str_eq(words[i], word))
            return i;
    return refuse(e, EINVAL, "%s: \"%s\" is not known", option, word);
}

static int set_up_log(struct err *e)
{
    static const char *const formats[] = {"text", "json"};
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    int format = 0, level = globals.debug ? LOG_DEBUG_LEVEL : LOG_WARNING_LEVEL;

    if (globals.log_format &&
        (format = one_of("--log-format", globals.log_format, formats, 2, e)) < 0)
        return format;
    if (globals.log_level && (level = one_of("--log-level", globals.log_level, levels, 4, e)) < 0)
        return level;
    log_format((enum log_format)format);
    log_level((enum log_level)level);
    return globals.log && globals.log[0] ? open_log(globals.log, e) : 0;
}

static int choose_manager(struct app *app, struct err *e)
{
    static const char *const managers[] = {"cgroupfs", "systemd", "disabled"};
    int m = globals.systemd_cgroup ? CG_MANAGER_SYSTEMD : CG_MANAGER_CGROUPFS;

    if (globals.cgroup_manager)
        m = one_of("--cgroup-manager", globals.cgroup_manager, managers, 3, e);
    app->cg_manager = (enum cg_manager)m;
    return m < 0 ? m : 0;
}

static int choose_rootless(struct app *app, struct err *e)
{
    static const char *const words[] = {"false", "true", "auto"};
    int r = globals.rootless ? one_of("--rootless", globals.rootless, words, 3, e) : 2;

    app->rootless = r == 2 ? -1 : r;
    return r < 0 ? r : 0;
}

static int run_command(struct app *app, int argc, char **argv, struct err *e)
{
    const struct command *c;
    int first = options_parse(global_options, N_OPTIONS(global_options), argc, argv, app->arena, e);

    if (first < 0)
        return first;
    if (globals.version) {
        print_version();
        return 0;
    }
    if (globals.help || (first < argc && str_eq(argv[first], "help"))) {
        print_help();
        return 0;
    }
    if (set_up_log(e) < 0 || choose_manager(app, e) < 0 || choose_rootless(app, e) < 0)
        return -e->code;
    if (first >= argc) {
        refuse(e, EINVAL, "a command is missing");
        return err_hint(e, "rt --help lists them");
    }
    c = find_command(argv[first], e);
    if (!c || record_root_dir(app->arena, globals.root, &app->root, e) < 0)
        return -e->code;
    return c->fn(app, argc - first - 1, argv + first + 1, e);
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct app app = {.arena = &arena};
    struct err e = {0};
    char line[1024];

    /* A peer or reader that is gone is an error value, not the end of rt. Reset before exec. */
    signal(SIGPIPE, SIG_IGN);
    if (io_guard_streams(&e) < 0 || run_command(&app, argc - 1, argv + 1, &e) < 0) {
        fflush(stdout);
        log_error("%s", err_line(&e, line, sizeof line));
        return app.exit_code ? app.exit_code : 1;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        log_error("write the output: %s", strerror(errno));
        return 1;
    }
    return app.exit_code;
}
