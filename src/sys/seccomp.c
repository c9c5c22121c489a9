/* SPDX-License-Identifier: Apache-2.0 */
/* Owns seccomp(2). */
#include "sys/seccomp.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_seccomp_load(const struct sock_filter *filter, unsigned short len, unsigned flags)
{
    struct sock_fprog program = {.len = len, .filter = (struct sock_filter *)filter};
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

    return r < 0 ? -errno : (int)r;
}

/* With a bad address the kernel gets as far as copying the program only if it took the flags. */
int sys_seccomp_knows(unsigned flags)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0 || errno == EFAULT)
        return 1;
    return errno == EINVAL ? 0 : -errno;
}
