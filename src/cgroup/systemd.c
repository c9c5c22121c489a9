/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the manager that leaves making the cgroup to systemd: the container is a transient scope
 * (systemd.scope(5)). A scope needs a process to begin with. That is our helper rt-systemd, so the
 * cgroup is there before init is, init is born in it as in any other, and the helper goes as soon
 * as init is inside. Everything but making, limiting and stopping is the business of manager_fs.
 */
#include "cgroup/kind.h"
#include "cgroup/limit.h"
#include "cgroup/scope.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 10, TRY_US = 20000, GLANCES = 16, GLANCE_US = 300 };

/* Our helper is in the scope together with init for a moment, and needs some room. */
enum { ROOM_TASKS = 2, ROOM_BYTES = 16 << 20 };

/* ---- asking ---- */

static int open_bus(struct scope *s, struct err *e)
{
    return s->bus.sock >= 0 ? 0 : bus_open(&s->bus, s->program, s->user, e);
}

static bool is_passing(int r)
{
    return r == -EAGAIN || r == -ECONNRESET;
}

/* A lost bus is connected to anew; a busy systemd is asked again. */
static int ask(struct scope *s, struct arena *a, const char *request, const char **answer,
               struct err *e)
{
    int r = 0;

    for (int i = 0; i < TRIES; i++) {
        r = open_bus(s, e);
        if (r == 0)
            r = bus_call(&s->bus, a, request, answer, e);
        if (!is_passing(r))
            break;
        bus_close(&s->bus);
        sys_sleep_us(TRY_US);
    }
    return r;
}

static int ask_for_unit(struct scope *s, struct arena *a, const char *call, const char *mode,
                        struct err *e)
{
    struct lines q = {.a = a};

    lines_add(&q, "call %s", call);
    lines_string(&q, 's', s->unit);
    if (mode)
        lines_string(&q, 's', mode);
    return ask(s, a, q.text, NULL, e);
}

/* ---- claim ---- */

static void put_text(struct lines *q, const char *name, const char *value)
{
    lines_property(q, name, "s");
    lines_string(q, 's', value);
    lines_property_end(q);
}

static void put_bool(struct lines *q, const char *name, bool value)
{
    lines_property(q, name, "b");
    lines_add(q, "b %d", value);
    lines_property_end(q);
}

static const char *text_of(const struct lines *l)
{
    return l->text ? l->text : "";
}

/* Limits that have to wait until the helper is gone. All others the unit is born with. */
static bool is_tight(const struct oci_resources *r)
{
    bool few = r && r->pids && HAS(r->pids, pids, limit) && r->pids->limit >= 0 &&
               r->pids->limit < ROOM_TASKS;

    return few || (r && r->memory && r->memory->limit > 0 && r->memory->limit < ROOM_BYTES);
}

/* Annotations come last: of two properties with a name the later counts. */
static void put_properties(struct lines *q, const struct scope *s, const char *limits)
{
    static const char *const counted[] = {"CPUAccounting", "MemoryAccounting", "IOAccounting",
                                          "TasksAccounting"};

    put_text(q, "Description", str_fmt(q->a, "container %s", s->id));
    put_text(q, "Slice", s->slice);
    put_text(q, "CollectMode", "inactive-or-failed");
    put_bool(q, "Delegate", true);
    put_bool(q, "DefaultDependencies", false);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        put_bool(q, counted[i], true);
    lines_property(q, "PIDs", "au");
    lines_append(q, "a u\np\n.\n");
    lines_property_end(q);
    lines_append(q, limits);
    lines_append(q, s->properties);
}

/* systemd's words do not say which property it was. */
static int blame(const struct scope *s, int r, struct err *e)
{
    if (r == -EEXIST)
        return err_at(e, "/linux/cgroupsPath");
    if (!*s->properties || is_passing(r) || r == -ETIMEDOUT)
        return r;
    err_at(e, "/annotations");
    return err_hint(e, "are the annotations org.systemd.property.* of the right names and types? "
                       "see systemd.scope(5)");
}

