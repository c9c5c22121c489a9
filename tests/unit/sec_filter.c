/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp program against what the profile means, rule by rule. libseccomp 2.5 errs where a
 * call has several rules, so it is no judge there; sec_libseccomp.c compares with it otherwise.
 */
#include "sec_profile.h"
#include "tap.h"

#include <linux/audit.h>
#include <stdlib.h>

static void compare_meaning(unsigned seed)
{
    static struct profile p;
    static struct program program;
    struct arena a = {0};
    unsigned long asked = 0, wrong = 0;

    random_profile(&p, seed, 4, 0);
    ours(&p, &a, &program);
    for (size_t i = 0; i < p.cfg.syscalls.n; i++)
        for (unsigned k = 0; k < N_INTERESTING * N_INTERESTING; k++) {
            struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64, .nr = number_of(p.names[i])};
            d.args[0] = interesting[k % N_INTERESTING];
            d.args[1] = interesting[k / N_INTERESTING];
            d.args[2] = interesting[(k + i) % N_INTERESTING];
            asked++;
            wrong += interpret(program.v, program.n, &d) != evaluate(&p, &d);
        }
    ok(wrong == 0 && asked > 5000, "random rules %u: by their meaning, %lu of %lu wrong", seed,
       wrong, asked);
    arena_free(&a);
}

/* ---- ENOSYS ---- */

static void newer_than_the_profile(void)
{
    static struct profile p;
    static struct program program;
    const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS, eperm = SECCOMP_RET_ERRNO | EPERM;
    struct arena a = {0};
    struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64};

    begin(&p, OCI_SECCOMP_ACTION_ERRNO, 2);
    add(&p, "read", OCI_SECCOMP_ACTION_ALLOW);
    add(&p, "openat2", OCI_SECCOMP_ACTION_ERRNO); /* 437: named, though as the default */
    ours(&p, &a, &program);
#define SAYS(number, want, what)                                                                   \
    d.nr = (number);                                                                               \
    is_int(interpret(program.v, program.n, &d), (want), (what))
    SAYS(0, SECCOMP_RET_ALLOW, "a call with a rule");
    SAYS(1, eperm, "an older call without a rule: the default");
    SAYS(437, eperm, "the newest one that is named");
    SAYS(438, enosys, "a newer one");
    SAYS(100000, enosys, "one that does not exist yet");
    SAYS(-1, eperm, "no call at all");
    SAYS(0x40000000, SECCOMP_RET_ALLOW, "x32 has a line of its own");
    SAYS(0x40000000 + 437, eperm, "the newest of x32");
    SAYS(0x40000000 + 438, enosys, "a newer one of x32");
    d.arch = AUDIT_ARCH_I386;
    SAYS(3, SECCOMP_RET_ALLOW, "i386 has its own numbers");
    SAYS(437, eperm, "the newest of i386");
    SAYS(438, enosys, "a newer one of i386");
    d.arch = AUDIT_ARCH_AARCH64;
    SAYS(0, SECCOMP_RET_KILL_PROCESS, "an architecture that is not listed");
    arena_free(&a);

    begin(&p, OCI_SECCOMP_ACTION_KILL_PROCESS, 0);
    add(&p, "read", OCI_SECCOMP_ACTION_ALLOW);
    ours(&p, &a, &program);
    d.arch = AUDIT_ARCH_X86_64;
    SAYS(438, SECCOMP_RET_KILL_PROCESS, "another default action is kept for newer calls");
    SAYS(0x40000000, SECCOMP_RET_KILL_PROCESS, "x32 that is not listed");
    arena_free(&a);
}

static void newer_than_the_library(void)
{
    static struct profile p;
    static struct program program;
    struct arena a = {0};
    struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64, .nr = 462};

    begin(&p, OCI_SECCOMP_ACTION_ERRNO, 2);
    add(&p, "mseal", OCI_SECCOMP_ACTION_ALLOW);
    ours(&p, &a, &program);
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "mseal is known");
    d.nr += 0x40000000;
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "mseal on x32");
    d.arch = AUDIT_ARCH_I386;
    d.nr = 462;
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "mseal on i386");
    arena_free(&a);
}

