/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decision where a container's cgroup is: config-linux.md, "Cgroups Path". Nothing is made
 * here. What is there already is looked up, so that the record can say so before anything changes.
 */
#include "cgroup/layout.h"
#include "cgroup/limit.h"
#include "cgroup/scope.h"

#include "base/log.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

/* ---- the path ---- */

/* Components without "." and empty ones, no slash at either end. */
static char *clean(struct arena *a, const char *path)
{
    char *out = arena_alloc(a, strlen(path) + 2), *p = out;

    while (*path) {
        size_t n = strcspn(path, "/");
        if (n && !(n == 1 && *path == '.')) {
            if (p != out)
                *p++ = '/';
            memcpy(p, path, n);
            p += n;
        }
        path += n;
        path += strspn(path, "/");
    }
    *p = '\0';
    return out;
}

static int check_path(const char *path, const char *cleaned, struct err *e)
{
    if (str_has_dotdot(path))
        refuse(e, EINVAL, "cgroup path %s leads upwards", path);
    else if (!*cleaned)
        refuse(e, EINVAL, "cgroup path %s is the root of the hierarchy, which cannot be limited",
               path);
    else if (strchr(path, '\n') || strlen(path) > CG_PATH / 2)
        refuse(e, EINVAL, "a cgroup path is one line and shorter than %d bytes", CG_PATH / 2);
    else
        return 0;
    return err_at(e, "/linux/cgroupsPath");
}

/* Where relative paths begin. */
static const char *base_of(struct arena *a, const struct mounted *m, const struct layout *l,
                           bool unprivileged)
{
    const char *own, *slash;

    if (l->n > 1)
        return layout_own_dir(a, m);
    if (!unprivileged)
        return m->mount;
    own = layout_own_dir(a, m);
    slash = strrchr(own, '/');
    return strlen(own) > strlen(m->mount) ? str_ndup(a, own, (size_t)(slash - own)) : m->mount;
}

/* ---- what is there ---- */

static bool exists(const char *path, size_t len, uint64_t dev, int *r)
{
    char part[CG_PATH];
    struct stat st;

    memcpy(part, path, len);
    part[len] = '\0';
    *r = sys_stat(AT_FDCWD, part, &st, AT_SYMLINK_NOFOLLOW);
    if (*r == 0 && !S_ISDIR(st.st_mode))
        *r = -ENOTDIR;
    else if (*r == 0 && dev && st.st_dev != dev)
        *r = -EXDEV;
    return *r != -ENOENT;
}

/* The longest part of the path that exists. */
static int look(struct hier *h, struct err *e)
{
    size_t mount = strlen(h->mount), len = strlen(h->path);
    int r = 0;

    while (len > mount && !exists(h->path, len, h->dev, &r))
        while (h->path[--len] != '/')
            ;
    h->there = len;
    if (len > mount && r < 0 && r != -EACCES)
        return fail(e, r, "look for cgroup %.*s", (int)len, h->path);
    return 0;
}

static int add_hier(struct cgroup *cg, const struct mounted *m, const char *path, struct err *e)
{
    struct hier *h = &cg->h[cg->n++];

    *h = (struct hier){.kind = m->kind,
                       .ctls = m->ctls,
                       .options = m->options,
                       .mount = m->mount,
                       .path = path,
                       .dev = m->dev,
                       .fd = -1,
                       .tasks = -1};
    if (strlen(path) >= CG_PATH)
        return refuse(e, ENAMETOOLONG, "the path of the cgroup is too long");
    return look(h, e);
}

/* ---- the view ---- */

static const char *last_part(const char *path)
{
    return strrchr(path, '/') + 1;
}

static void add_item(struct cgroup_view *v, const char *name, const char *path, const char *link,
                     const char *options)
{
    v->v[v->n++] = (struct cgroup_view_item){name, path, link, options};
}

/* Co-mounted controllers are also found under each one's own name. */
static void add_links(struct arena *a, struct cgroup_view *v, const struct mounted *m)
{
    const char *dir = last_part(m->mount);
    char *list = str_dup(a, m->options), *word;

    if (!strchr(m->options, ','))
        return;
    while ((word = strsep(&list, ",")))
        if (!str_eq(word, dir))
            add_item(v, word, NULL, dir, m->options);
}

