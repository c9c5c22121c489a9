/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what only cgroup v1 does: a cpuset that must be filled before it takes a process, a freezer
 * without notification, no kill file. Kernel: Documentation/admin-guide/cgroup-v1.
 */
#include "cgroup/devices.h"
#include "cgroup/kind.h"
#include "cgroup/limit.h"
#include "cgroup/stat.h"
#include "cgroup/tree.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[CTLS] = {
    [CTL_CPU] = "cpu",         [CTL_CPUACCT] = "cpuacct",   [CTL_CPUSET] = "cpuset",
    [CTL_MEMORY] = "memory",   [CTL_IO] = "blkio",          [CTL_PIDS] = "pids",
    [CTL_DEVICES] = "devices", [CTL_FREEZER] = "freezer",   [CTL_HUGETLB] = "hugetlb",
    [CTL_NET_CLS] = "net_cls", [CTL_NET_PRIO] = "net_prio", [CTL_PERF] = "perf_event",
    [CTL_RDMA] = "rdma",       [CTL_MISC] = "misc",
};

enum { FREEZE_MS = 10000, REFREEZE_MS = 50, LIST_MAX = 4096 };

/* ---- cpuset ---- */

static int read_at(const char *path, size_t len, const char *file, char *buf)
{
    char whole[CG_PATH + 32];

    memcpy(whole, path, len);
    whole[len] = '/';
    strcpy(whole + len + 1, file);
    return cg_read(AT_FDCWD, whole, buf, LIST_MAX);
}

static int write_at(const char *path, size_t len, const char *file, const char *value)
{
    char whole[CG_PATH + 32];

    memcpy(whole, path, len);
    whole[len] = '/';
    strcpy(whole + len + 1, file);
    return cg_write(AT_FDCWD, whole, value);
}

