/* SPDX-License-Identifier: Apache-2.0 */
/* How the kernel schedules a process and places its memory; wrappers as in sys.h. */
#ifndef RT_SYS_SCHED_H
#define RT_SYS_SCHED_H

#include <stddef.h>
#include <stdint.h>

/* As sched_setattr(2) wants it; times in nanoseconds. */
struct sys_sched_attr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max; /* since Linux 5.3; ~0: the system's default */
};

int sys_sched_setattr(struct sys_sched_attr *attr); /* of the caller; sets size */
int sys_sched_getattr(struct sys_sched_attr *attr);

/* mask: one bit per CPU, `size` bytes; the kernel cuts what is longer than its own. */
int sys_sched_setaffinity(size_t size, const void *mask);

/* Of the caller: class << 13 | priority, ioprio_set(2). */
int sys_ioprio_set(unsigned value);
int sys_ioprio_get(void);

/* nodes: one bit per node, or NULL; bits: how many of them count. */
int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long bits);

#endif
