/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the change to the container's user: groups, gid, uid, in the order that credentials(7)
 * allows, and the umask. */
#include "proc/proc.h"

#include "base/log.h"
#include "sys/cred.h"

#include <errno.h>
#include <sched.h>

/* Where an unprivileged user wrote the gid map, setgroups(2) is forbidden for good
 * (user_namespaces(7)): without wishes the groups stay as they are, which is all that is
 * possible; a wish cannot be granted. The annotation is how engines ask for the caller's groups. */
static int set_groups(const struct plan *p, const struct oci_user *user, struct err *e)
{
    size_t n = user ? user->additional_gids.n : 0;
    bool userns = p->in_userns || ((p->ns.fresh | p->ns.joined) & CLONE_NEWUSER);
    int r;

    if ((p->id.deny_setgroups && n == 0) || plan_annotation(p, "run.oci.keep_original_groups"))
        return 0;
    r = p->id.deny_setgroups ? -EPERM : sys_setgroups(n, user ? user->additional_gids.v : NULL);
    if (r == -EPERM && n == 0 && (userns || !p->privileged)) {
        log_debug("setgroups is denied: the supplementary groups stay");
        return 0;
    }
    if (r < 0) {
        fail(e, r, "process.user.additionalGids: set %zu supplementary groups", n);
        if (r == -EPERM)
            err_hint(e, "the user namespace denies setgroups");
        else if (r == -EINVAL)
            err_hint(e, "a group has no mapping in the user namespace");
    }
    return r;
}

static int failed_id(struct err *e, int r, const char *what, unsigned id)
{
    fail(e, r, "process.user: become %s %u", what, id);
    if (r == -EINVAL)
        err_hint(e, "it has no mapping in the user namespace");
    return r;
}

int step_set_user(struct ctx *ctx, struct err *e)
{
    const struct plan *p = ctx->plan;
    const struct oci_process *process = p->process.cfg;
    const struct oci_user *user = process ? process->user : NULL;
    uid_t uid = user ? user->uid : 0;
    gid_t gid = user ? user->gid : 0;
    int r;

    if (!process)
        return 0;
    r = set_groups(p, user, e);
    if (r < 0)
        return r;
    r = sys_setresgid(gid);
    if (r < 0)
        return failed_id(e, r, "gid", gid);
    /* Leaving uid 0 clears the permitted set, out of which step_set_caps is to choose. */
    r = uid != 0 && p->caps.given ? sys_keep_caps(true) : 0;
    if (r < 0)
        return fail(e, r, "keep capabilities across the change of user");
    r = sys_setresuid(uid);
    return r < 0 ? failed_id(e, r, "uid", uid) : 0;
}

int step_set_umask(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;

    (void)e;
    if (process && process->user && HAS(process->user, user, umask))
        sys_umask((mode_t)process->user->umask);
    return 0;
}