static size_t parent_len(const char *path, size_t len)
{
    while (len && path[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

/* The value of `file` in the first len bytes of the path; an empty one is filled from above. */
static int inherited(const struct hier *h, size_t len, const char *file, char *buf)
{
    int r = len > h->there ? 0 : read_at(h->path, len, file, buf);

    if (r != 0 || len <= strlen(h->mount))
        return r;
    r = inherited(h, parent_len(h->path, len), file, buf);
    if (r > 0) {
        int w = write_at(h->path, len, file, buf);
        return w < 0 ? w : r;
    }
    return r;
}

/* A directory that holds processes has to have both lists: a write to tasks fails with ENOSPC
 * otherwise (cpusets(7)). Where config.json asks for a value, limit.c writes that one before
 * anything joins, and only the parents are filled here. */
static int fill(const struct hier *h, const char *file, bool wanted, struct err *e)
{
    size_t len = strlen(h->path);
    char buf[LIST_MAX];
    int r = inherited(h, wanted ? parent_len(h->path, len) : len, file, buf);

    return r < 0 ? fail(e, r, "give cgroup %s the %s of its parent", h->path, file) : 0;
}

static int v1_ready(const struct cgroup *cg, struct hier *h, const struct plan *p, struct err *e)
{
    const struct oci_resources *res = limit_resources(p);
    const struct oci_cpu *cpu = res ? res->cpu : NULL;
    int r;

    (void)cg;
    if (!(h->ctls & BIT(CTL_CPUSET)))
        return 0;
    r = fill(h, "cpuset.cpus", cpu && cpu->cpus, e);
    return r < 0 ? r : fill(h, "cpuset.mems", cpu && cpu->mems, e);
}

/* ---- freezer ---- */

static int v1_frozen(const struct hier *h)
{
    char state[32];
    int r;

    if (!(h->ctls & BIT(CTL_FREEZER)))
        return 0;
    r = cg_read(h->fd, "freezer.state", state, sizeof state);
    return r < 0 ? r : !str_eq(state, "THAWED");
}

static bool has_state(const struct hier *h, const char *state, int *r)
{
    char now[32];

    *r = cg_read(h->fd, "freezer.state", now, sizeof now);
    return *r >= 0 && str_eq(now, state);
}

/* The v1 freezer tells nobody when it is done, and a process that is just being forked can keep it
 * in FREEZING for good, which a thaw in between resolves. */
static int wait_frozen(const struct hier *h)
{
    uint64_t start = sys_now_us(), again = start;
    unsigned nap = 20;
    int r;

    while (!has_state(h, "FROZEN", &r)) {
        uint64_t now = sys_now_us();
        if (r < 0)
            return r;
        if (now - start > FREEZE_MS * 1000ULL)
            return -EAGAIN;
        if (now - again > REFREEZE_MS * 1000ULL) {
            drop(cg_write(h->fd, "freezer.state", "THAWED"), "the next write tells");
            r = cg_write(h->fd, "freezer.state", "FROZEN");
            if (r < 0)
                return r;
            again = now;
        }
        sys_sleep_us(nap);
        nap = nap < 5000 ? nap * 2 : 5000;
    }
    return 0;
}

static int v1_freeze(const struct hier *h, bool frozen, struct err *e)
{
    int r = cg_write(h->fd, "freezer.state", frozen ? "FROZEN" : "THAWED");

    if (r == 0 && frozen)
        r = wait_frozen(h);
    if (r == 0)
        return 0;
    if (frozen)
        drop(cg_write(h->fd, "freezer.state", "THAWED"), "the freeze failed already");
    return fail(e, r, "%s cgroup %s", frozen ? "freeze" : "thaw", h->path);
}

/* ---- processes ---- */

static int v1_kill(const struct hier *h)
{
    (void)h;
    return -EOPNOTSUPP;
}

static int v1_wait_empty(const struct hier *h, unsigned ms)
{
    uint64_t end = sys_now_us() + ms * 1000ULL;
    unsigned nap = 20;

    for (;;) {
        int r = tree_is_populated(h->fd);
        if (r <= 0)
            return r < 0 ? r : 1;
        if (sys_now_us() >= end)
            return 0;
        sys_sleep_us(nap);
        nap = nap < 5000 ? nap * 2 : 5000;
    }
}

static int v1_open_join(struct hier *h, struct err *e)
{
    h->tasks = sys_open(h->fd, "tasks", O_WRONLY, 0);
    return h->tasks < 0 ? fail(e, h->tasks, "open %s/tasks", h->path) : 0;
}

static bool v1_may_join(const struct hier *h)
{
    return sys_access(h->fd, "tasks", W_OK) == 0;
}

/* ---- memory events ---- */

static int v1_oom_kills(const struct hier *h, uint64_t *n)
{
    return cg_read_key(h->fd, "memory.oom_control", "oom_kill", n);
}

static int v1_oom_watch(const struct hier *h, short *events, struct err *e)
{
    auto_close int control = sys_open(h->fd, "memory.oom_control", O_RDONLY, 0);
    auto_close int counter = sys_eventfd();
    char line[32];
    int r;

    if (control < 0)
        return fail(e, control, "open %s/memory.oom_control", h->path);
    if (counter < 0)
        return fail(e, counter, "make an eventfd");
    snprintf(line, sizeof line, "%d %d", counter, control);
    r = cg_write(h->fd, "cgroup.event_control", line);
    if (r < 0)
        return fail(e, r, "watch memory of cgroup %s", h->path);
    *events = POLLIN;
    return take_fd(&counter);
}

const struct cg_kind kind_v1 = {
    .name = "v1",
    .backend = BACKEND_V1,
    .usage_file = "memory.usage_in_bytes",
    .ctl_names = names,
    .magic = CGROUP_SUPER_MAGIC,
    .early = BIT(CTL_CPUSET),
    .device_list = true,
    .ready = v1_ready,
    .frozen = v1_frozen,
    .freeze = v1_freeze,
    .kill = v1_kill,
    .wait_empty = v1_wait_empty,
    .open_join = v1_open_join,
    .may_join = v1_may_join,
    .set_devices = devices_set_v1,
    .stat = stat_v1,
    .oom_kills = v1_oom_kills,
    .oom_watch = v1_oom_watch,
};
