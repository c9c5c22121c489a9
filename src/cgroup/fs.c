/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the manager that works on cgroupfs: the seven verbs over all hierarchies of a container. */
#include "cgroup/limit.h"
#include "cgroup/scope.h"
#include "cgroup/signal.h"
#include "cgroup/stat.h"
#include "cgroup/tree.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { DROP_MS = 10000, DROP_STEP_MS = 100 };

/* ---- opening ---- */

static int check_identity(struct hier *h, int fd)
{
    struct stat st;
    long magic;
    int r = sys_fstat(fd, &st);

    if (r < 0)
        return r;
    if (h->ino && h->ino != st.st_ino)
        return -ENOENT; /* ours went, and somebody else has the name */
    if (h->dev ? st.st_dev != h->dev : (sys_fs_type(fd, &magic) < 0 || magic != h->kind->magic))
        return -ENOENT;
    h->ino = st.st_ino;
    return 0;
}

int hier_open(struct hier *h, struct err *e)
{
    auto_close int fd = -1;
    int r;

    if (h->fd >= 0)
        return 0;
    fd = sys_openat2(AT_FDCWD, h->path, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
    r = fd < 0 ? fd : check_identity(h, fd);
    if (r < 0)
        return fail(e, r, "open cgroup %s", h->path);
    h->fd = take_fd(&fd);
    return 0;
}

static bool is_there(struct hier *h)
{
    return !h->skipped && hier_open(h, NULL) == 0;
}

/* ---- claim ---- */

static bool existed(const struct hier *h)
{
    return !h->path[h->there];
}

static int check_fit(struct hier *h, struct err *e)
{
    int frozen = h->kind->frozen(h), populated = existed(h) ? tree_is_populated(h->fd) : 0;

    if (frozen < 0 || populated < 0)
        return fail(e, frozen < 0 ? frozen : populated, "look into cgroup %s", h->path);
    if (frozen)
        refuse(e, EBUSY, "cgroup %s is frozen: a process in it would never run", h->path);
    else if (populated)
        refuse(e, EBUSY, "cgroup %s has processes already", h->path);
    else
        return 0;
    err_hint(e, frozen ? "thaw it or the cgroup above, or choose another path"
                       : "each container needs a cgroup of its own");
    return err_at(e, "/linux/cgroupsPath");
}

static bool is_refusal(int r)
{
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int make(struct hier *h, struct err *e)
{
    int r;

    if (existed(h) || h->given)
        return 0;
    r = tree_make(h, e);
    if (r == -EEXIST) {
        refuse(e, EEXIST, "cgroup %s was made by somebody else just now", h->path);
        return err_at(e, "/linux/cgroupsPath");
    }
    h->made = r == 0;
    if (is_refusal(r))
        err_hint(e, "this cgroup is not delegated to the caller: leave out limits, use "
                    "--systemd-cgroup with the user's systemd, or start rt in a unit with "
                    "Delegate=yes");
    return r;
}

static bool may_skip(const struct cgroup *cg, const struct hier *h, const struct plan *p, int r)
{
    return cg->unprivileged && !cg->explicit && is_refusal(r) &&
           !(limit_needs(limit_resources(p), h->kind) & h->ctls);
}

static int claim_hier(struct cgroup *cg, struct hier *h, const struct plan *p, struct err *e)
{
    int r = make(h, e);

    if (r == 0)
        r = hier_open(h, e);
    if (r == 0 && !h->given)
        r = check_fit(h, e);
    if (r == 0)
        r = h->kind->ready(cg, h, p, e);
    if (r == 0)
        r = limit_set_early(cg, h, limit_resources(p), e);
    if (r == 0 && !(h->given && cg->scope->attach))
        r = h->kind->open_join(h, e);
    return r;
}

/* No process has been inside yet: there is nothing to kill. */
static void unclaim(struct hier *h)
{
    if (h->made)
        drop(tree_remove(h), "the reason why is known already");
    h->made = false;
    fd_close(&h->tasks);
    fd_close(&h->fd);
}

static int fs_claim(struct cgroup *cg, const struct plan *p, struct err *e)
{
    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r = claim_hier(cg, h, p, e);
        if (r == 0)
            continue;
        unclaim(h);
        if (!may_skip(cg, h, p, r)) {
            while (i--)
                unclaim(&cg->h[i]);
            return r;
        }
        log_debug("no cgroup %s: the caller may not make it, and no limit needs it", h->path);
        h->skipped = true;
        if (e)
            *e = (struct err){0};
    }
    return 0;
}

/* ---- place ---- */

static int place_in(const struct hier *h, const char *pid, struct err *e)
{
    int r = cg_write(h->fd, "cgroup.procs", pid);

    return r < 0 ? fail(e, r, "move process %s into cgroup %s", pid, h->path) : 0;
}

static int fs_place(struct cgroup *cg, pid_t pid, struct err *e)
{
    char text[16];

    snprintf(text, sizeof text, "%d", pid);
    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r = h->tasks >= 0 ? place_in(h, text, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- limit ---- */

static int fs_limit(struct cgroup *cg, const struct oci_resources *r, bool fresh, struct err *e)
{
    struct err own = {0};

    for (unsigned i = 0; i < cg->n; i++)
        drop(is_there(&cg->h[i]), "a limit that needs it will say so");
    return limit_set(cg, r, fresh, e ? e : &own); /* whose code decides what can be left out */
}

/* ---- freeze ---- */

static struct hier *freezer(struct cgroup *cg)
{
    struct hier *h = hier_of(cg, CTL_FREEZER);

    if (h && is_there(h))
        return h;
    h = hier_unified(cg);
    return h && is_there(h) ? h : NULL;
}

static int fs_freeze(struct cgroup *cg, bool frozen, struct err *e)
{
    struct hier *h = freezer(cg);

    if (h)
        return h->kind->freeze(h, frozen, e);
    refuse(e, ENOTSUP, "the container has no cgroup that can be frozen");
    return err_hint(e, "mount cgroup2 or the freezer hierarchy, and let the caller make cgroups");
}

/* ---- signal ---- */

/* The v2 one where there is one, as no process of the container can be born elsewhere. */
static struct hier *main_hier(struct cgroup *cg)
{
    struct hier *h = hier_unified(cg);

    if (h && is_there(h))
        return h;
    for (unsigned i = 0; i < cg->n; i++)
        if (is_there(&cg->h[i]))
            return &cg->h[i];
    return NULL;
}

/* What forks faster than it is killed is stopped first, and always thawed again. */
static int kill_frozen(struct cgroup *cg, struct hier *h)
{
    int r = fs_freeze(cg, true, NULL), done;

    done = signal_hier(h, SIGKILL);
    if (r == 0)
        r = fs_freeze(cg, false, NULL);
    return done < 0 ? done : r;
}

static int kill_hier(struct cgroup *cg, struct hier *h)
{
    int r = h->kind->kill(h);

    if (r == -EOPNOTSUPP)
        r = signal_hier(h, SIGKILL);
    return r == 1 ? kill_frozen(cg, h) : r;
}

/* SIGKILL reaches frozen processes of v2; those of v1 have to run to take it. */
static void thaw_v1(struct cgroup *cg)
{
    struct hier *h = freezer(cg);

    if (h && h->kind->frozen(h) > 0)
        drop(h->kind->freeze(h, false, NULL), "a parent's freeze is not ours to end");
}

static int kill_everywhere(struct cgroup *cg)
{
    int failed = 0;

    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r = is_there(h) ? kill_hier(cg, h) : 0;
        if (r < 0 && r != -ENODEV && r != -ENOENT)
            failed = r;
    }
    thaw_v1(cg);
    return failed;
}

static int fs_signal(struct cgroup *cg, int sig, struct err *e)
{
    struct hier *h = main_hier(cg);
    int r;

    if (!h)
        return 0;
    r = sig == SIGKILL ? kill_everywhere(cg) : signal_hier(h, sig);
    return r < 0 ? fail(e, r, "signal the processes of cgroup %s", h->path) : 0;
}

/* ---- stat ---- */

static int fs_stat(struct cgroup *cg, struct arena *a, struct cgroup_stats *out, struct err *e)
{
    stat_clear(out);
    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r = is_there(h) ? h->kind->stat(h, a, out) : 0;
        if (r < 0)
            return fail(e, r, "read the figures of cgroup %s", h->path);
    }
    return 0;
}

/* ---- remove ---- */

static bool is_ours(const struct hier *h)
{
    struct stat st;

    return sys_stat(AT_FDCWD, h->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (!h->ino || h->ino == st.st_ino);
}

/* 0: nothing of it is left; -EBUSY: processes are. */
static int drop_hier(struct hier *h)
{
    if (h->skipped || !is_ours(h))
        return 0;
    if (!existed(h))
        return tree_remove(h);
    if (hier_open(h, NULL) < 0)
        return 0;
    return tree_is_populated(h->fd) > 0 ? -EBUSY : 0;
}

static int drop_once(struct cgroup *cg, struct hier **stuck)
{
    int failed = 0;

    for (unsigned i = 0; i < cg->n; i++) {
        int r = drop_hier(&cg->h[i]);
        if (r == 0) {
            fd_close(&cg->h[i].fd);
            continue;
        }
        *stuck = &cg->h[i];
        failed = r;
        if (r != -EBUSY)
            break;
    }
    return failed;
}

static int fs_remove(struct cgroup *cg, struct err *e)
{
    uint64_t end = sys_now_us() + DROP_MS * 1000ULL;
    struct hier *stuck = NULL;
    int r = drop_once(cg, &stuck);

    while (r == -EBUSY && sys_now_us() < end) {
        drop(kill_everywhere(cg), "what is left shows in the next round");
        if (is_there(stuck))
            drop(stuck->kind->wait_empty(stuck, DROP_STEP_MS), "the next round tells");
        r = drop_once(cg, &stuck);
        if (r == -EBUSY)
            sys_sleep_us(200);
    }
    if (r == 0)
        return 0;
    fail(e, r, "remove cgroup %s", stuck->path);
    return r == -EBUSY ? err_hint(e, "processes in it do not end, see its cgroup.procs") : r;
}

const struct manager manager_fs = {
    .name = "fs",
    .claim = fs_claim,
    .place = fs_place,
    .limit = fs_limit,
    .freeze = fs_freeze,
    .signal = fs_signal,
    .stat = fs_stat,
    .remove = fs_remove,
};
