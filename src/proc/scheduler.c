/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the scheduling policy, sched(7), sched_setattr(2). */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/sched.h"

#include <errno.h>

/* The document has no value for the utilization clamps: back to the system's default, Linux 5.11.
 */
enum { CLAMP_DEFAULT = -1, MOST_PRIORITY = 99 };

static bool is_real_time(int policy)
{
    return policy == OCI_SCHED_POLICY_FIFO || policy == OCI_SCHED_POLICY_RR;
}

static int check_deadline(const struct oci_scheduler *cfg, struct err *e)
{
    uint64_t period = cfg->period ? cfg->period : cfg->deadline;

    if (cfg->policy != OCI_SCHED_POLICY_DEADLINE) {
        if (cfg->runtime || cfg->deadline || cfg->period)
            return refuse(e, EINVAL,
                          "process.scheduler: runtime, deadline and period belong to "
                          "SCHED_DEADLINE, not to %s",
                          oci_word(sched_policy, cfg->policy));
        return 0;
    }
    if (cfg->runtime == 0 || cfg->runtime > cfg->deadline || cfg->deadline > period)
        return refuse(e, EINVAL,
                      "process.scheduler: SCHED_DEADLINE wants 0 < runtime <= deadline <= period");
    return 0;
}

int scheduler_check(const struct oci_scheduler *cfg, struct err *e)
{
    if (is_real_time(cfg->policy) && (cfg->priority < 1 || cfg->priority > MOST_PRIORITY))
        return refuse(e, EINVAL, "process.scheduler.priority: %s wants 1 to %d, got %d",
                      oci_word(sched_policy, cfg->policy), MOST_PRIORITY, (int)cfg->priority);
    if (!is_real_time(cfg->policy) && cfg->priority != 0)
        return refuse(e, EINVAL, "process.scheduler.priority: %s has none, got %d",
                      oci_word(sched_policy, cfg->policy), (int)cfg->priority);
    return check_deadline(cfg, e);
}

static const char *reason(int code, const struct oci_scheduler *cfg)
{
    if (code == -EPERM && cfg->policy == OCI_SCHED_POLICY_DEADLINE)
        return "it needs CAP_SYS_NICE, and a CPU affinity that covers the whole root domain";
    if (code == -EPERM)
        return "it needs CAP_SYS_NICE on the host, and real-time bandwidth in the cpu cgroup";
    if (code == -EBUSY)
        return "the bandwidth of SCHED_DEADLINE is used up";
    if (code == -EINVAL)
        return "this kernel does not know the policy or a flag";
    return NULL;
}

int step_set_scheduler(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    const struct oci_scheduler *cfg = process ? process->scheduler : NULL;
    struct sys_sched_attr attr;
    int r;

    if (!cfg)
        return 0;
    attr = (struct sys_sched_attr){
        .policy = (uint32_t)oci_word_value(sched_policy, cfg->policy),
        .nice = cfg->nice,
        .priority = (uint32_t)cfg->priority,
        .runtime = cfg->runtime,
        .deadline = cfg->deadline,
        .period = cfg->period,
        .util_min = (uint32_t)CLAMP_DEFAULT,
        .util_max = (uint32_t)CLAMP_DEFAULT,
    };
    for (size_t i = 0; i < cfg->flags.n; i++)
        attr.flags |= (uint64_t)oci_word_value(sched_flag, cfg->flags.v[i]);
    r = sys_sched_setattr(&attr);
    if (r == 0)
        return 0;
    fail(e, r, "process.scheduler: set %s", oci_word(sched_policy, cfg->policy));
    if (reason(r, cfg))
        err_hint(e, "%s", reason(r, cfg));
    return r;
}
