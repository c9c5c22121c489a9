/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what only cgroup v2 does: passing controllers on by cgroup.subtree_control, the state in
 * cgroup.events with its notification, cgroup.kill, and handing the cgroup over to the container.
 * Kernel: Documentation/admin-guide/cgroup-v2.rst.
 */
#include "cgroup/devices.h"
#include "cgroup/kind.h"
#include "cgroup/knobs.h"
#include "cgroup/limit.h"
#include "cgroup/stat.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static const char *const names[CTLS] = {
    [CTL_CPU] = "cpu",   [CTL_CPUSET] = "cpuset",   [CTL_MEMORY] = "memory",   [CTL_IO] = "io",
    [CTL_PIDS] = "pids", [CTL_HUGETLB] = "hugetlb", [CTL_PERF] = "perf_event", [CTL_RDMA] = "rdma",
    [CTL_MISC] = "misc", [CTL_DMEM] = "dmem",
};

/* Controllers whose figures engines read of every container, limited or not. */
#define COUNTED (BIT(CTL_CPU) | BIT(CTL_MEMORY) | BIT(CTL_IO) | BIT(CTL_PIDS))

/* Not behind cgroup.subtree_control: a BPF program, and a part of every cgroup. */
#define BUILT_IN (BIT(CTL_DEVICES) | BIT(CTL_FREEZER))

enum { FREEZE_MS = 10000 };

/* ---- is the cgroup handed over to the container? ---- */

/* The rule of the runtime specification, config-linux.md, "Cgroup ownership": a cgroup namespace of
 * its own and a writable view of it. */
static bool is_delegated(const struct plan *p)
{
    if (!p || !p->cgroup_view.v2 || !(p->ns.fresh & CLONE_NEWCGROUP))
        return false;
    for (unsigned i = 0; i < p->mounts.n; i++) {
        const struct mount_item *m = &p->mounts.v[i];
        if (m->kind == MOUNT_CGROUP && str_eq(m->dest, "/sys/fs/cgroup"))
            return !(m->set & MOUNT_ATTR_RDONLY);
    }
    return false;
}

/* The host's id of process.user.uid. False: no such id, or its mapping is not ours to know. */
static bool owner_of(const struct plan *p, uid_t *owner)
{
    const struct oci_process *proc = p->cfg->process;
    const struct oci_id_mapping_list *maps = &p->cfg->linux->uid_mappings;
    uint32_t uid = proc && proc->user ? proc->user->uid : 0;

    if (p->ns.joined & CLONE_NEWUSER)
        return false;
    *owner = uid;
    if (!(p->ns.fresh & CLONE_NEWUSER))
        return true;
    for (size_t i = 0; i < maps->n; i++)
        if (uid >= maps->v[i].container_id && uid - maps->v[i].container_id < maps->v[i].size) {
            *owner = maps->v[i].host_id + (uid - maps->v[i].container_id);
            return true;
        }
    return false;
}

static int hand_over_file(const struct hier *h, const char *file, uid_t owner, struct err *e)
{
    int r = sys_chown(h->fd, file, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW);

    if (r == 0 || r == -ENOENT)
        return 0;
    return fail(e, r, "give %s/%s to user %u", h->path, file, owner);
}

static int hand_over(const struct hier *h, uid_t owner, struct err *e)
{
    char list[4096], *rest = list, *file;
    int r = cg_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof list);

    if (r < 0)
        strcpy(list, "cgroup.procs\ncgroup.subtree_control\ncgroup.threads");
    r = hand_over_file(h, ".", owner, e);
    while (r == 0 && (file = strsep(&rest, "\n")))
        if (*file && !strchr(file, '/'))
            r = hand_over_file(h, file, owner, e);
    return r;
}

static int delegate(const struct cgroup *cg, const struct hier *h, const struct plan *p,
                    struct err *e)
{
    struct stat st;
    uid_t owner;
    int r;

    if (!is_delegated(p) || !owner_of(p, &owner))
        return 0;
    r = sys_stat(h->fd, ".", &st, 0);
    if (r < 0)
        return fail(e, r, "look at cgroup %s", h->path);
    if (st.st_uid == owner)
        return 0;
    r = hand_over(h, owner, e);
    if (r == -EPERM && cg->unprivileged) {
        log_debug("cgroup %s stays with the caller: it may not give it away", h->path);
        return 0;
    }
    return r;
}

/* ---- passing controllers on ---- */

