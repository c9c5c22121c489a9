/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the names: which unit of systemd a container becomes, and in which directory systemd will
 * put it. Nothing is asked over the bus here, as a plan has no effects.
 */
#include "cgroup/scope.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { UNIT_MAX = 255 }; /* UNIT_NAME_MAX of systemd */

#define UNIT_CHARS                                                                                 \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\" /* systemd.unit(5) */

/* On v1 systemd makes cgroups in these hierarchies for every unit with Delegate=yes. */
#define MANAGED                                                                                    \
    (BIT(CTL_CPU) | BIT(CTL_CPUACCT) | BIT(CTL_IO) | BIT(CTL_MEMORY) | BIT(CTL_DEVICES) |          \
     BIT(CTL_PIDS))

/* ---- SLICE:PREFIX:NAME ---- */

static int bad_path(const char *path, const char *why, struct err *e)
{
    refuse(e, EINVAL, "cgroupsPath \"%.100s\": %s", path, why);
    err_hint(e, "with systemd it is SLICE:PREFIX:NAME, for example machine.slice:rt:web");
    return err_at(e, "/linux/cgroupsPath");
}

static bool is_unit_name(const char *s)
{
    return *s && strlen(s) <= UNIT_MAX && !s[strspn(s, UNIT_CHARS)];
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && str_eq(s + n - m, end);
}

/* "a-b.slice" stands for a place in a tree: no part between dashes is empty. */
static bool is_slice(const char *s)
{
    size_t n = strlen(s);

    if (str_eq(s, "-.slice"))
        return true;
    return is_unit_name(s) && ends_with(s, ".slice") && *s != '-' && !strstr(s, "--") &&
           n > sizeof ".slice" - 1 && s[n - sizeof ".slice"] != '-';
}

static int split(struct arena *a, const char *path, const char *part[3])
{
    char *rest = str_dup(a, path);

    for (int i = 0; i < 3; i++) {
        if (!rest)
            return -EINVAL;
        part[i] = i < 2 ? strsep(&rest, ":") : rest;
    }
    return strchr(part[2], ':') ? -EINVAL : 0;
}

int scope_names(struct arena *a, const char *path, const char *id, bool user, const char **slice,
                const char **unit, struct err *e)
{
    const char *part[3] = {"", "rt", id};

    if (path && split(a, path, part) < 0)
        return bad_path(path, "it does not have three parts", e);
    if (path && !*part[2])
        return bad_path(path, "the name is missing", e);
    *slice = *part[0] ? part[0] : user ? "user.slice" : "system.slice";
    if (!is_slice(*slice))
        return bad_path(path ? path : "", "the first part is not the name of a slice", e);
    if (ends_with(part[2], ".slice"))
        return bad_path(path ? path : id, "a container is a scope and cannot be a slice", e);
    *unit = str_fmt(a, "%s%s%s.scope", part[1], *part[1] ? "-" : "", part[2]);
    if (!is_unit_name(*unit))
        return bad_path(path ? path : id, "prefix and name do not make the name of a unit", e);
    return 0;
}

const char *scope_slice_path(struct arena *a, const char *slice)
{
    size_t n = strlen(slice) - (sizeof ".slice" - 1);
    const char *out = "";

    if (str_eq(slice, "-.slice"))
        return out;
    for (size_t i = 1; i <= n; i++)
        if (i == n || slice[i] == '-')
            out = str_fmt(a, "%s%s%.*s.slice", out, *out ? "/" : "", (int)i, slice);
    return out;
}

/* ---- where the manager has its tree ---- */

static int no_manager(const char *where, int code, bool user, struct err *e)
{
    fail(e, code, "find the %s systemd by %s", user ? "user's" : "system's", where);
    return err_hint(e, "%s",
                    user ? "log in, or loginctl enable-linger, so that the user's systemd runs and "
                           "XDG_RUNTIME_DIR is set; or use --cgroup-manager cgroupfs"
                         : "is systemd process 1 here? otherwise use --cgroup-manager cgroupfs");
}

