/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns writing limits: each setting to its file; where the kernel refuses one because of another
 * that is still to come, again after that one; on an update back to the old values if one fails.
 */
#include "cgroup/limit.h"
#include "cgroup/knobs.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

enum { FILE_MAX = 65536, PAGE_LOSS = 65536 };

struct job {
    struct cgroup *cg;
    struct arena a;
    struct settings set;
    bool fresh;
    const struct limit_partner *partner; /* or NULL */
    bool *done;
    const char **old; /* content of the file before, by setting; not fresh */
    bool *other;      /* the setting's second file was taken */
};

const struct oci_resources *limit_resources(const struct plan *p)
{
    return p && p->cfg && p->cfg->linux ? p->cfg->linux->resources : NULL;
}

unsigned limit_needs(const struct oci_resources *r, const struct cg_kind *kind)
{
    return knobs_needs(r, kind->backend);
}

static struct hier *place_of(struct cgroup *cg, enum ctl c)
{
    return c == CTL_NONE ? hier_unified(cg) : hier_of(cg, c);
}

/* ---- one setting ---- */

static const char *read_present(const void *arg, struct arena *a, enum ctl c, const char *file)
{
    struct cgroup *cg = *(struct cgroup *const *)arg;
    struct hier *h = place_of(cg, c);
    char *text = arena_alloc(a, 256);

    if (!h || h->fd < 0 || cg_read(h->fd, file, text, 256) < 0)
        return NULL;
    return text;
}

/* A value that was taken and forgotten shows in the file. Sizes are cut to whole pages. */
static int check_kept(const struct hier *h, const struct setting *s)
{
    uint64_t is, wanted;

    if (num_u64(s->value, &wanted) < 0 || cg_read_u64(h->fd, s->file, &is) < 0)
        return 0;
    return is <= wanted && wanted - is < PAGE_LOSS ? 0 : -EOPNOTSUPP;
}

static int keep_old(struct job *j, size_t i, const struct hier *h, const char *file)
{
    char *text;
    int r;

    if (j->fresh || j->old[i])
        return 0;
    text = arena_alloc(&j->a, FILE_MAX);
    r = cg_read(h->fd, file, text, FILE_MAX);
    if (r >= 0)
        j->old[i] = text;
    return r == -EINVAL || r == -EACCES || r > 0 ? 0 : r; /* or it can only be written */
}

static int write_file(struct job *j, size_t i, const struct hier *h, bool other)
{
    const struct setting *s = &j->set.v[i];
    const char *file = other ? s->other_file : s->file;
    int r = keep_old(j, i, h, file);

    if (r == 0)
        r = cg_write(h->fd, file, other ? s->other_value : s->value);
    if (r == 0)
        j->other[i] = other;
    return r;
}

/* Before somebody else writes the same files. */
static void keep_all(struct job *j)
{
    for (size_t i = 0; i < j->set.n; i++) {
        const struct setting *s = &j->set.v[i];
        const struct hier *h = place_of(j->cg, s->ctl);
        if (!h || h->skipped || h->fd < 0)
            continue;
        j->other[i] = keep_old(j, i, h, s->file) == -ENOENT && s->other_file;
        if (j->other[i])
            drop(keep_old(j, i, h, s->other_file), "writing it fails in the same way");
    }
}

static int try_setting(struct job *j, size_t i)
{
    const struct setting *s = &j->set.v[i];
    const struct hier *h = place_of(j->cg, s->ctl);
    int r;

    if (!h || h->skipped || h->fd < 0)
        return s->optional ? 0 : -ENODEV;
    r = write_file(j, i, h, false);
    if (r == -ENOENT && s->other_file)
        r = write_file(j, i, h, true);
    if (r == -ENOENT && s->optional)
        return 0;
    return r == 0 && s->kept ? check_kept(h, s) : r;
}

/* ---- what to say ---- */

static int no_hierarchy(const struct setting *s, struct err *e)
{
    const char *name = s->ctl == CTL_NONE ? NULL : kind_v2.ctl_names[s->ctl];

    if (!name && s->ctl != CTL_NONE)
        name = kind_v1.ctl_names[s->ctl];
    refuse(e, ENODEV, "set %s: no cgroup with controller %s can be had here", s->file,
           name ? name : "of cgroup v2");
    err_hint(e, "mount its hierarchy, or have the controller delegated");
    return err_at(e, "/linux/resources%s", s->at);
}