static unsigned read_ctls(int dir, const char *file, int *r)
{
    char buf[512], *rest = buf, *word;
    unsigned found = 0;

    *r = cg_read(dir, file, buf, sizeof buf);
    while (*r > 0 && (word = strsep(&rest, " "))) {
        int c = ctl_find(&kind_v2, word, strlen(word));
        if (c >= 0)
            found |= BIT(c);
    }
    return found;
}

static int enable(const struct hier *h, int dir, unsigned ctls)
{
    char line[256] = "";
    size_t len = 0;

    for (unsigned c = 0; c < CTLS; c++)
        if (ctls & BIT(c))
            len += (size_t)snprintf(line + len, sizeof line - len, "+%s ", ctl_name(h, c));
    return cg_write(dir, "cgroup.subtree_control", line);
}

/* What is to be passed on: all that is needed, and what would be nice for as long as it can be. */
struct wanted {
    const struct hier *h;
    const struct oci_resources *res;
    unsigned need, all;
};

static int no_controller(const struct wanted *w, enum ctl c, const char *where, int code,
                         struct err *e)
{
    const char *name = ctl_name(w->h, c);

    if (code == ENOENT) {
        refuse(e, ENOENT, "controller %s, which this needs, is not available in cgroup %s", name,
               where);
        err_hint(e,
                 "write +%s to cgroup.subtree_control of its parents, or set Delegate=%s in "
                 "the systemd unit",
                 name, name);
    } else {
        fail(e, code, "pass controller %s on in %s/cgroup.subtree_control", name, where);
        if (code == EBUSY)
            err_hint(e, "a cgroup with processes cannot pass controllers on: move them to a "
                        "sub-cgroup, or choose another cgroupsPath");
        else
            err_hint(e, "the cgroup has to be delegated to the caller: Delegate=%s", name);
    }
    err_at(e, "/linux/resources%s", knobs_asker(w->res, c));
    return -code;
}

/* One by one, to learn which it is that cannot be. */
static int enable_each(struct wanted *w, int dir, const char *where, unsigned missing,
                       struct err *e)
{
    for (unsigned c = 0; c < CTLS; c++) {
        int r = missing & BIT(c) ? enable(w->h, dir, BIT(c)) : 0;
        if (r < 0 && (w->need & BIT(c)))
            return no_controller(w, c, where, -r, e);
        if (r < 0)
            w->all &= ~BIT(c);
    }
    return 0;
}

static int pass_on_at(struct wanted *w, const char *where, struct err *e)
{
    auto_close int dir = sys_open(AT_FDCWD, where, O_PATH | O_DIRECTORY, 0);
    unsigned on, here;
    int r;

    if (dir < 0)
        return fail(e, dir, "open cgroup %s", where);
    on = read_ctls(dir, "cgroup.subtree_control", &r);
    if (r < 0)
        return fail(e, r, "read %s/cgroup.subtree_control", where);
    if (!(w->all & ~on))
        return 0;
    here = read_ctls(dir, "cgroup.controllers", &r);
    for (unsigned c = 0; c < CTLS; c++)
        if ((w->need & ~here) & BIT(c))
            return no_controller(w, c, where, ENOENT, e);
    w->all &= here;
    if (!(w->all & ~on) || enable(w->h, dir, w->all & ~on) == 0)
        return 0;
    return enable_each(w, dir, where, w->all & ~on, e);
}

/* Are they there already? The common case: one read for the second container of a parent. */
static bool has_all(const struct wanted *w)
{
    int r;

    return !(w->all & ~read_ctls(w->h->fd, "cgroup.controllers", &r));
}

static int pass_on(struct wanted *w, struct err *e)
{
    const char *path = w->h->path, *slash = path + strlen(w->h->mount);
    char where[CG_PATH];

    if (!w->all || has_all(w))
        return 0;
    do {
        int r;
        memcpy(where, path, (size_t)(slash - path));
        where[slash - path] = '\0';
        r = pass_on_at(w, where, e);
        if (r < 0)
            return r;
    } while (w->all && (slash = strchr(slash + 1, '/')));
    return 0;
}

static int v2_ready(const struct cgroup *cg, struct hier *h, const struct plan *p, struct err *e)
{
    struct wanted w = {.h = h, .res = limit_resources(p)};
    unsigned here = h->ctls & ~BUILT_IN;
    int r;

    w.need = limit_needs(w.res, h->kind) & here;
    /* A container that owns its cgroup may want to limit parts of itself. */
    w.all = w.need | (is_delegated(p) ? here : COUNTED & here);
    r = pass_on(&w, e);
    return r < 0 ? r : delegate(cg, h, p, e);
}

