/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the I/O priority, ioprio_set(2). */
#include "proc/proc.h"

#include "sys/sched.h"

#include <errno.h>

enum { CLASS_SHIFT = 13 };

int step_set_io_priority(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    const struct oci_io_priority *cfg = process ? process->io_priority : NULL;
    unsigned class;
    int r;

    if (!cfg)
        return 0;
    class = (unsigned)oci_word_value(io_class, cfg->class_);
    r = sys_ioprio_set(class << CLASS_SHIFT | (unsigned)cfg->priority);
    if (r == 0)
        return 0;
    fail(e, r, "process.ioPriority: set %s, priority %d", oci_word(io_class, cfg->class_),
         (int)cfg->priority);
    if (r == -EPERM)
        err_hint(e, "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN on the host");
    return r;
}
