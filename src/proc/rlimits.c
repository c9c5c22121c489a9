/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the resource limits of the process, getrlimit(2). */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/cred.h"

#include <errno.h>

/* A limit on descriptors this low would stop rt itself before the program is reached (waiting for
 * a start, running hooks): it is raised where that needs privilege, and lowered at the end. */
enum { ENOUGH_FDS = 128 };

static bool is_tight(int resource, const struct rlimit *want)
{
    return resource == RLIMIT_NOFILE && want->rlim_cur < ENOUGH_FDS;
}

static int failed_limit(struct err *e, int r, const struct oci_rlimit *cfg,
                        const struct rlimit *want, const struct rlimit *old)
{
    const char *name = oci_word(rlimit_type, cfg->type);

    fail(e, r, "process.rlimits: set %s to %llu (soft), %llu (hard)", name,
         (unsigned long long)want->rlim_cur, (unsigned long long)want->rlim_max);
    if (r == -EPERM && want->rlim_max > old->rlim_max)
        err_hint(e, "to raise the hard limit from %llu needs CAP_SYS_RESOURCE on the host",
                 (unsigned long long)old->rlim_max);
    else if (r == -EINVAL && want->rlim_cur > want->rlim_max)
        err_hint(e, "the soft limit is above the hard limit");
    return r;
}

static int set_limit(const struct oci_rlimit *cfg, bool final, struct err *e)
{
    int resource = (int)oci_word_value(rlimit_type, cfg->type);
    struct rlimit want = {.rlim_cur = cfg->soft, .rlim_max = cfg->hard}, old;
    int r = sys_prlimit(resource, NULL, &old);

    if (r < 0)
        return failed_limit(e, r, cfg, &want, &want);
    if (!final && is_tight(resource, &want)) {
        want.rlim_max = want.rlim_max > old.rlim_max ? want.rlim_max : old.rlim_max;
        want.rlim_cur = old.rlim_cur;
    }
    if (want.rlim_cur == old.rlim_cur && want.rlim_max == old.rlim_max)
        return 0;
    r = sys_prlimit(resource, &want, NULL);
    return r < 0 ? failed_limit(e, r, cfg, &want, &old) : 0;
}

int step_set_rlimits(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    int r = 0;

    for (size_t i = 0; process && r == 0 && i < process->rlimits.n; i++)
        r = set_limit(&process->rlimits.v[i], false, e);
    return r;
}

int rlimits_finish(const struct oci_process *process, struct err *e)
{
    int r = 0;

    for (size_t i = 0; process && r == 0 && i < process->rlimits.n; i++)
        r = set_limit(&process->rlimits.v[i], true, e);
    return r;
}
