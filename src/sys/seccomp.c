/* SPDX-License-Identifier: Apache-2.0 */
/* Owns seccomp(2). */
#include "sys/seccomp.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Byte orders are told apart by a bit of the token. */
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define BY_ORDER(big, little) (little)
#else
#define BY_ORDER(big, little) (big)
#endif

#if defined __x86_64__ && defined __ILP32__
#define NATIVE (AUDIT_ARCH_X86_64 & ~(uint32_t)__AUDIT_ARCH_64BIT)
#elif defined __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#elif defined __i386__
#define NATIVE AUDIT_ARCH_I386
#elif defined __aarch64__
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined __arm__
#define NATIVE AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#elif defined __loongarch64
#define NATIVE AUDIT_ARCH_LOONGARCH64
#elif defined __mips64 && defined _ABIN32
#define NATIVE BY_ORDER(AUDIT_ARCH_MIPS64N32, AUDIT_ARCH_MIPSEL64N32)
#elif defined __mips64
#define NATIVE BY_ORDER(AUDIT_ARCH_MIPS64, AUDIT_ARCH_MIPSEL64)
#elif defined __mips__
#define NATIVE BY_ORDER(AUDIT_ARCH_MIPS, AUDIT_ARCH_MIPSEL)
#elif defined __powerpc64__
#define NATIVE BY_ORDER(AUDIT_ARCH_PPC64, AUDIT_ARCH_PPC64LE)
#elif defined __powerpc__
#define NATIVE AUDIT_ARCH_PPC
#elif defined __s390x__
#define NATIVE AUDIT_ARCH_S390X
#elif defined __s390__
#define NATIVE AUDIT_ARCH_S390
#elif defined __hppa__ && defined __LP64__
#define NATIVE AUDIT_ARCH_PARISC64
#elif defined __hppa__
#define NATIVE AUDIT_ARCH_PARISC
#else
#error "which AUDIT_ARCH_ is this machine?"
#endif

uint32_t sys_seccomp_native_arch(void)
{
    return NATIVE;
}

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
