/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a seccomp filter; wrappers as in sys.h. */
#ifndef RT_SYS_SECCOMP_H
#define RT_SYS_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

/* Since Linux 5.19; not in every header that has the rest. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* AUDIT_ARCH_* of this program, or libseccomp's token for x32, which the kernel does not tell from
 * x86_64. */
uint32_t sys_seccomp_native_arch(void);

/* Load a filter on the caller. 0, or with SECCOMP_FILTER_FLAG_NEW_LISTENER the owned notify
 * descriptor (CLOEXEC by the kernel), or -errno. */
int sys_seccomp_load(const struct sock_filter *filter, unsigned short len, unsigned flags);

/* Does this kernel know all these flags? 1, 0, or -errno when it cannot be asked (no seccomp). */
int sys_seccomp_knows(unsigned flags);

#endif
