/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the CPU affinity that a container's process begins with. */
#include "proc/proc.h"

#include "sys/sched.h"

#include <errno.h>
#include <string.h>

/* No kernel is built for more CPUs (NR_CPUS is at most 8192 today); what is beyond its own number
 * it cuts off, and the cpuset narrows the rest. */
enum { MOST_CPUS = 65536 };

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
