/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the moment at which the filter takes hold of init; see sec.h for the three of them. */
#include "sec/sec.h"

#include "sys/seccomp.h"
#include "sys/sys.h"

#include <errno.h>

static int load(const struct seccomp_plan *plan, struct err *e)
{
    int r = sys_seccomp_load(plan->filter, plan->len, plan->flags);

    if (r < 0) {
        fail(e, r, "linux.seccomp: load the filter");
        if (r == -EACCES)
            err_hint(e, "without process.noNewPrivileges it needs CAP_SYS_ADMIN");
        return r;
    }
    /* From here on a call may wait for the listener: the host reads the number from memory. */
    if (plan->listener)
        __atomic_store_n(plan->number, r, __ATOMIC_SEQ_CST);
    return 0;
}

int step_load_seccomp_early(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->filter && !plan->late ? load(plan, e) : 0;
}

int step_load_seccomp_listener(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->filter && plan->late && plan->listener ? load(plan, e) : 0;
}

int step_load_seccomp_late(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->filter && plan->late && !plan->listener ? load(plan, e) : 0;
}