static const char *hint_for(const struct setting *s, int code)
{
    if (code == ENOENT && s->ctl == CTL_MEMORY && strstr(s->file, "sw"))
        return "the kernel does not count swap: boot with swapaccount=1";
    if (code == ENOENT)
        return "the kernel lacks this feature, or the controller is not enabled in the parent's "
               "cgroup.subtree_control";
    if (code == EOPNOTSUPP && s->kept)
        return "since Linux 5.16 kernel memory has no limit of its own: use memory.limit";
    if (code == EBUSY && s->ctl == CTL_MEMORY)
        return "the processes use more than that";
    if (code == EINVAL && s->ctl == CTL_CPU)
        return "quota, period and burst have to fit each other and the parent's cgroup";
    if (code == EINVAL && s->ctl == CTL_MEMORY)
        return "the limit of memory and swap cannot be below the limit of memory";
    if ((code == EACCES || code == ENOSPC || code == EINVAL || code == ERANGE) &&
        s->ctl == CTL_CPUSET)
        return "the parent's cgroup has to have these, and the host too";
    if (code == ENODEV && s->ctl == CTL_IO)
        return "limits are for whole disks that exist, not for partitions";
    return NULL;
}

static int complain(struct job *j, size_t i, int r, struct err *e)
{
    const struct setting *s = &j->set.v[i];
    const struct hier *h = place_of(j->cg, s->ctl);
    const char *hint = hint_for(s, -r);

    if (!h || h->skipped || h->fd < 0)
        return no_hierarchy(s, e);
    fail(e, r, "write \"%s\" to %s/%s", s->value, h->path, s->file);
    if (hint)
        err_hint(e, "%s", hint);
    return err_at(e, "/linux/resources%s", s->at);
}

/* ---- all settings ---- */

/* Which of two limits has to be written first depends on which way they move: memory below
 * memory+swap, burst and quota. The kernel says EINVAL to the wrong one; its turn comes again after
 * the others. */
static int apply(struct job *j, struct err *e)
{
    for (;;) {
        size_t failed = 0, n_failed = 0, n_done = 0;
        for (size_t i = 0; i < j->set.n; i++) {
            int r = j->done[i] ? 0 : try_setting(j, i);
            if (r < 0 && r != -EINVAL)
                return complain(j, i, r, e);
            if (r < 0 && n_failed++ == 0)
                failed = i;
            if (r == 0 && !j->done[i]) {
                j->done[i] = true;
                n_done++;
            }
        }
        if (!n_failed)
            return 0;
        if (!n_done)
            return complain(j, failed, -EINVAL, e);
    }
}

/* The line of text that begins with key, or NULL. */
static const char *find_line(struct arena *a, const char *text, const char *key)
{
    size_t n = strlen(key);

    for (; text; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, key, n) == 0 && text[n] == ' ')
            return str_ndup(a, text, strcspn(text, "\n"));
        if (!*text)
            break;
    }
    return NULL;
}

static const char *old_value(struct job *j, size_t i)
{
    const struct setting *s = &j->set.v[i];
    const char *line;

    if (s->restore == RESTORE_WHOLE)
        return *j->old[i] ? j->old[i] : "\n";
    line = find_line(&j->a, j->old[i], s->key);
    if (!line)
        return s->unset;
    return s->restore == RESTORE_LINE ? line : line + strlen(s->key) + 1;
}

/* A cpuset of v2 that was empty had what its parent has. It cannot be made empty again while it
 * holds processes: ENOSPC, validate_change in kernel/cgroup/cpuset.c. */
static int restore_empty(struct job *j, const struct hier *h, const char *file)
{
    char *above = arena_alloc(&j->a, FILE_MAX);
    int r = cg_read(h->fd, str_fmt(&j->a, "../%s.effective", file), above, FILE_MAX);

    return r < 0 ? r : cg_write(h->fd, file, above);
}

static bool restore(struct job *j, size_t i)
{
    const struct setting *s = &j->set.v[i];
    const struct hier *h = place_of(j->cg, s->ctl);
    const char *file = j->other[i] ? s->other_file : s->file;
    int r = h && h->fd >= 0 ? cg_write(h->fd, file, old_value(j, i)) : 0;

    if (r == -ENOSPC && s->ctl == CTL_CPUSET)
        r = restore_empty(j, h, file);
    if (r < 0 && r != -EINVAL && j->done[i]) /* else it is why we go back, and was never written */
        log_warn("%s/%s keeps its new value: %s", h->path, file, strerror(-r));
    return r != -EINVAL;
}

/* Backwards, and by turns as in apply. A partner may have touched any of them. */
static void go_back(struct job *j)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = j->set.n; i-- > 0;) {
            if (!(j->done[i] || j->partner) || !j->old[i] || !restore(j, i))
                continue;
            j->old[i] = NULL;
            moved = true;
        }
    }
}

/* ---- devices ---- */

