/* SPDX-License-Identifier: Apache-2.0 */
/* libocispec/def/words.def: each word has the number that the kernel's headers give it. */
#include "oci.h"
#include "tap.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

#define NUMBER(vocab, text, number)                                                                \
    ok(oci_word_find(vocab, text) >= 0 &&                                                          \
           oci_word_value(vocab, oci_word_find(vocab, text)) == (long long)(number),               \
       #vocab " %s is " #number, text)

/* Where the word is the name of the constant. */
#define SAME(vocab, name) NUMBER(vocab, #name, name)

static void test_namespaces(void)
{
    NUMBER(namespace_type, "pid", CLONE_NEWPID);
    NUMBER(namespace_type, "network", CLONE_NEWNET);
    NUMBER(namespace_type, "mount", CLONE_NEWNS);
    NUMBER(namespace_type, "ipc", CLONE_NEWIPC);
    NUMBER(namespace_type, "uts", CLONE_NEWUTS);
    NUMBER(namespace_type, "user", CLONE_NEWUSER);
    NUMBER(namespace_type, "cgroup", CLONE_NEWCGROUP);
    NUMBER(namespace_type, "time", CLONE_NEWTIME);
}

static void test_rlimits(void)
{
    SAME(rlimit_type, RLIMIT_CPU);
    SAME(rlimit_type, RLIMIT_FSIZE);
    SAME(rlimit_type, RLIMIT_DATA);
    SAME(rlimit_type, RLIMIT_STACK);
    SAME(rlimit_type, RLIMIT_CORE);
    SAME(rlimit_type, RLIMIT_RSS);
    SAME(rlimit_type, RLIMIT_NPROC);
    SAME(rlimit_type, RLIMIT_NOFILE);
    SAME(rlimit_type, RLIMIT_MEMLOCK);
    SAME(rlimit_type, RLIMIT_AS);
    SAME(rlimit_type, RLIMIT_LOCKS);
    SAME(rlimit_type, RLIMIT_SIGPENDING);
    SAME(rlimit_type, RLIMIT_MSGQUEUE);
    SAME(rlimit_type, RLIMIT_NICE);
    SAME(rlimit_type, RLIMIT_RTPRIO);
    SAME(rlimit_type, RLIMIT_RTTIME);
}

/* The table lists capabilities in the order of their numbers, without a gap. */
static void test_capabilities(void)
{
    bool ordered = true;

    for (int i = 0; i < OCI_CAPABILITY_COUNT; i++)
        ordered = ordered && oci_word_value(capability, i) == i;
    ok(ordered, "a capability's word is its number");
    is_int(OCI_CAPABILITY_COUNT - 1, CAP_LAST_CAP, "all capabilities have a word");
    SAME(capability, CAP_CHOWN);
    SAME(capability, CAP_SETPCAP);
    SAME(capability, CAP_NET_RAW);
    SAME(capability, CAP_SYS_ADMIN);
    SAME(capability, CAP_SYS_TTY_CONFIG);
    SAME(capability, CAP_MKNOD);
    SAME(capability, CAP_SETFCAP);
    SAME(capability, CAP_SYSLOG);
    SAME(capability, CAP_AUDIT_READ);
    SAME(capability, CAP_BPF);
    SAME(capability, CAP_CHECKPOINT_RESTORE);
}

static void test_scheduling(void)
{
    NUMBER(sched_policy, "SCHED_OTHER", SCHED_NORMAL);
    SAME(sched_policy, SCHED_FIFO);
    SAME(sched_policy, SCHED_RR);
    SAME(sched_policy, SCHED_BATCH);
    NUMBER(sched_policy, "SCHED_ISO", 4); /* reserved by the kernel, not defined */
    SAME(sched_policy, SCHED_IDLE);
    SAME(sched_policy, SCHED_DEADLINE);
    SAME(sched_flag, SCHED_FLAG_RESET_ON_FORK);
    SAME(sched_flag, SCHED_FLAG_RECLAIM);
    SAME(sched_flag, SCHED_FLAG_DL_OVERRUN);
    SAME(sched_flag, SCHED_FLAG_KEEP_POLICY);
    SAME(sched_flag, SCHED_FLAG_KEEP_PARAMS);
    SAME(sched_flag, SCHED_FLAG_UTIL_CLAMP_MIN);
    SAME(sched_flag, SCHED_FLAG_UTIL_CLAMP_MAX);
    SAME(io_class, IOPRIO_CLASS_RT);
    SAME(io_class, IOPRIO_CLASS_BE);
    SAME(io_class, IOPRIO_CLASS_IDLE);
}

static void test_memory_policy(void)
{
    SAME(mpol_mode, MPOL_DEFAULT);
    SAME(mpol_mode, MPOL_PREFERRED);
    SAME(mpol_mode, MPOL_BIND);
    SAME(mpol_mode, MPOL_INTERLEAVE);
    SAME(mpol_mode, MPOL_LOCAL);
    SAME(mpol_mode, MPOL_PREFERRED_MANY);
    NUMBER(mpol_mode, "MPOL_WEIGHTED_INTERLEAVE", 6); /* Linux 6.9 */
    SAME(mpol_flag, MPOL_F_NUMA_BALANCING);
    SAME(mpol_flag, MPOL_F_RELATIVE_NODES);
    SAME(mpol_flag, MPOL_F_STATIC_NODES);
}

static void test_mounts_and_personality(void)
{
    NUMBER(propagation, "shared", MS_SHARED);
    NUMBER(propagation, "slave", MS_SLAVE);
    NUMBER(propagation, "private", MS_PRIVATE);
    NUMBER(propagation, "unbindable", MS_UNBINDABLE);
    NUMBER(propagation, "rshared", MS_SHARED | MS_REC);
    NUMBER(propagation, "rslave", MS_SLAVE | MS_REC);
    NUMBER(propagation, "rprivate", MS_PRIVATE | MS_REC);
    NUMBER(propagation, "runbindable", MS_UNBINDABLE | MS_REC);
    NUMBER(personality_domain, "LINUX", PER_LINUX);
    NUMBER(personality_domain, "LINUX32", PER_LINUX32);
}

static void test_seccomp(void)
{
    NUMBER(seccomp_action, "SCMP_ACT_KILL", SECCOMP_RET_KILL);
    NUMBER(seccomp_action, "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS);
    NUMBER(seccomp_action, "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD);
    NUMBER(seccomp_action, "SCMP_ACT_TRAP", SECCOMP_RET_TRAP);
    NUMBER(seccomp_action, "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO);
    NUMBER(seccomp_action, "SCMP_ACT_TRACE", SECCOMP_RET_TRACE);
    NUMBER(seccomp_action, "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW);
    NUMBER(seccomp_action, "SCMP_ACT_LOG", SECCOMP_RET_LOG);
    NUMBER(seccomp_action, "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF);
    SAME(seccomp_flag, SECCOMP_FILTER_FLAG_TSYNC);
    SAME(seccomp_flag, SECCOMP_FILTER_FLAG_LOG);
    SAME(seccomp_flag, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    NUMBER(seccomp_flag, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32); /* Linux 5.19 */
}

static void test_architectures(void)
{
    NUMBER(seccomp_arch, "SCMP_ARCH_X86", AUDIT_ARCH_I386);
    NUMBER(seccomp_arch, "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64);
    NUMBER(seccomp_arch, "SCMP_ARCH_X32", EM_X86_64 | __AUDIT_ARCH_LE);
    NUMBER(seccomp_arch, "SCMP_ARCH_ARM", AUDIT_ARCH_ARM);
    NUMBER(seccomp_arch, "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPS", AUDIT_ARCH_MIPS);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPS64", AUDIT_ARCH_MIPS64);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPS64N32", AUDIT_ARCH_MIPS64N32);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPSEL", AUDIT_ARCH_MIPSEL);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPSEL64", AUDIT_ARCH_MIPSEL64);
    NUMBER(seccomp_arch, "SCMP_ARCH_MIPSEL64N32", AUDIT_ARCH_MIPSEL64N32);
    NUMBER(seccomp_arch, "SCMP_ARCH_PPC", AUDIT_ARCH_PPC);
    NUMBER(seccomp_arch, "SCMP_ARCH_PPC64", AUDIT_ARCH_PPC64);
    NUMBER(seccomp_arch, "SCMP_ARCH_PPC64LE", AUDIT_ARCH_PPC64LE);
    NUMBER(seccomp_arch, "SCMP_ARCH_S390", AUDIT_ARCH_S390);
    NUMBER(seccomp_arch, "SCMP_ARCH_S390X", AUDIT_ARCH_S390X);
    NUMBER(seccomp_arch, "SCMP_ARCH_PARISC", AUDIT_ARCH_PARISC);
    NUMBER(seccomp_arch, "SCMP_ARCH_PARISC64", AUDIT_ARCH_PARISC64);
    NUMBER(seccomp_arch, "SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64);
    NUMBER(seccomp_arch, "SCMP_ARCH_LOONGARCH64", 0xc0000102); /* Linux 5.19 */
    NUMBER(seccomp_arch, "SCMP_ARCH_M68K", AUDIT_ARCH_M68K);
    NUMBER(seccomp_arch, "SCMP_ARCH_SH", AUDIT_ARCH_SHEL);
    NUMBER(seccomp_arch, "SCMP_ARCH_SHEB", AUDIT_ARCH_SH);
}

int main(void)
{
    test_namespaces();
    test_rlimits();
    test_capabilities();
    test_scheduling();
    test_memory_policy();
    test_mounts_and_personality();
    test_seccomp();
    test_architectures();
    is_int(oci_word_find(capability, "CAP_NONSENSE"), -1, "an unknown word has no index");
    is_str(oci_word(rlimit_type, OCI_RLIMIT_TYPE_NOFILE), "RLIMIT_NOFILE", "a word has its text");
    return done_testing();
}
