/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the CPU affinity that a container's process begins with. */
#include "proc/proc.h"

#include "sys/sched.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No kernel is built for more CPUs (NR_CPUS is at most 8192 today); what is beyond its own number
 * it cuts off, and the cpuset narrows the rest. */
enum { MOST_CPUS = 65536 };

/* "0-3,7": sets the bits; libocispec has checked the characters. */
static int read_list(const char *text, unsigned char *mask)
{
    while (*text) {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;

        if (end == text)
            return -EINVAL;
        if (*end == '-' && !isdigit((unsigned char)end[1]))
            return -EINVAL;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last >= MOST_CPUS)
            return -EINVAL;
        for (; first <= last; first++)
            mask[first / 8] |= (unsigned char)(1u << first % 8);
        text = end + strspn(end, ", ");
        if (text == end && *text)
            return -EINVAL;
    }
    return 0;
}

static int bind_to(const char *list, const char *which, struct err *e)
{
    unsigned char mask[MOST_CPUS / 8] = {0};
    int r;

    if (!list || !list[0])
        return 0;
    r = read_list(list, mask);
    if (r < 0)
        refuse(e, r, "expected CPUs like 0-3,7, got \"%.64s\"", list);
    else if ((r = sys_sched_setaffinity(sizeof mask, mask)) < 0)
        fail(e, r, "bind the process to CPUs %.64s", list);
    return r < 0 ? err_at(e, "/process/execCPUAffinity/%s", which) : 0;
}

int step_initial_affinity(struct ctx *ctx, struct err *e)
{
    return bind_to(ctx->plan->process.cfg->exec_cpu_affinity->initial, "initial", e);
}

int step_final_affinity(struct ctx *ctx, struct err *e)
{
    return bind_to(ctx->plan->process.cfg->exec_cpu_affinity->final, "final", e);
}

int step_reset_affinity(struct ctx *ctx, struct err *e)
{
    unsigned char mask[MOST_CPUS / 8];
    int r;

    (void)ctx;
    memset(mask, 0xff, sizeof mask);
    r = sys_sched_setaffinity(sizeof mask, mask);
    /* EINVAL: the cpuset is about to change and has no CPU in common with us; EPERM: a filter
     * around us. The cpuset decides then as well. */
    return r == 0 || r == -EINVAL || r == -EPERM ? 0 : fail(e, r, "reset the CPU affinity");
}