/* path of hierarchy i: where the container is, or the caller's own without a cgroup of its own. */
static void fill_view(struct plan *p, struct arena *a, const struct layout *l)
{
    struct cgroup_view *view = &p->cgroup_view;
    const struct cgroup *cg = p->cgroup;

    if (l->n == 1 && l->v[0].kind == &kind_v2) {
        view->v2 = true;
        return;
    }
    view->v = arena_array(a, HIERS + CTLS, sizeof *view->v);
    for (unsigned i = 0; i < l->n; i++) {
        const struct mounted *m = &l->v[i];
        if (m->kind != &kind_v1)
            continue;
        add_item(view, last_part(m->mount), cg ? cg->h[i].path : layout_own_dir(a, m), NULL,
                 m->options);
        add_links(a, view, m);
    }
}

/* ---- the plan ---- */

static bool is_unprivileged(const struct plan *p)
{
    if (p->req->rootless >= 0)
        return p->req->rootless;
    return !p->privileged || p->in_userns;
}

static const char *asked_path(const struct plan *p)
{
    const char *path = p->cfg->linux ? p->cfg->linux->cgroups_path : NULL;

    return path && *path ? path : NULL;
}

static const char *join(struct arena *a, const char *dir, const char *below)
{
    return str_fmt(a, "%s/%s", dir, below);
}

static int decide(struct plan *p, struct arena *a, struct layout *l, struct err *e)
{
    const char *asked = asked_path(p), *path = asked ? asked : p->req->id;
    const char *below = clean(a, path);
    struct cgroup *cg = arena_new(a, struct cgroup);
    int r = check_path(path, below, e);

    cg->manager = &manager_fs;
    cg->unprivileged = is_unprivileged(p);
    cg->explicit = asked != NULL;
    if (r == 0 && *path != '/' && l->n == 1 && cg->unprivileged)
        r = layout_read_own(a, l, e);
    for (unsigned i = 0; r == 0 && i < l->n; i++) {
        const struct mounted *m = &l->v[i];
        const char *base = *path == '/' ? m->mount : base_of(a, m, l, cg->unprivileged);
        r = add_hier(cg, m, join(a, base, below), e);
    }
    p->cgroup = cg;
    return r;
}

/* What systemd makes goes with its unit; parents are left to it. A directory that is there already
 * belongs to somebody else's unit, which is found out when ours is to be started. */
static int decide_scope(struct plan *p, struct arena *a, struct layout *l, struct err *e)
{
    struct cgroup *cg = arena_new(a, struct cgroup);
    const char *path[HIERS];
    int r;

    cg->manager = &manager_systemd;
    cg->unprivileged = is_unprivileged(p);
    r = scope_plan(p, a, l, cg, path, e);
    for (unsigned i = 0; r == 0 && i < l->n; i++) {
        struct hier *h = &cg->h[i];
        r = add_hier(cg, &l->v[i], path[i], e);
        if (scope_manages(h) && h->path[h->there])
            h->there = (size_t)(strrchr(h->path, '/') - h->path);
    }
    p->cgroup = cg;
    return r;
}

static int nothing_mounted(const struct plan *p, struct err *e)
{
    if (!limit_needs(limit_resources(p), &kind_v1)) {
        log_debug("no cgroup hierarchy is mounted, and none is needed");
        return 0;
    }
    refuse(e, ENOENT, "no cgroup hierarchy is mounted, and limits are asked for");
    err_hint(e, "mount cgroup2 on /sys/fs/cgroup");
    return err_at(e, "/linux/resources");
}

static void set_ways(struct plan *p)
{
    p->cgroup_helper = p->cgroup->scope != NULL;
    for (unsigned i = 0; i < p->cgroup->n; i++)
        if (p->cgroup->h[i].kind == &kind_v2)
            p->cgroup_born = true;
        else
            p->cgroup_place = true;
}

int cgroup_plan(struct plan *p, struct arena *a, struct err *e)
{
    struct layout l;
    int r = layout_find(a, &l, limit_needs(limit_resources(p), &kind_v2), e);

    if (r < 0)
        return r;
    if (!l.n)
        return nothing_mounted(p, e);
    if (p->req->cg_manager != CG_MANAGER_DISABLED) {
        r = p->req->cg_manager == CG_MANAGER_SYSTEMD ? decide_scope(p, a, &l, e)
                                                     : decide(p, a, &l, e);
        if (r < 0)
            return r;
        set_ways(p);
    }
    fill_view(p, a, &l);
    return 0;
}
