/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns signalling all processes of a cgroup. A pid that is still listed after its pidfd was opened
 * is the process that is meant; one that has gone meanwhile gets nothing.
 */
#include "cgroup/signal.h"
#include "cgroup/tree.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>

enum {
    BATCH = 128,      /* pidfds held at a time */
    PASSES_MAX = 100, /* of killing what forks; then it is frozen first */
};

struct sweep {
    const struct hier *h;
    int sig;
    struct arena a;
    struct pid_set reached; /* sorted */
    int failed;             /* the first refusal, -errno */
};

static int list(struct sweep *s, struct pid_set *set)
{
    int r;

    *set = (struct pid_set){0};
    r = tree_pids(s->h->fd, &s->a, set);
    if (r == 0)
        pid_set_sort(set);
    return r;
}

static void signal_one(struct sweep *s, int pidfd, pid_t pid, const struct pid_set *still)
{
    int r = pid_set_has(still, pid) ? sys_pidfd_signal(pidfd, s->sig) : 0;

    if (r < 0 && r != -ESRCH && !s->failed)
        s->failed = r;
}

static int signal_batch(struct sweep *s, const pid_t *pids, size_t n)
{
    int fds[BATCH], r;
    struct pid_set still;

    for (size_t i = 0; i < n; i++)
        fds[i] = sys_pidfd_open(pids[i]);
    r = list(s, &still);
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0 && r == 0)
            signal_one(s, fds[i], pids[i], &still);
        fd_close(&fds[i]);
    }
    return r;
}

/* Signal those that were not reached yet. Their number, or -errno. */
static int pass(struct sweep *s)
{
    struct pid_set now;
    pid_t todo[BATCH];
    size_t n = 0;
    int found = 0, r = list(s, &now);

    for (size_t i = 0; r == 0 && i < now.n; i++) {
        if (pid_set_has(&s->reached, now.v[i]))
            continue;
        todo[n++] = now.v[i];
        found++;
        if (n == BATCH) {
            r = signal_batch(s, todo, n);
            n = 0;
        }
    }
    if (r == 0 && n)
        r = signal_batch(s, todo, n);
    s->reached = now;
    return r < 0 ? r : found;
}

/* A process with SIGKILL pending forks no more (fork(2) gives up then), so a pass that finds
 * nobody new was the last. */
static int kill_until_none(struct sweep *s)
{
    int r = 1;

    for (int i = 0; r > 0 && i < PASSES_MAX; i++)
        r = pass(s);
    return r;
}

int signal_hier(const struct hier *h, int sig)
{
    struct sweep s = {.h = h, .sig = sig};
    int r = sig == SIGKILL ? kill_until_none(&s) : pass(&s);

    if (r >= 0 && s.failed)
        r = s.failed;
    arena_free(&s.a);
    return r > 0 && sig != SIGKILL ? 0 : r;
}