/* What is left of an earlier unit of the name, failed or about to go, is cleared away. */
static int start(struct scope *s, struct arena *a, const char *limits, struct err *e)
{
    struct lines q = {.a = a};
    int r;

    lines_add(&q, "call StartTransientUnit job");
    lines_string(&q, 's', s->unit);
    lines_string(&q, 's', "fail");
    lines_add(&q, "a (sv)");
    put_properties(&q, s, limits);
    lines_append(&q, ".\na (sa(sv))\n.\n");
    r = ask(s, a, q.text, NULL, e);
    for (int i = 0; i < TRIES && r == -EEXIST; i++) {
        drop(ask_for_unit(s, a, "ResetFailedUnit", NULL, NULL), "it may not have failed");
        sys_sleep_us(TRY_US);
        r = ask(s, a, q.text, NULL, e);
    }
    return r < 0 ? blame(s, r, e) : 0;
}

/* The hierarchies in which systemd made the directory. In the rest, we do. */
static int take(struct cgroup *cg, struct err *e)
{
    bool any = false;

    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        int r = hier_open(h, NULL);
        h->given = r == 0;
        if (r < 0 && r != -ENOENT)
            return fail(e, r, "open cgroup %s", h->path);
        if (h->given && !h->kind->may_join(h))
            cg->scope->attach = true;
        any = any || h->given;
    }
    if (any)
        return 0;
    refuse(e, ENOENT, "systemd runs %s, but its cgroup is not %s", cg->scope->unit, cg->h[0].path);
    return err_hint(e, "is another hierarchy of cgroups mounted here than systemd's?");
}

static int make_unit(struct cgroup *cg, const struct oci_resources *r, struct err *e)
{
    struct arena a = {0};
    struct scope_limits l;
    int done = scope_limits(cg, &a, r, true, &l, e);

    if (done == 0)
        done = start(cg->scope, &a, is_tight(r) ? "" : text_of(&l.set), e);
    arena_free(&a);
    return done;
}

static int systemd_claim(struct cgroup *cg, const struct plan *p, struct err *e)
{
    struct hier *memory = hier_of(cg, CTL_MEMORY);
    int r;

    cg->scope->kills_before = memory ? scope_kills_around(memory) : 0;
    r = make_unit(cg, limit_resources(p), e);
    if (r < 0) {
        bus_close(&cg->scope->bus);
        return r;
    }
    r = take(cg, e);
    if (r == 0)
        r = manager_fs.claim(cg, p, e);
    if (r < 0)
        manager_systemd.remove(cg, NULL);
    return r;
}

/* ---- place: where systemd has to move the process, as we may not ---- */

static const char *below_unit(const struct cgroup *cg)
{
    const struct hier *h = &cg->h[0];
    const char *unit = strstr(h->path, cg->scope->unit);

    return unit ? unit + strlen(cg->scope->unit) : "";
}

static int systemd_place(struct cgroup *cg, pid_t pid, struct err *e)
{
    struct scope *s = cg->scope;
    struct arena a = {0};
    struct lines q = {.a = &a};
    int r;

    lines_add(&q, "call AttachProcessesToUnit");
    lines_string(&q, 's', s->unit);
    lines_string(&q, 's', below_unit(cg));
    lines_add(&q, "a u\nu %d\n.", pid);
    r = ask(s, &a, q.text, NULL, e);
    arena_free(&a);
    return r;
}

/* ---- limit ---- */

static int set_properties(struct scope *s, struct arena *a, const char *first, const char *then,
                          struct err *e)
{
    struct lines q = {.a = a};

    lines_add(&q, "call SetUnitProperties");
    lines_string(&q, 's', s->unit);
    lines_add(&q, "b 1\na (sv)");
    lines_append(&q, first);
    lines_append(&q, then);
    lines_append(&q, ".\n");
    return ask(s, a, q.text, NULL, e);
}

static int get_properties(struct scope *s, struct arena *a, const struct scope_limits *l,
                          const char **old, struct err *e)
{
    return ask(s, a, str_fmt(a, "get %s\n%s", s->unit, text_of(&l->names)), old, e);
}

/* A change of limits as systemd is told it, and how it is taken back. */
struct telling {
    struct scope *scope;
    struct arena *a;
    struct scope_limits limits;
    const char *old; /* lines of properties */
    bool fresh;
};

static int tell(void *arg, struct err *e)
{
    struct telling *t = arg;
    int r = t->fresh ? 0 : get_properties(t->scope, t->a, &t->limits, &t->old, e);

    if (r == 0)
        r = set_properties(t->scope, t->a, "", t->limits.set.text, e);
    return r < 0 ? err_at(e, "/linux/resources") : 0;
}

static void take_back(void *arg)
{
    struct telling *t = arg;

    if (set_properties(t->scope, t->a, text_of(&t->limits.resets), t->old, NULL) < 0)
        log_warn("unit %s keeps its new properties, although its cgroup does not", t->scope->unit);
}

