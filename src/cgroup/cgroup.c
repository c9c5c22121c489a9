/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the public functions: steps of the script and verbs on a container that is there. */
#include "cgroup/limit.h"
#include "cgroup/scope.h"
#include "cgroup/tree.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- steps ---- */

/* Whether systemd has to place init is known as soon as its scope is there. */
static void set_attach(struct plan *p, const struct cgroup *cg)
{
    p->cgroup_attach = cg->scope && cg->scope->attach;
    p->cgroup_born = p->cgroup_born && !p->cgroup_attach;
}

/* Where no directory could be made the container is in its caller's, and that is what it sees. */
static void show_what_is_there(struct plan *p, const struct cgroup *cg, struct arena *a)
{
    struct cgroup_view *view = &p->cgroup_view;

    for (unsigned i = 0; i < cg->n; i++)
        for (unsigned j = 0; cg->h[i].skipped && j < view->n; j++)
            if (view->v[j].path == cg->h[i].path)
                view->v[j].path = str_ndup(a, cg->h[i].path, cg->h[i].there);
}

int step_make_cgroup(struct ctx *c, struct err *e)
{
    struct cgroup *cg = c->plan->cgroup;
    int r = cg ? cg->manager->claim(cg, c->plan, e) : 0;

    if (r == 0 && cg)
        set_attach(c->plan, cg);
    if (r == 0 && cg)
        show_what_is_there(c->plan, cg, c->arena);
    return r;
}

void undo_make_cgroup(struct ctx *c)
{
    struct cgroup *cg = c->plan->cgroup;
    struct err e = {0};

    if (cg && cg->manager->remove(cg, &e) < 0)
        log_warn("%s", e.text);
}

int step_limit_cgroup(struct ctx *c, struct err *e)
{
    struct cgroup *cg = c->plan->cgroup;

    return cg ? cg->manager->limit(cg, limit_resources(c->plan), true, e) : 0;
}

int step_place_cgroup(struct ctx *c, struct err *e)
{
    struct cgroup *cg = c->plan->cgroup;

    return cg ? cg->manager->place(cg, c->child, e) : 0;
}

int step_release_helper(struct ctx *c, struct err *e)
{
    (void)e;
    bus_close(&c->plan->cgroup->scope->bus);
    return 0;
}

/* "0" means the thread that writes (cgroup_procs_write_start in kernel/cgroup/cgroup.c): it cannot
 * exit or exec meanwhile, so the kernel takes no lock that waits for an RCU grace period. */
int step_join_cgroup(struct ctx *c, struct err *e)
{
    struct cgroup *cg = c->plan->cgroup;

    for (unsigned i = 0; cg && i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        ssize_t r = h->tasks >= 0 ? sys_write(h->tasks, "0", 1) : 0;
        if (r < 0)
            return fail(e, (int)r, "join cgroup %s", h->path);
        fd_close(&h->tasks);
    }
    return 0;
}

int cgroup_fd(const struct cgroup *cg)
{
    for (unsigned i = 0; cg && i < cg->n; i++)
        if (cg->h[i].kind == &kind_v2)
            return cg->h[i].fd;
    return -1;
}

void cgroup_forget_host(struct cgroup *cg, bool bears)
{
    if (cg && cg->scope)
        fd_close(&cg->scope->bus.sock);
    for (unsigned i = 0; cg && i < cg->n; i++)
        if (!bears || cg->h[i].kind != &kind_v2)
            fd_close(&cg->h[i].fd);
}

int cgroup_confine_fd(struct cgroup *cg, struct err *e)
{
    for (unsigned i = 0; cg && i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int tree;

        if (h->kind != &kind_v2 || h->fd < 0)
            continue;
        tree = sys_open_tree(h->fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
        if (tree < 0)
            return fail(e, tree, "take a view of cgroup %s", h->path);
        fd_close(&h->fd);
        h->fd = tree;
    }
    return 0;
}

void cgroup_close(struct cgroup *cg)
{
    if (cg && cg->scope)
        bus_close(&cg->scope->bus);
    for (unsigned i = 0; cg && i < cg->n; i++) {
        fd_close(&cg->h[i].fd);
        fd_close(&cg->h[i].tasks);
    }
}

/* ---- exec ---- */

static bool lists_ctl(const struct hier *h, const char *list, size_t len)
{
    for (const char *end = list + len; list < end;) {
        size_t n = strcspn(list, ",:");
        int c = ctl_find(h->kind, list, n);
        if (c >= 0 && (h->ctls & BIT(c)))
            return true;
        if (strlen(h->options) == n && strncmp(h->options, list, n) == 0)
            return true; /* "name=systemd" */
        list += n + 1;
    }
    return false;
}

static int bad_sub(const char *sub, const char *why, struct err *e)
{
    refuse(e, EINVAL, "--cgroup %s: %s", sub, why);
    return -EINVAL;
}

/* A place that the container may have made, below its own. */
static int go_below(struct hier *h, struct arena *a, const char *below, struct err *e)
{
    const char *path;

    below += strspn(below, "/");
    if (!*below)
        return 0;
    path = str_fmt(a, "%s/%s", h->path, below);
    if (strlen(path) >= CG_PATH)
        return refuse(e, ENAMETOOLONG, "--cgroup: the path is too long");
    fd_close(&h->fd);
    h->path = path;
    h->there = strlen(path);
    h->ino = 0;
    return hier_open(h, e);
}

static int enter_sub(struct cgroup *cg, struct arena *a, const char *sub, struct err *e)
{
    const char *colon = strchr(sub, ':'), *path = colon ? colon + 1 : sub;
    bool any = false;

    if (str_has_dotdot(path))
        return bad_sub(sub, "it leads upwards", e);
    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r;
        if (h->fd < 0 || (colon && !lists_ctl(h, sub, (size_t)(colon - sub))))
            continue;
        any = true;
        r = go_below(h, a, path, e);
        if (r < 0)
            return r;
    }
    return any ? 0 : bad_sub(sub, "the container has no such controller", e);
}

