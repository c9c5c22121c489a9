/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns capabilities: names to masks on the host, and the masks onto the process in init
 * (capabilities(7); runtime-spec config.md, "process"). The change of user between the two steps
 * is proc/user.c's, which keeps the permitted set for us.
 */
#include "sec/sec.h"

#include "base/log.h"
#include "base/str.h"
#include "sys/cred.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

enum { N_NAMES = OCI_CAPABILITY_COUNT };

/* Capabilities that were left out, to be told in one line. */
struct left_out {
    uint64_t ungrantable, effective, ambient;
    char unknown[256];
};

static uint64_t bit(unsigned cap)
{
    return UINT64_C(1) << cap;
}

/* Of the capabilities that the configuration names, what the kernel knows, and of that what is in
 * the bounding set of the caller. A call each: the others are of no interest. */
static uint64_t read_bounding(uint64_t asked, uint64_t *known)
{
    uint64_t bounding = 0;

    *known = 0;
    for (unsigned cap = 0; cap < 64; cap++) {
        int r = asked & bit(cap) ? sys_capbset_read(cap) : -EINVAL;
        if (r < 0)
            continue;
        *known |= bit(cap);
        if (r > 0)
            bounding |= bit(cap);
    }
    return bounding;
}

/* What the container's process can get at most. In a user namespace that is made or entered it
 * begins with every capability (user_namespaces(7)), whatever its maker has. */
static int read_grantable(const struct plan *p, uint64_t asked, uint64_t *known,
                          uint64_t *grantable, struct err *e)
{
    struct sys_caps own;
    uint64_t bounding = read_bounding(asked, known);
    int r;

    if ((p->ns.fresh | p->ns.joined) & CLONE_NEWUSER) {
        *grantable = *known;
        return 0;
    }
    r = sys_capget(&own);
    if (r < 0)
        return fail(e, r, "read own capabilities");
    *grantable = bounding & own.permitted;
    return 0;
}

/* The vocabulary lists them by number. */
static const char *name_of(unsigned cap)
{
    return cap < N_NAMES ? oci_word(capability, cap) : "an unnamed capability";
}

/* Append a name to a list of words unless it stands there already or there is no room. */
static void note(char *list, size_t size, const char *name)
{
    size_t used = strlen(list), n = strlen(name);
    const char *at = list;

    while ((at = strstr(at, name))) {
        if ((at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ','))
            return;
        at += n;
    }
    if (used + n + 3 < size)
        snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static uint64_t named(const struct oci_strs *set)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < set->n; i++) {
        int cap = oci_word_find(capability, set->v[i]);
        mask |= cap >= 0 ? bit((unsigned)cap) : 0;
    }
    return mask;
}

static uint64_t mask_of(const struct oci_strs *set, uint64_t known, uint64_t grantable,
                        struct left_out *out)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < set->n; i++) {
        int cap = oci_word_find(capability, set->v[i]);
        if (cap >= 0 && (known & bit((unsigned)cap)))
            mask |= bit((unsigned)cap);
        else
            note(out->unknown, sizeof out->unknown, set->v[i]);
    }
    out->ungrantable |= mask & ~grantable;
    return mask & grantable;
}

static void tell_of(void (*tell)(const char *format, ...), uint64_t mask, const char *why)
{
    char list[1024] = "";

    for (unsigned cap = 0; cap < N_NAMES; cap++)
        if (mask & bit(cap))
            note(list, sizeof list, name_of(cap));
    if (list[0])
        tell("process.capabilities: left out %s: %s", list, why);
}

/* Engines fill all sets but the inheritable one with the same list: nobody there misses the ambient
 * ones, and a warning would be in the output of each container of theirs. */
static bool is_habit(const struct caps_plan *caps, const struct left_out *out)
{
    return !caps->inheritable && out->ambient == caps->permitted;
}

static void warn(const struct caps_plan *caps, const struct left_out *out)
{
    if (out->unknown[0])
        log_warn("process.capabilities: left out %s: unknown", out->unknown);
    tell_of(log_warn, out->ungrantable, "this host cannot grant them");
    tell_of(log_warn, out->effective, "effective but not permitted");
    tell_of(is_habit(caps, out) ? log_info : log_warn, out->ambient,
            "ambient but not both permitted and inheritable");
}