/* socketcall(2) of i386 hides the arguments of socket(2), which is its subcall 1. */
static void behind_a_multiplexer(void)
{
    static struct profile p;
    static struct program program;
    struct arena a = {0};
    struct seccomp_data d = {.arch = AUDIT_ARCH_I386};
    const uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;

    begin(&p, OCI_SECCOMP_ACTION_ERRNO, 1);
    when(add(&p, "socket", OCI_SECCOMP_ACTION_ALLOW), 0, OCI_SECCOMP_OP_EQ, 7, 0);
    add(&p, "bind", OCI_SECCOMP_ACTION_ALLOW);
    ours(&p, &a, &program);
    d.args[0] = 7;
    SAYS(359, SECCOMP_RET_ALLOW, "socket itself, its condition holds");
    d.args[0] = 1;
    SAYS(359, eperm, "socket itself, its condition does not hold");
    SAYS(102, eperm, "socketcall does not go around a condition");
    d.args[0] = 2;
    SAYS(102, SECCOMP_RET_ALLOW, "socketcall to what is allowed without one");
    d.args[0] = 3;
    SAYS(102, eperm, "socketcall to what is not named");
    arena_free(&a);

    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 1);
    when(add(&p, "socket", OCI_SECCOMP_ACTION_ERRNO), 1, OCI_SECCOMP_OP_EQ, 7, 0);
    ours(&p, &a, &program);
    d.args[0] = 1;
    SAYS(102, eperm, "socketcall to what is refused under a condition");
    d.args[0] = 2;
    SAYS(102, SECCOMP_RET_ALLOW, "socketcall to the rest");
    arena_free(&a);
}

/* Two conditions on one argument: each is a rule of its own. */
static void repeated_index(void)
{
    static struct profile p;
    static struct program program;
    struct arena a = {0};
    struct oci_seccomp_syscall *s;
    struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64};

    begin(&p, OCI_SECCOMP_ACTION_KILL_PROCESS, 0);
    s = add(&p, "read", OCI_SECCOMP_ACTION_ALLOW);
    when(s, 0, OCI_SECCOMP_OP_EQ, 1, 0);
    when(s, 0, OCI_SECCOMP_OP_EQ, 2, 0);
    when(s, 1, OCI_SECCOMP_OP_EQ, 7, 0);
    ours(&p, &a, &program);
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_KILL_PROCESS, "none holds");
    d.args[0] = 1;
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "the first alone");
    d.args[0] = 2;
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "the second alone");
    d.args[0] = 0;
    d.args[1] = 7;
    is_int(interpret(program.v, program.n, &d), SECCOMP_RET_ALLOW, "the other argument alone");
    arena_free(&a);
}

/* ---- what is refused ---- */

static void is_refused_with(struct profile *p, const char *text)
{
    struct oci_process process = {0};
    struct oci_linux lin = {.seccomp = &p->cfg};
    struct oci_config cfg = {.linux = &lin, .process = &process};
    struct request req = {0};
    struct plan plan = {.req = &req, .cfg = &cfg, .process.cfg = &process};
    struct arena a = {0};
    struct ctx ctx = {.plan = &plan, .arena = &a};
    struct err e = {0};
    int r = seccomp_plan(&plan, &a, &e);

    if (r == 0)
        r = step_prepare_seccomp(&ctx, &e);
    if (r == 0)
        r = step_compile_seccomp(&ctx, &e);
    ok(r < 0 && strstr(e.text, text), "refused: %s", e.text);
    arena_free(&a);
}

static void refusals(void)
{
    static struct profile p;
    struct oci_seccomp_syscall *s;

    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    p.cfg.default_errno_ret = 5;
    SET(&p.cfg, seccomp, default_errno_ret);
    is_refused_with(&p, "SCMP_ACT_ALLOW carries no error number");
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    s = add(&p, "read", OCI_SECCOMP_ACTION_KILL);
    SET(s, seccomp_syscall, errno_ret);
    is_refused_with(&p, "syscalls[0].errnoRet: SCMP_ACT_KILL carries no error number");
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    s = add(&p, "read", OCI_SECCOMP_ACTION_ERRNO);
    s->errno_ret = 4096;
    SET(s, seccomp_syscall, errno_ret);
    is_refused_with(&p, "4096 is more than SCMP_ACT_ERRNO can carry");
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    when(add(&p, "read", OCI_SECCOMP_ACTION_ERRNO), 6, OCI_SECCOMP_OP_EQ, 0, 0);
    is_refused_with(&p, "there is no argument 6");
    begin(&p, OCI_SECCOMP_ACTION_NOTIFY, 0);
    is_refused_with(&p, "needs linux.seccomp.listenerPath");
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    add(&p, "read", OCI_SECCOMP_ACTION_NOTIFY);
    is_refused_with(&p, "needs linux.seccomp.listenerPath");
}

int main(void)
{
    const char *more = getenv("RT_PROFILES"); /* of chance; each takes a second */
    unsigned profiles = more ? (unsigned)atoi(more) : 4;

    for (unsigned seed = 1; seed <= profiles; seed++)
        compare_meaning(seed);
    newer_than_the_profile();
    newer_than_the_library();
    behind_a_multiplexer();
    repeated_index();
    refusals();
    return done_testing();
}