/* systemd knows first, as it writes the files in its own rounding; then they get our values. */
static int change(struct cgroup *cg, struct arena *a, const struct oci_resources *r, bool fresh,
                  struct err *e)
{
    struct telling t = {.scope = cg->scope, .a = a, .old = "", .fresh = fresh};
    const struct limit_partner partner = {tell, take_back, &t};
    int done = scope_limits(cg, a, r, fresh, &t.limits, e);

    if (done < 0)
        return done;
    if (!t.limits.set.text || (fresh && !is_tight(r)))
        return manager_fs.limit(cg, r, fresh, e);
    return limit_set_with(cg, r, fresh, &partner, e);
}

static int systemd_limit(struct cgroup *cg, const struct oci_resources *r, bool fresh,
                         struct err *e)
{
    struct arena a = {0};
    int done;

    for (unsigned i = 0; i < cg->n; i++)
        if (!cg->h[i].skipped)
            drop(hier_open(&cg->h[i], NULL), "a limit that needs it will say so");
    done = change(cg, &a, r, fresh, e);
    if (!fresh)
        bus_close(&cg->scope->bus);
    arena_free(&a);
    return done;
}

/* ---- remove ---- */

/* systemd keeps a file of each transient unit, also of one that failed and has no cgroup any more.
 */
static bool has_file(const struct scope *s)
{
    const char *run = s->user ? getenv("XDG_RUNTIME_DIR") : "/run";
    char path[4096];
    struct stat st;

    snprintf(path, sizeof path, "%s/systemd/transient/%s", run ? run : "", s->unit);
    return sys_stat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Also when its directory is held open: a name may be gone while the descriptor stays. */
static bool is_there(struct hier *h)
{
    struct stat st;

    return hier_open(h, NULL) == 0 && sys_stat(AT_FDCWD, h->path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A scope without processes is taken away by systemd itself, so often nothing is left to stop. A
 * directory that was there before us is of another unit. */
static bool is_loaded(struct cgroup *cg)
{
    bool ours = false;

    for (unsigned i = 0; i < cg->n; i++) {
        struct hier *h = &cg->h[i];
        if (h->skipped || !h->path[h->there] || !scope_manages(h))
            continue;
        ours = true;
        if (is_there(h))
            return true;
    }
    return ours && has_file(cg->scope);
}

/* All processes are killed before: stopping would else first ask them politely, for 90 seconds. */
static void stop(struct scope *s)
{
    struct arena a = {0};
    struct err e = {0};
    int r = ask_for_unit(s, &a, "StopUnit job", "replace", &e);

    if (r == -ENOENT)
        log_debug("unit %s was gone already", s->unit);
    else if (r == 0)
        drop(ask_for_unit(s, &a, "ResetFailedUnit", NULL, NULL), "it may not have failed");
    else
        log_warn("stop unit %s: %s", s->unit, e.text);
    arena_free(&a);
}

/* Asking takes longer than systemd needs for noticing that a scope is empty. */
static bool vanishes(struct cgroup *cg)
{
    for (int i = 0; i < GLANCES; i++) {
        if (!is_loaded(cg))
            return true;
        sys_sleep_us(GLANCE_US);
    }
    return false;
}

static int systemd_remove(struct cgroup *cg, struct err *e)
{
    struct scope *s = cg->scope;

    if (is_loaded(cg)) {
        drop(manager_fs.signal(cg, SIGKILL, NULL), "removing says what is left");
        if (!vanishes(cg))
            stop(s);
    }
    bus_close(&s->bus);
    return manager_fs.remove(cg, e);
}

/* ---- the verbs that are the same ---- */

static int systemd_freeze(struct cgroup *cg, bool frozen, struct err *e)
{
    return manager_fs.freeze(cg, frozen, e);
}

static int systemd_signal(struct cgroup *cg, int sig, struct err *e)
{
    return manager_fs.signal(cg, sig, e);
}

static int systemd_stat(struct cgroup *cg, struct arena *a, struct cgroup_stats *out, struct err *e)
{
    return manager_fs.stat(cg, a, out, e);
}

const struct manager manager_systemd = {
    .name = "systemd",
    .claim = systemd_claim,
    .place = systemd_place,
    .limit = systemd_limit,
    .freeze = systemd_freeze,
    .signal = systemd_signal,
    .stat = systemd_stat,
    .remove = systemd_remove,
};
