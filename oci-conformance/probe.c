/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program inside the containers of the suite, and here and there a hook. Its arguments are a
 * sequence of words, each one thing to do; what it finds it prints as one JSON object per line.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static FILE *out;
static char **all_arguments;

static void put_string(const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

/* Begins a member; the first one of an object has no comma before it. */
static void put_key(const char *key, int first)
{
    if (!first)
        fputc(',', out);
    put_string(key);
    fputc(':', out);
}

static void put_strings(const char *key, char **list)
{
    put_key(key, 0);
    fputc('[', out);
    for (int i = 0; list[i]; i++) {
        if (i)
            fputc(',', out);
        put_string(list[i]);
    }
    fputc(']', out);
}

static void put_number(const char *key, long long value)
{
    put_key(key, 0);
    fprintf(out, "%lld", value);
}

/* The target of a symbolic link, or why there is none. */
static const char *target(const char *path, char *buffer, size_t size)
{
    ssize_t n = readlink(path, buffer, size - 1);
    if (n < 0)
        return strerrorname_np(errno);
    buffer[n] = 0;
    return buffer;
}

/* Links of a folder of /proc/self as an object; our own descriptor of that folder is left out. */
static void put_links(const char *key, const char *folder)
{
    DIR *d = opendir(folder);
    int first = 1;
    put_key(key, 0);
    fputc('{', out);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512], link[4096];
        if (e->d_name[0] == '.')
            continue;
        if (!strcmp(key, "fds") && (atoi(e->d_name) == dirfd(d) || atoi(e->d_name) == fileno(out)))
            if (atoi(e->d_name) > 2)
                continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        put_key(e->d_name, first);
        put_string(target(path, link, sizeof(link)));
        first = 0;
    }
    fputc('}', out);
    if (d)
        closedir(d);
}

/* The lines of a small "Key:<tab>value" file, or a single value. */
static void put_status(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[4096];
    int first = 1;
    put_key("status", 0);
    fputc('{', out);
    while (f && fgets(line, sizeof(line), f)) {
        char *value = strchr(line, ':');
        line[strcspn(line, "\n")] = 0;
        if (!value)
            continue;
        *value++ = 0;
        put_key(line, first);
        put_string(value + strspn(value, " \t"));
        first = 0;
    }
    fputc('}', out);
    if (f)
        fclose(f);
}

static void put_rlimits(void)
{
    static const char *const names[] = {
        [RLIMIT_AS] = "AS",
        [RLIMIT_CORE] = "CORE",
        [RLIMIT_CPU] = "CPU",
        [RLIMIT_DATA] = "DATA",
        [RLIMIT_FSIZE] = "FSIZE",
        [RLIMIT_LOCKS] = "LOCKS",
        [RLIMIT_MEMLOCK] = "MEMLOCK",
        [RLIMIT_MSGQUEUE] = "MSGQUEUE",
        [RLIMIT_NICE] = "NICE",
        [RLIMIT_NOFILE] = "NOFILE",
        [RLIMIT_NPROC] = "NPROC",
        [RLIMIT_RSS] = "RSS",
        [RLIMIT_RTPRIO] = "RTPRIO",
        [RLIMIT_RTTIME] = "RTTIME",
        [RLIMIT_SIGPENDING] = "SIGPENDING",
        [RLIMIT_STACK] = "STACK",
    };
    put_key("rlimits", 0);
    fputc('{', out);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct rlimit64 r = {0, 0};
        getrlimit64((int)i, &r);
        put_key(names[i], i == 0);
        fprintf(out, "[%llu,%llu]", (unsigned long long)r.rlim_cur, (unsigned long long)r.rlim_max);
    }
    fputc('}', out);
}

static void put_groups(void)
{
    gid_t groups[256];
    int n = getgroups(256, groups);
    put_key("groups", 0);
    fputc('[', out);
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%u", i ? "," : "", groups[i]);
    fputc(']', out);
}

static void put_files(void)
{
    char text[64] = "";
    FILE *f = fopen("/proc/self/oom_score_adj", "re");
    if (f) {
        if (fgets(text, sizeof(text), f))
            put_number("oom_score_adj", atoi(text));
        fclose(f);
    }
}

static void put_terminal(void)
{
    struct winsize size;
    put_number("terminal", isatty(0));
    if (ioctl(0, TIOCGWINSZ, &size) == 0) {
        put_number("rows", size.ws_row);
        put_number("columns", size.ws_col);
    }
}