/* The user's systemd is the one that listens on its private socket. */
static int user_manager(pid_t *pid, struct err *e)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    auto_close int sock = -1;
    char path[4096];
    int r;

    if (!dir || *dir != '/')
        return no_manager("XDG_RUNTIME_DIR", ENOENT, true, e);
    snprintf(path, sizeof path, "%s/systemd/private", dir);
    sock = sys_unix_connect(AT_FDCWD, path, SOCK_STREAM);
    if (sock < 0)
        return no_manager(path, sock, true, e);
    r = sys_peer_pid(sock, pid);
    return r < 0 ? no_manager(path, r, true, e) : 0;
}

/* systemd itself is in init.scope below the tree that it manages. */
static int tree_of(struct arena *a, pid_t manager, bool user, const char **tree, struct err *e)
{
    struct layout all = {0};
    const char *own = NULL;
    char file[32], buf[16384];
    size_t n;
    int r;

    snprintf(file, sizeof file, "/proc/%d/cgroup", manager);
    r = cg_read(AT_FDCWD, file, buf, sizeof buf);
    if (r < 0)
        return no_manager(file, r, user, e);
    if (layout_add_own(a, &all, buf) < 0)
        return refuse(e, EINVAL, "%s is not in the form of cgroups(7)", file);
    for (unsigned i = 0; i < all.n; i++)
        if (str_eq(all.v[i].options, "name=systemd") || (!own && !*all.v[i].options))
            own = all.v[i].own;
    n = own ? strlen(own) : 0;
    if (!own || !ends_with(own, "/init.scope") || str_has_dotdot(own))
        return no_manager(file, ENOENT, user, e);
    *tree = str_ndup(a, own, n - (sizeof "/init.scope" - 1));
    return 0;
}

/* ---- the plan ---- */

bool scope_manages(const struct hier *h)
{
    return !*h->options || str_eq(h->options, "name=systemd") || (h->ctls & MANAGED);
}

static const char *dir_in(struct arena *a, const struct mounted *m, const char *path)
{
    struct mounted there = *m;

    there.own = path;
    return layout_own_dir(a, &there);
}

int scope_plan(struct plan *p, struct arena *a, const struct layout *l, struct cgroup *cg,
               const char **path, struct err *e)
{
    const char *asked = p->cfg->linux ? p->cfg->linux->cgroups_path : NULL, *tree, *below;
    struct scope *s = arena_new(a, struct scope);
    pid_t manager = 1;
    int r;

    *s = (struct scope){
        .id = p->req->id, .user = cg->unprivileged, .program = bus_program(a), .bus = BUS_CLOSED};
    r = scope_names(a, asked && *asked ? asked : NULL, s->id, s->user, &s->slice, &s->unit, e);
    if (r == 0)
        r = scope_annotations(a, &p->cfg->annotations, &s->properties, e);
    if (r == 0 && s->user)
        r = user_manager(&manager, e);
    if (r == 0)
        r = tree_of(a, manager, s->user, &tree, e);
    if (r < 0)
        return r;
    below = scope_slice_path(a, s->slice);
    below = str_fmt(a, "%s%s%s/%s", tree, *below ? "/" : "", below, s->unit);
    for (unsigned i = 0; i < l->n; i++)
        path[i] = dir_in(a, &l->v[i], below);
    cg->scope = s;
    return 0;
}

uint64_t scope_kills_around(const struct hier *h)
{
    char path[CG_PATH];
    uint64_t n;

    if (h->kind != &kind_v2 || h->there >= sizeof path)
        return 0;
    memcpy(path, h->path, h->there);
    path[h->there] = '\0';
    auto_close int dir = sys_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    return dir < 0 || cg_read_key(dir, "memory.events", "oom_kill", &n) < 0 ? 0 : n;
}

struct scope *scope_of_path(struct arena *a, const char *path, bool user)
{
    struct scope *s = arena_new(a, struct scope);
    const char *unit = strrchr(path, '/') + 1;

    if (!is_unit_name(unit) || !ends_with(unit, ".scope"))
        return NULL;
    *s = (struct scope){
        .unit = unit, .properties = "", .program = bus_program(a), .user = user, .bus = BUS_CLOSED};
    return s;
}
