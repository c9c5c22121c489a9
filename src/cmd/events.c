/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt events: figures of a container at an interval, and a line whenever something in it was killed
 * for want of memory, as JSON objects, one on a line. It ends with the container.
 */
#include "cmd/app.h"
#include "cmd/duration.h"
#include "cmd/stats.h"

#include "base/fd.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "run/record.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

struct watch {
    const char *id;
    struct cgroup *cg;
    int pidfd;
    int oom; /* polls ready when something ran out of memory, -1: nobody counts */
    short oom_events;
    uint64_t oom_kills; /* seen so far */
    uint64_t told;      /* CLOCK_MONOTONIC, us: when the last one was seen */
    uint64_t signals;   /* of v1's watch since */
    uint64_t kill_due;  /* CLOCK_MONOTONIC, us: until then one may follow on what the watch said */
};

/* Cgroup v1 wakes its watchers before the kernel chooses whom to kill, and only the kill counts. */
enum {
    LOOK_AGAIN_MS = 50,
    KILL_DUE_US = 10 * 1000 * 1000,
    REMOVAL_MS = 200,
    SAME_US = 1000 * 1000
};

static int find(struct app *app, const char *id, struct container *c, struct watch *w,
                struct err *e)
{
    if (record_find(app->root, id, app->arena, c, e) < 0)
        return -e->code;
    if (record_status(c) == CONTAINER_STOPPED || !HAS(c->record, record, pid))
        return refuse(e, ESRCH, "container not running: %s", id);
    if (!c->record->cgroup)
        return refuse(e, ENOTSUP, "container %s has no cgroup that counts anything", id);
    w->id = id;
    return cgroup_load(app->arena, c->record->cgroup, &w->cg, e);
}

static void envelope(const char *type, const char *id)
{
    printf("{\"type\":\"%s\",\"id\":", type);
    stats_print_string(stdout, id);
}

static int print_stats(struct watch *w, struct err *e)
{
    struct arena a = {0};
    struct cgroup_stats s;
    int r = cgroup_stat(w->cg, &a, &s, e);

    if (r == 0) {
        envelope("stats", w->id);
        printf(",\"data\":");
        stats_print(stdout, &s);
        puts("}");
    }
    arena_free(&a);
    return r == 0 && fflush(stdout) != 0 ? fail(e, errno, "write the figures") : r;
}

/* ---- the stream ---- */

static int say_oom(const struct watch *w, struct err *e)
{
    envelope("oom", w->id);
    puts("}");
    return fflush(stdout) != 0 ? fail(e, errno, "write the event") : 0;
}

/* The watch says that something happened; only a count that grew says what. */
static int look_for_kills(struct watch *w, struct err *e)
{
    uint64_t now;

    if (cgroup_oom_kills(w->cg, &now) < 0 || now <= w->oom_kills)
        return 0;
    w->oom_kills = now;
    w->told = sys_now_us();
    w->signals = 0;
    return say_oom(w, e);
}

/* An eventfd is read empty, a file of v2 once again. Of one shortage v1 may tell more than once. */
static void rearm(struct watch *w)
{
    char buf[512];
    uint64_t n = 0, now = sys_now_us();

    if (now > w->kill_due)
        w->signals = 0; /* of a shortage that killed nobody */
    w->kill_due = now + KILL_DUE_US;
    if (w->oom_events & POLLPRI)
        drop(sys_pread(w->oom, buf, sizeof buf), "from now on a change counts");
    else if (sys_read(w->oom, &n, sizeof n) == sizeof n && now - w->told > SAME_US)
        w->signals += n;
}

/* The cgroup may have gone with the container before the count of its last kill was read. On v1 its
 * removal is a signal of its own, so that two tell of a kill. */
static int last_kill(struct watch *w, struct err *e)
{
    uint64_t now;

    if (w->oom < 0 || w->oom_events & POLLPRI || cgroup_oom_kills(w->cg, &now) == 0)
        return 0;
    while (w->signals < 2 && sys_poll_in(w->oom, REMOVAL_MS) > 0)
        rearm(w);
    return w->signals < 2 ? 0 : say_oom(w, e);
}

/* 1: the container has ended. */
static int wait_once(struct watch *w, uint64_t until, struct err *e)
{
    struct pollfd fds[] = {{.fd = w->pidfd, .events = POLLIN},
                           {.fd = w->oom, .events = w->oom_events}};
    uint64_t now = sys_now_us();
    int left = now < until ? (int)((until - now) / 1000) + 1 : 0;

    if (now < w->kill_due && left > LOOK_AGAIN_MS)
        left = LOOK_AGAIN_MS;
    if (poll(fds, w->oom < 0 ? 1 : 2, left) < 0 && errno != EINTR)
        return fail(e, errno, "wait for events");
    if (w->oom >= 0 && fds[1].revents)
        rearm(w);
    if (look_for_kills(w, e) < 0)
        return -e->code;
    if (!fds[0].revents)
        return 0;
    return last_kill(w, e) < 0 ? -e->code : 1;
}

static int stream(struct watch *w, uint64_t interval, struct err *e)
{
    for (;;) {
        uint64_t until = sys_now_us() + interval;
        int r = print_stats(w, e);
        do {
            if (r == 0)
                r = wait_once(w, until, e);
            if (r)
                return r < 0 ? r : 0;
        } while (sys_now_us() < until);
    }
}

static int watch(struct container *c, struct watch *w, uint64_t interval, struct err *e)
{
    auto_close int pidfd = record_pidfd(c);
    auto_close int oom = cgroup_oom_watch(w->cg, &w->oom_events, NULL);

    if (pidfd < 0)
        return refuse(e, ESRCH, "container not running: %s", w->id);
    w->pidfd = pidfd;
    w->oom = oom < 0 ? -1 : oom;
    if (cgroup_oom_kills(w->cg, &w->oom_kills) < 0)
        w->oom_kills = 0;
    return stream(w, interval, e);
}

int cmd_events(struct app *app, int argc, char **argv, struct err *e)
{
    const char *text = "5s";
    bool once = false;
    const struct option table[] = {
        {"interval", 0, OPT_STRING, &text, "TIME", "time between figures, as 5s or 500ms (5s)"},
        {"stats", 0, OPT_FLAG, &once, NULL, "print the figures once and leave"},
    };
    int first = command_words(app, "events", table, N_OPTIONS(table), 1, 1, argc, argv, e);
    struct watch w = {.oom = -1};
    struct container c;
    uint64_t interval;

    if (first < 0)
        return first;
    if (duration_parse("--interval", text, &interval, e) < 0 ||
        find(app, argv[first], &c, &w, e) < 0)
        return -e->code;
    return once ? print_stats(&w, e) : watch(&c, &w, interval, e);
}