/* see: everything about this process in one object */
static void see(void)
{
    char host[256] = "", cwd[4096] = "";
    mode_t mask = umask(0);
    umask(mask);
    gethostname(host, sizeof(host) - 1);
    fputc('{', out);
    put_key("cwd", 1);
    put_string(getcwd(cwd, sizeof(cwd)) ? cwd : strerrorname_np(errno));
    put_key("hostname", 0);
    put_string(host);
    put_strings("argv", all_arguments);
    put_strings("env", environ);
    put_number("pid", getpid());
    put_number("uid", getuid());
    put_number("gid", getgid());
    put_groups();
    put_number("umask", mask);
    put_number("personality", personality(0xffffffff));
    put_number("scheduler", sched_getscheduler(0));
    put_number("nice", getpriority(PRIO_PROCESS, 0));
    put_files();
    put_rlimits();
    put_terminal();
    put_links("fds", "/proc/self/fd");
    put_links("namespaces", "/proc/self/ns");
    put_status();
    fputs("}\n", out);
    fflush(out);
}

/* save FILE: the same into a file, for hooks, whose output may go anywhere */
static void save(const char *path)
{
    out = fopen(path, "we");
    if (!out) {
        perror(path);
        exit(1);
    }
    see();
    fclose(out);
    out = stdout;
}

static void result(const char *word, const char *path, int error, long long count)
{
    fputc('{', out);
    put_key(word, 1);
    put_string(path);
    put_key("errno", 0);
    put_string(error ? strerrorname_np(error) : "");
    put_number("count", count);
    fputs("}\n", out);
    fflush(out);
}

/* read FILE: how many bytes can be had of its beginning */
static void read_file(const char *path)
{
    char buffer[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
    result("read", path, n < 0 ? errno : 0, n);
    if (fd >= 0)
        close(fd);
}

/* write FILE: one byte at its end; made if it is missing */
static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, "x", 1);
    result("write", path, n < 0 ? errno : 0, n);
    if (fd >= 0)
        close(fd);
}

/* list FOLDER: how many names there are */
static void list_folder(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    if (!d) {
        result("list", path, errno, -1);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    result("list", path, 0, n);
}

/* append FILE LINE */
static void append(const char *path, const char *line)
{
    FILE *f = fopen(path, "ae");
    if (!f) {
        result("append", path, errno, -1);
        exit(1);
    }
    fprintf(f, "%s\n", line);
    fclose(f);
}

/* until FILE: waits for a file to appear */
static void until(const char *path)
{
    while (access(path, F_OK))
        usleep(5000);
}

/* wait: says so, then reports every signal that arrives, for ever */
static void wait_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fputs("{\"waiting\":true}\n", out);
    fflush(out);
    for (siginfo_t info;;) {
        if (sigwaitinfo(&set, &info) < 0 || info.si_signo == SIGCHLD)
            continue;
        fprintf(out, "{\"signal\":%d}\n", info.si_signo);
        fflush(out);
    }
}

/* become PID: a child with that very pid (clone3 set_tid, Linux 5.5), until our input ends */
static void become(pid_t pid)
{
    struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
    pid_t child = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
    char byte;
    if (child == 0)
        for (;;)
            pause();
    result("become", "", child < 0 ? errno : 0, child);
    while (read(0, &byte, 1) > 0)
        continue;
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
}

/* Does one word; returns how many arguments it took. */
static int word(char **a)
{
    static const struct {
        const char *name;
        void (*run)(const char *);
    } with_path[] = {{"save", save},
                     {"read", read_file},
                     {"write", write_file},
                     {"list", list_folder},
                     {"until", until}};
    const char *first = a[1] ? a[1] : "";
    for (size_t i = 0; i < sizeof(with_path) / sizeof(*with_path); i++)
        if (!strcmp(a[0], with_path[i].name)) {
            with_path[i].run(first);
            return 2;
        }
    if (!strcmp(a[0], "see"))
        return see(), 1;
    if (!strcmp(a[0], "wait"))
        return wait_signals(), 1;
    if (!strcmp(a[0], "append"))
        return append(first, a[2]), 3;
    if (!strcmp(a[0], "become"))
        return become(atoi(first)), 2;
    if (!strcmp(a[0], "exit"))
        exit(atoi(first));
    fprintf(stderr, "probe: unknown word %s\n", a[0]);
    exit(2);
}

int main(int argc, char **argv)
{
    out = stdout;
    all_arguments = argv;
    for (int i = 1; i < argc && strcmp(argv[i], "--");)
        i += word(argv + i);
    return 0;
}