/* Where init moved to, if that is below the container's own cgroup. */
static int follow_init(struct hier *h, struct arena *a, pid_t init, struct err *e)
{
    char now[CG_PATH + 64];
    const char *own = h->path + strlen(h->mount);
    size_t n = strlen(own);

    if (cgroup_path_of(init, now, sizeof now) < 0 || strncmp(now, own, n) != 0 || now[n] != '/' ||
        str_has_dotdot(now))
        return 0;
    return go_below(h, a, str_dup(a, now + n), e);
}

/* A v2 cgroup that passes controllers on holds no processes itself: "no internal processes" in
 * cgroups(7). */
static bool holds_no_processes(const struct hier *h)
{
    char on[256];

    return cg_read(h->fd, "cgroup.subtree_control", on, sizeof on) > 0;
}

static int open_join(struct cgroup *cg, struct hier *h, struct err *e)
{
    if (h->fd < 0)
        return 0;
    if (cg->scope && !h->kind->may_join(h)) {
        cg->scope->attach = true;
        return 0;
    }
    return h->kind->open_join(h, e);
}

int cgroup_enter(struct cgroup *cg, struct arena *a, const char *const *subs, unsigned n_subs,
                 pid_t init, struct err *e)
{
    struct hier *unified;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < cg->n; i++)
        r = cg->h[i].skipped ? 0 : hier_open(&cg->h[i], e);
    for (unsigned i = 0; r == 0 && i < n_subs; i++)
        r = enter_sub(cg, a, subs[i], e);
    unified = hier_unified(cg);
    if (r == 0 && !n_subs && unified && unified->fd >= 0 && holds_no_processes(unified))
        r = follow_init(unified, a, init, e);
    for (unsigned i = 0; r == 0 && i < cg->n; i++)
        r = open_join(cg, &cg->h[i], e);
    return r;
}

bool cgroup_attaches(const struct cgroup *cg)
{
    return cg->scope && cg->scope->attach;
}

/* ---- verbs ---- */

int cgroup_signal_all(struct cgroup *cg, int sig, struct err *e)
{
    return cg->manager->signal(cg, sig, e);
}

int cgroup_freeze(struct cgroup *cg, bool frozen, struct err *e)
{
    return cg->manager->freeze(cg, frozen, e);
}

int cgroup_is_frozen(struct cgroup *cg, struct err *e)
{
    struct hier *h = hier_of(cg, CTL_FREEZER);
    int r;

    if (!h || h->skipped)
        return 0;
    r = hier_open(h, NULL);
    if (r == 0)
        r = h->kind->frozen(h);
    if (r >= 0 || r == -ENOENT || r == -ENODEV)
        return r > 0;
    return fail(e, r, "ask whether cgroup %s is frozen", h->path);
}

int cgroup_pids(struct cgroup *cg, struct arena *a, pid_t **pids, size_t *n, struct err *e)
{
    struct pid_set set = {0};
    struct hier *h = hier_unified(cg);
    int r;

    if (!h || h->skipped || hier_open(h, NULL) < 0)
        for (unsigned i = 0; i < cg->n; i++) {
            h = &cg->h[i];
            if (!h->skipped && hier_open(h, NULL) == 0)
                break;
        }
    r = h && h->fd >= 0 ? tree_pids(h->fd, a, &set) : 0;
    if (r < 0)
        return fail(e, r, "list the processes of cgroup %s", h->path);
    pid_set_sort(&set);
    *pids = set.v;
    *n = set.n;
    return 0;
}

int cgroup_remove(struct cgroup *cg, struct err *e)
{
    return cg->manager->remove(cg, e);
}

int cgroup_update(struct cgroup *cg, const struct oci_resources *r, struct err *e)
{
    return cg->manager->limit(cg, r, false, e);
}

int cgroup_oom_kills(struct cgroup *cg, uint64_t *n)
{
    struct hier *h = hier_of(cg, CTL_MEMORY);
    int r = h && !h->skipped ? hier_open(h, NULL) : -ENOENT;

    return r < 0 ? r : h->kind->oom_kills(h, n);
}

int cgroup_oom_killed(struct cgroup *cg)
{
    struct hier *h = hier_of(cg, CTL_MEMORY);
    uint64_t n;

    if (!h || h->skipped)
        return 0;
    if (cgroup_oom_kills(cg, &n) == 0)
        return n > 0;
    return cg->scope && scope_kills_around(h) > cg->scope->kills_before;
}

int cgroup_stat(struct cgroup *cg, struct arena *a, struct cgroup_stats *out, struct err *e)
{
    return cg->manager->stat(cg, a, out, e);
}

int cgroup_oom_watch(struct cgroup *cg, short *events, struct err *e)
{
    struct hier *h = hier_of(cg, CTL_MEMORY);

    if (h && !h->skipped && hier_open(h, NULL) == 0)
        return h->kind->oom_watch(h, events, e);
    refuse(e, ENOENT, "the container has no cgroup that counts memory");
    return -ENOENT;
}