static int set_devices(struct cgroup *cg, const struct oci_resources *r, bool fresh, struct err *e)
{
    struct hier *h = hier_of(cg, CTL_DEVICES);
    bool rules = r && r->devices.n;
    int done;

    if (!fresh && !rules)
        return 0;
    if (h && !h->skipped && h->fd >= 0) {
        done = h->kind->set_devices(cg, h, r, fresh, e);
        if (!cg->unprivileged || (done != -EPERM && done != -EACCES))
            return done;
    } else if (rules && !cg->unprivileged) {
        refuse(e, ENODEV, "no cgroup controls devices here");
        err_hint(e, "mount the devices hierarchy, or cgroup2");
        return err_at(e, "/linux/resources/devices");
    }
    /* Without privilege over the host no device node can be made, and opening one is up to the
     * permissions of the file. */
    if (e)
        *e = (struct err){0};
    log_debug("no device rules: the caller may not set them");
    return 0;
}

/* ---- the whole ---- */

/* Of a controller that is nowhere. Beside hierarchies of v1 one of its own can be mounted, which
 * is what the message says that no_hierarchy makes; v2 alone has it or not. */
static enum backend backend_of_missing(const struct cgroup *cg)
{
    for (unsigned i = 0; i < cg->n; i++)
        if (cg->h[i].kind->backend == BACKEND_V1)
            return BACKEND_V1;
    return cg->h[0].kind->backend;
}

static void find_backends(struct cgroup *cg, struct knob_env *env)
{
    for (unsigned c = 0; c <= CTLS; c++) {
        const struct hier *h = place_of(cg, c);
        env->backend[c] = h ? h->kind->backend : backend_of_missing(cg);
    }
}

static int convert(struct job *j, const struct oci_resources *r, unsigned mask, struct err *e)
{
    struct knob_env env = {.a = &j->a, .r = r};

    find_backends(j->cg, &env);
    if (!j->fresh)
        env.present = (struct present){read_present, &j->cg};
    return knobs_convert(&env, mask, &j->set, e);
}

static int tell_and_apply(struct job *j, struct err *e)
{
    int done = 0;

    if (j->partner && !j->fresh)
        keep_all(j);
    if (j->partner)
        done = j->partner->tell(j->partner->arg, e);
    if (done < 0)
        return done;
    done = apply(j, e);
    if (done < 0 && !j->fresh) {
        if (j->partner)
            j->partner->take_back(j->partner->arg);
        go_back(j);
    }
    return done;
}

static int run(struct job *j, const struct oci_resources *r, unsigned mask, struct err *e)
{
    int done = convert(j, r, mask, e);

    if (done < 0)
        return done;
    j->done = arena_array(&j->a, j->set.n, sizeof *j->done);
    j->other = arena_array(&j->a, j->set.n, sizeof *j->other);
    j->old = arena_array(&j->a, j->set.n, sizeof *j->old);
    return tell_and_apply(j, e);
}

/* What a new limit must not be below. */
static int check_usage(struct cgroup *cg, const struct oci_memory *m, struct err *e)
{
    struct hier *h = hier_of(cg, CTL_MEMORY);
    uint64_t usage;
    int64_t least = m->limit > 0 ? m->limit : INT64_MAX;

    if (m->swap > 0 && m->swap < least)
        least = m->swap;
    if (!h || h->fd < 0 || cg_read_u64(h->fd, h->kind->usage_file, &usage) < 0)
        return 0;
    if (usage <= (uint64_t)least)
        return 0;
    refuse(e, EBUSY, "the container uses %llu bytes of memory, more than the new limit of %lld",
           (unsigned long long)usage, (long long)least);
    return err_at(e, "/linux/resources/memory/%s", least == m->limit ? "limit" : "swap");
}

static int check(struct cgroup *cg, const struct oci_resources *r, struct err *e)
{
    return r && r->memory && r->memory->check_before_update ? check_usage(cg, r->memory, e) : 0;
}

static unsigned early_mask(struct cgroup *cg)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < cg->n; i++)
        mask |= cg->h[i].ctls & cg->h[i].kind->early;
    return mask;
}

int limit_set_with(struct cgroup *cg, const struct oci_resources *r, bool fresh,
                   const struct limit_partner *partner, struct err *e)
{
    struct job j = {.cg = cg, .fresh = fresh, .partner = partner};
    int done = fresh ? 0 : check(cg, r, e);

    if (done == 0 && r)
        done = run(&j, r, ~(fresh ? early_mask(cg) : 0), e);
    if (done == 0) {
        done = set_devices(cg, r, fresh, e);
        if (done < 0 && !fresh && j.set.n)
            go_back(&j);
    }
    arena_free(&j.a);
    return done;
}

int limit_set(struct cgroup *cg, const struct oci_resources *r, bool fresh, struct err *e)
{
    return limit_set_with(cg, r, fresh, NULL, e);
}

int limit_set_early(struct cgroup *cg, struct hier *h, const struct oci_resources *r, struct err *e)
{
    struct job j = {.cg = cg, .fresh = true};
    unsigned mask = h->ctls & h->kind->early;
    int done = r && (mask & limit_needs(r, h->kind)) ? run(&j, r, mask, e) : 0;

    arena_free(&j.a);
    return done;
}