/* ---- events ---- */

/* Wait until `key` of cgroup.events is `value`. 1 it is, 0 timeout, -errno. The file polls ready
 * when it has changed since it was read. */
static int wait_event(const struct hier *h, const char *key, uint64_t value, unsigned ms)
{
    auto_close int fd = sys_open(h->fd, "cgroup.events", O_RDONLY, 0);
    uint64_t end = sys_now_us() + ms * 1000ULL, now;
    char buf[256];

    if (fd < 0)
        return fd;
    for (;;) {
        uint64_t is;
        ssize_t n = sys_pread(fd, buf, sizeof buf - 1);
        if (n < 0)
            return (int)n;
        buf[n] = '\0';
        if (!cg_find_key(buf, key, &is))
            return -ENOENT;
        if (is == value)
            return 1;
        now = sys_now_us();
        if (now >= end)
            return 0;
        drop(sys_poll(fd, POLLPRI, (int)((end - now) / 1000) + 1), "the file is read again anyway");
    }
}

static int v2_frozen(const struct hier *h)
{
    uint64_t frozen;
    int r = cg_read_key(h->fd, "cgroup.events", "frozen", &frozen);

    return r < 0 ? r : frozen != 0;
}

static int v2_freeze(const struct hier *h, bool frozen, struct err *e)
{
    int r = cg_write(h->fd, "cgroup.freeze", frozen ? "1" : "0");

    if (r == 0)
        r = wait_event(h, "frozen", frozen, FREEZE_MS);
    if (r == 1)
        return 0;
    if (r == 0)
        r = -EAGAIN;
    if (frozen)
        drop(cg_write(h->fd, "cgroup.freeze", "0"), "the freeze failed already");
    return fail(e, r, "%s cgroup %s", frozen ? "freeze" : "thaw", h->path);
}

static int v2_kill(const struct hier *h)
{
    int r = cg_write(h->fd, "cgroup.kill", "1");

    return r == -ENOENT ? -EOPNOTSUPP : r;
}

static int v2_wait_empty(const struct hier *h, unsigned ms)
{
    return wait_event(h, "populated", 0, ms);
}

static int v2_open_join(struct hier *h, struct err *e)
{
    (void)h, (void)e; /* init is born inside */
    return 0;
}

/* It takes permission to move processes in the nearest cgroup that holds both places: "Delegation
 * Containment" in cgroup-v2.rst. */
static bool v2_may_join(const struct hier *h)
{
    char common[CG_PATH + 32], own[CG_PATH + 64];
    size_t mount = strlen(h->mount), n = 0;

    if (cgroup_path_of(0, own, sizeof own) < 0)
        return false;
    while (own[n] && own[n] == h->path[mount + n])
        n++;
    while (n && own[n] != '/')
        n--;
    snprintf(common, sizeof common, "%s%.*s/cgroup.procs", h->mount, (int)n, own);
    return sys_access(AT_FDCWD, common, W_OK) == 0;
}

static int v2_oom_kills(const struct hier *h, uint64_t *n)
{
    return cg_read_key(h->fd, "memory.events", "oom_kill", n);
}

static int v2_oom_watch(const struct hier *h, short *events, struct err *e)
{
    int fd = sys_open(h->fd, "memory.events", O_RDONLY, 0);
    char buf[512];

    if (fd < 0)
        return fail(e, fd, "open %s/memory.events", h->path);
    drop(sys_read(fd, buf, sizeof buf), "from now on a change counts");
    *events = POLLPRI;
    return fd;
}

const struct cg_kind kind_v2 = {
    .name = "v2",
    .backend = BACKEND_V2,
    .usage_file = "memory.current",
    .ctl_names = names,
    .magic = CGROUP2_SUPER_MAGIC,
    .ready = v2_ready,
    .frozen = v2_frozen,
    .freeze = v2_freeze,
    .kill = v2_kill,
    .wait_empty = v2_wait_empty,
    .open_join = v2_open_join,
    .may_join = v2_may_join,
    .set_devices = devices_set_v2,
    .stat = stat_v2,
    .oom_kills = v2_oom_kills,
    .oom_watch = v2_oom_watch,
};
