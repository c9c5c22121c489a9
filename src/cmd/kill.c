/* SPDX-License-Identifier: Apache-2.0 */
/* rt kill */
#include "cmd/each.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "run/record.h"
#include "sys/sys.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

struct wish {
    int signal;
    bool all;
};

/* RTMIN, RTMIN+n, RTMAX-n. 0 when it is none of these. */
static int realtime_signal(const char *name)
{
    bool min = strncasecmp(name, "RTMIN", 5) == 0, max = strncasecmp(name, "RTMAX", 5) == 0;
    int base = min ? SIGRTMIN : SIGRTMAX;
    uint32_t n = 0;

    if (!min && !max)
        return 0;
    name += 5;
    if (*name && (*name != (min ? '+' : '-') || num_u32(name + 1, &n) < 0 || n > 31))
        return 0;
    n = min ? (uint32_t)base + n : (uint32_t)base - n;
    return (int)n < SIGRTMIN || (int)n > SIGRTMAX ? 0 : (int)n;
}

/* A number, or a name with or without SIG, in any case. */
static int signal_number(const char *text, struct err *e)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    uint32_t n;
    int s;

    if (num_u32(text, &n) == 0)
        return n <= (uint32_t)SIGRTMAX ? (int)n : refuse(e, EINVAL, "unknown signal %s", text);
    for (s = 1; s < 32; s++)
        if (sigabbrev_np(s) && strcasecmp(sigabbrev_np(s), name) == 0)
            return s;
    if (strcasecmp(name, "IOT") == 0)
        return SIGABRT;
    if (strcasecmp(name, "CLD") == 0)
        return SIGCHLD;
    if (strcasecmp(name, "POLL") == 0)
        return SIGPOLL;
    s = realtime_signal(name);
    return s ? s : refuse(e, EINVAL, "unknown signal \"%.32s\"", text);
}

/* Without a pid namespace of its own the container is what is in its cgroup. */
static int signal_cgroup(const struct container *c, int signal, struct err *e)
{
    struct cgroup *cg;
    int r;

    if (!c->record || !c->record->cgroup)
        return 0;
    if (cgroup_load(c->arena, c->record->cgroup, &cg, e) < 0)
        return -e->code;
    r = cgroup_signal_all(cg, signal, e);
    cgroup_close(cg);
    return r;
}

static int kill_one(struct app *app, const char *id, void *arg, struct err *e)
{
    const struct wish *w = arg;
    struct container c;
    auto_close int pidfd = -1;
    enum container_status status;
    bool everywhere;
    int r;

    if (record_find(app->root, id, app->arena, &c, e) < 0)
        return -e->code;
    pidfd = record_pidfd(&c);
    status = record_status_by(&c, pidfd);
    if (w->all && (pidfd < 0 || status == CONTAINER_STOPPED))
        return signal_cgroup(&c, w->signal, e);
    if (pidfd < 0 || status == CONTAINER_STOPPED)
        return refuse(e, ESRCH, "container not running: %s", id);
    everywhere = w->all || (w->signal == SIGKILL && !c.record->own_pid_namespace);
    r = everywhere ? signal_cgroup(&c, w->signal, e) : 0;
    if (r < 0)
        return r;
    if (w->all && c.record->cgroup)
        return 0; /* its first process was among them */
    r = sys_pidfd_signal(pidfd, w->signal);
    if (r == -ESRCH && everywhere)
        return 0; /* among them, and collected already */
    if (r == -ESRCH)
        return refuse(e, ESRCH, "container not running: %s", id);
    if (r < 0)
        return fail(e, r, "signal container %s", id);
    /* A frozen process of v1 does not even die: a signal that ends it needs a thaw. What counts is
     * whether it is frozen now, and not when its status was asked for (cmd/pause.c). */
    return w->signal == SIGKILL && record_is_frozen(&c) ? signal_cgroup(&c, SIGKILL, e) : 0;
}

int cmd_kill(struct app *app, int argc, char **argv, struct err *e)
{
    struct wish w = {0};
    bool regex = false;
    const struct option table[] = {
        {"all", 'a', OPT_FLAG, &w.all, NULL, "signal every process of the container"},
        {"regex", 'r', OPT_FLAG, &regex, NULL, "ID is a regular expression, regex(7)"},
    };
    int first = command_words(app, "kill", table, N_OPTIONS(table), 1, 2, argc, argv, e);

    if (first < 0)
        return first;
    w.signal = signal_number(first + 1 < argc ? argv[first + 1] : "TERM", e);
    if (w.signal < 0)
        return w.signal;
    return regex ? each_matching(app, argv[first], kill_one, &w, e)
                 : kill_one(app, argv[first], &w, e);
}
