/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the calls about scheduling, I/O priority and memory placement, most without libc's help. */
#include "sys/sched.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_sched_setattr(struct sys_sched_attr *attr)
{
    attr->size = sizeof *attr;
    return result(syscall(SYS_sched_setattr, 0, attr, 0));
}

int sys_sched_getattr(struct sys_sched_attr *attr)
{
    return result(syscall(SYS_sched_getattr, 0, attr, sizeof *attr, 0));
}

int sys_sched_setaffinity(size_t size, const void *mask)
{
    return result(syscall(SYS_sched_setaffinity, 0, size, mask));
}

int sys_ioprio_set(unsigned value)
{
    return result(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value));
}

int sys_ioprio_get(void)
{
    return result(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
}

/* The kernel counts one more than the bits it looks at (get_nodes in mm/mempolicy.c). */
int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long bits)
{
    return result(syscall(SYS_set_mempolicy, mode, nodes, nodes ? bits + 1 : 0));
}
