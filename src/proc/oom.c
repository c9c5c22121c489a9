/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the adjustment of the OOM killer's score, proc_pid_oom_score_adj(5). A child inherits it. */
#include "proc/proc.h"

#include "fs/procfs.h"

#include <errno.h>
#include <stdio.h>

static int set(const struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    char value[16];
    int r;

    if (!process || !HAS(process, process, oom_score_adj))
        return 0;
    snprintf(value, sizeof value, "%d", (int)process->oom_score_adj);
    r = procfs_write(ctx->proc, "self/oom_score_adj", value, NULL);
    if (r == 0)
        return 0;
    fail(e, r, "process.oomScoreAdj: write %s to /proc/self/oom_score_adj", value);
    if (r == -EACCES || r == -EPERM)
        err_hint(e, "to lower it below the caller's needs CAP_SYS_RESOURCE on the host");
    return r;
}

int step_set_oom_score(struct ctx *ctx, struct err *e)
{
    return set(ctx, e);
}

int step_set_oom_score_early(struct ctx *ctx, struct err *e)
{
    return set(ctx, e);
}
