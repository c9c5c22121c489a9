/* SPDX-License-Identifier: Apache-2.0 */
/* rt ps: the processes of a container, as a table by ps(1) or as a JSON array of pids. */
#include "cmd/app.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "run/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pids {
    pid_t *v;
    size_t n;
};

static int find_pids(struct app *app, const char *id, struct pids *p, struct err *e)
{
    struct container c;
    struct cgroup *cg;

    if (record_find(app->root, id, app->arena, &c, e) < 0)
        return -e->code;
    if (record_status(&c) == CONTAINER_STOPPED || !HAS(c.record, record, pid))
        return refuse(e, ESRCH, "container not running: %s", id);
    if (c.record->cgroup) {
        if (cgroup_load(app->arena, c.record->cgroup, &cg, e) < 0)
            return -e->code;
        return cgroup_pids(cg, app->arena, &p->v, &p->n, e);
    }
    p->v = arena_array(app->arena, 1, sizeof *p->v);
    p->v[0] = (pid_t)c.record->pid;
    p->n = 1;
    return 0;
}

static void print_json(const struct pids *p)
{
    putchar('[');
    for (size_t i = 0; i < p->n; i++)
        printf("%s%d", i ? "," : "", (int)p->v[i]);
    puts("]");
}

static bool is_among(const struct pids *p, const char *word)
{
    uint32_t pid;

    if (num_u32(word, &pid) < 0)
        return false;
    for (size_t i = 0; i < p->n; i++)
        if ((uint32_t)p->v[i] == pid)
            return true;
    return false;
}

/* Which column of ps is the pid; -1 when it shows none. */
static int pid_column(const char *header, struct arena *a)
{
    char *copy = str_dup(a, header), *save = NULL;
    int column = 0;

    for (char *w = strtok_r(copy, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save), column++)
        if (str_eq(w, "PID"))
            return column;
    return -1;
}

static const char *word_at(const char *line, int column, struct arena *a)
{
    char *copy = str_dup(a, line), *save = NULL;
    char *w = strtok_r(copy, " \t\n", &save);

    while (w && column--)
        w = strtok_r(NULL, " \t\n", &save);
    return w ? w : "";
}

static int filter(FILE *in, const struct pids *p, struct arena *a, struct err *e)
{
    char *line = NULL;
    size_t room = 0;
    int column = -1, r = 0;

    if (getline(&line, &room, in) > 0) {
        fputs(line, stdout);
        column = pid_column(line, a);
    }
    if (column < 0)
        r = refuse(e, EINVAL, "the output of ps has no column PID");
    while (r == 0 && getline(&line, &room, in) > 0)
        if (is_among(p, word_at(line, column, a)))
            fputs(line, stdout);
    free(line);
    return r;
}

static int run_ps(char **args, const struct pids *p, struct arena *a, struct err *e)
{
    int ends[2], status, r;
    FILE *in;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(e, errno, "make a pipe from ps");
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execvp("ps", args);
        _exit(127);
    }
    close(ends[1]);
    in = fdopen(ends[0], "r");
    r = pid < 0 || !in ? fail(e, errno, "run ps") : filter(in, p, a, e);
    if (in)
        fclose(in);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status && r == 0) {
        refuse(e, EIO, "ps failed with status %d", WEXITSTATUS(status));
        return err_hint(e, "is the package procps installed?");
    }
    return r;
}

int cmd_ps(struct app *app, int argc, char **argv, struct err *e)
{
    const char *format = "table";
    const struct option table[] = {
        {"format", 'f', OPT_STRING, &format, "F", "table or json"},
    };
    int first = command_words(app, "ps", table, N_OPTIONS(table), 1, INT_MAX, argc, argv, e);
    struct pids p = {0};
    char **args;
    int n = 0;

    if (first < 0)
        return first;
    if (!str_eq(format, "table") && !str_eq(format, "json"))
        return refuse(e, EINVAL, "--format: \"%s\" is neither table nor json", format);
    if (find_pids(app, argv[first], &p, e) < 0)
        return -e->code;
    if (str_eq(format, "json")) {
        print_json(&p);
        return 0;
    }
    args = arena_array(app->arena, (size_t)argc + 3, sizeof *args);
    args[n++] = str_dup(app->arena, "ps");
    for (int i = first + 1; i < argc; i++)
        if (!str_eq(argv[i], "--"))
            args[n++] = argv[i];
    if (n == 1)
        args[n++] = str_dup(app->arena, "-ef");
    return run_ps(args, &p, app->arena, e);
}