/* The kernel takes an inheritable capability only from the bounding set, but keeps one that is
 * there when it leaves that set (cap_capset in security/commoncap.c): so these come first. */
static int raise_unbounded_inheritable(const struct caps_plan *want, struct err *e)
{
    struct sys_caps now;
    int r;

    if (!(want->inheritable & ~want->bounding))
        return 0;
    r = sys_capget(&now);
    if (r < 0)
        return fail(e, r, "read own capabilities");
    now.inheritable |= want->inheritable;
    r = sys_capset(&now);
    return r < 0 ? fail(e, r, "set inheritable capabilities") : 0;
}

static int raise_ambient(uint64_t mask, struct err *e)
{
    int r = sys_cap_ambient_clear();

    if (r < 0)
        return fail(e, r, "clear ambient capabilities");
    for (unsigned cap = 0; cap < N_NAMES; cap++) {
        r = mask & bit(cap) ? sys_cap_ambient_raise(cap) : 0;
        if (r < 0)
            return fail(e, r, "raise ambient capability %s", name_of(cap));
    }
    return 0;
}

/* Without a word about capabilities there are none: who forgets them is not to have all. */
int caps_plan(struct plan *p, struct arena *a, struct err *e)
{
    static const struct oci_capabilities none;
    const struct oci_process *process = p->process.cfg;
    const struct oci_capabilities *cfg =
        process && process->capabilities ? process->capabilities : &none;
    struct left_out out = {0};
    struct caps_plan caps = {.given = process != NULL};
    uint64_t known, asked, can = 0;
    int r;

    (void)a;
    p->caps = caps;
    if (!process)
        return 0;
    asked = named(&cfg->bounding) | named(&cfg->permitted) | named(&cfg->effective) |
            named(&cfg->inheritable) | named(&cfg->ambient);
    r = read_grantable(p, asked, &known, &can, e);
    if (r < 0)
        return r;
    caps.bounding = mask_of(&cfg->bounding, known, can, &out);
    caps.permitted = mask_of(&cfg->permitted, known, can, &out);
    caps.effective = mask_of(&cfg->effective, known, can, &out);
    caps.inheritable = mask_of(&cfg->inheritable, known, can, &out);
    caps.ambient = mask_of(&cfg->ambient, known, can, &out);
    out.effective = caps.effective & ~caps.permitted;
    out.ambient = caps.ambient & ~(caps.permitted & caps.inheritable);
    caps.effective &= ~out.effective;
    caps.ambient &= ~out.ambient;
    warn(&caps, &out);
    p->caps = caps;
    return 0;
}

/* What is not there needs no permission to be dropped. 1: beyond the last one of this kernel. */
static int drop_one(unsigned cap, struct err *e)
{
    int r = sys_capbset_drop(cap);

    if (r == -EINVAL)
        return 1;
    if (r == 0 || (r == -EPERM && sys_capbset_read(cap) == 0))
        return 0;
    return fail(e, r, "drop %s from the bounding set", name_of(cap));
}

int step_drop_bounding(struct ctx *ctx, struct err *e)
{
    const struct caps_plan *want = &ctx->plan->caps;
    int r;

    if (!want->given)
        return 0;
    r = raise_unbounded_inheritable(want, e);
    for (unsigned cap = 0; r == 0 && cap < 64; cap++)
        r = want->bounding & bit(cap) ? 0 : drop_one(cap, e);
    return r < 0 ? r : 0;
}

int step_set_caps(struct ctx *ctx, struct err *e)
{
    const struct caps_plan *want = &ctx->plan->caps;
    struct sys_caps caps = {want->effective, want->permitted, want->inheritable};
    int r;

    if (!want->given)
        return 0;
    r = sys_capset(&caps);
    if (r < 0)
        return fail(e, r, "set capabilities");
    r = sys_keep_caps(false);
    if (r < 0)
        return fail(e, r, "end the keeping of capabilities");
    return raise_ambient(want->ambient, e);
}

int step_set_no_new_privs(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    int r = process && process->no_new_privileges ? sys_no_new_privs() : 0;

    return r < 0 ? fail(e, r, "set no_new_privs") : 0;
}
