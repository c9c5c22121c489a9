/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp program against libseccomp's of the same rules: both are run by an interpreter of
 * classic BPF over many numbers, arguments and architectures, and must say the same.
 */
#include "sec/filter.h"
#include "sec/sec.h"

#include "base/fd.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- an interpreter of what a seccomp filter may contain ---- */

static uint32_t word_at(const struct seccomp_data *d, uint32_t offset)
{
    uint32_t w;

    memcpy(&w, (const char *)d + offset, sizeof w);
    return w;
}

static uint32_t interpret(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < n; pc++) {
        uint32_t k = f[pc].k;
        bool jump;
        switch (f[pc].code) {
        case BPF_LD | BPF_W | BPF_ABS:
            a = word_at(d, k);
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= k;
            continue;
        case BPF_RET | BPF_K:
            return k;
        case BPF_JMP | BPF_JA | BPF_K:
            pc += k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump = a == k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump = a > k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump = a >= k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            jump = a & k;
            break;
        default:
            printf("Bail out! unknown instruction %#x\n", f[pc].code);
            exit(1);
        }
        pc += jump ? f[pc].jt : f[pc].jf;
    }
    printf("Bail out! fell off the program\n");
    exit(1);
}

/* ---- profiles ---- */

enum { MOST_ENTRIES = 600, MOST_ARGS = 4 };

struct profile {
    struct oci_seccomp cfg;
    struct oci_seccomp_syscall entries[MOST_ENTRIES];
    struct oci_seccomp_arg args[MOST_ENTRIES][MOST_ARGS];
    const char *names[MOST_ENTRIES];
    int archs[4];
};

static void begin(struct profile *p, int default_action, int n_archs)
{
    memset(p, 0, sizeof *p);
    p->cfg.default_action = default_action;
    p->cfg.syscalls.v = p->entries;
    p->cfg.architectures.v = p->archs;
    p->archs[0] = OCI_SECCOMP_ARCH_X86;
    p->archs[1] = OCI_SECCOMP_ARCH_X32;
    p->archs[2] = OCI_SECCOMP_ARCH_AARCH64;
    p->archs[3] = OCI_SECCOMP_ARCH_ARM;
    p->cfg.architectures.n = (size_t)n_archs;
}

static struct oci_seccomp_syscall *add(struct profile *p, const char *name, int action)
{
    size_t i = p->cfg.syscalls.n++;
    struct oci_seccomp_syscall *s = &p->entries[i];

    p->names[i] = name;
    s->names.v = &p->names[i];
    s->names.n = 1;
    s->action = action;
    s->args.v = p->args[i];
    return s;
}

static void when(struct oci_seccomp_syscall *s, uint32_t index, int op, uint64_t value,
                 uint64_t value_two)
{
    s->args.v[s->args.n++] =
        (struct oci_seccomp_arg){.index = index, .op = op, .value = value, .value_two = value_two};
}

struct program {
    struct sock_filter v[BPF_MAXINSNS];
    size_t n;
};

static void must(int r, const char *what)
{
    if (r < 0) {
        printf("Bail out! %s: %d\n", what, r);
        exit(1);
    }
}

static uint32_t action_number(int word)
{
    uint32_t n = (uint32_t)oci_word_value(seccomp_action, word);

    return word == OCI_SECCOMP_ACTION_ERRNO || word == OCI_SECCOMP_ACTION_TRACE ? n | EPERM : n;
}

static void reference_rule(scmp_filter_ctx ctx, const struct oci_seccomp_syscall *s)
{
    struct scmp_arg_cmp args[MOST_ARGS];
    int number = seccomp_syscall_resolve_name(s->names.v[0]);

    for (size_t i = 0; i < s->args.n; i++)
        args[i] = (struct scmp_arg_cmp){
            s->args.v[i].index, (enum scmp_compare)oci_word_value(seccomp_op, s->args.v[i].op),
            s->args.v[i].value, s->args.v[i].value_two};
    if (number != __NR_SCMP_ERROR)
        must(seccomp_rule_add_array(ctx, action_number(s->action), number, (unsigned)s->args.n,
                                    args),
             s->names.v[0]);
}

static void reference(const struct profile *p, struct program *out)
{
    scmp_filter_ctx ctx = seccomp_init(action_number(p->cfg.default_action));
    auto_close int fd = sys_memfd("reference", 0);

    must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
    for (size_t i = 0; i < p->cfg.architectures.n; i++)
        must(seccomp_arch_add(ctx, (uint32_t)oci_word_value(seccomp_arch, p->archs[i])), "arch");
    for (size_t i = 0; i < p->cfg.syscalls.n; i++)
        if (p->entries[i].action != p->cfg.default_action)
            reference_rule(ctx, &p->entries[i]);
    must(seccomp_export_bpf(ctx, fd), "export");
    out->n = (size_t)lseek(fd, 0, SEEK_END) / sizeof *out->v;
    lseek(fd, 0, SEEK_SET);
    must((int)sys_read(fd, out->v, sizeof out->v), "read");
    seccomp_release(ctx);
}

static void ours(const struct profile *p, struct arena *a, struct program *out)
{
    struct oci_process process = {0};
    struct oci_linux lin = {.seccomp = (struct oci_seccomp *)&p->cfg};
    struct oci_config cfg = {.linux = &lin, .process = &process};
    struct plan plan = {.cfg = &cfg, .process.cfg = &process};
    struct ctx ctx = {.plan = &plan, .arena = a};
    struct err e = {0};

    if (step_compile_seccomp(&ctx, &e) < 0) {
        printf("Bail out! %s\n", e.text);
        exit(1);
    }
    out->n = plan.seccomp.len;
    memcpy(out->v, plan.seccomp.filter, out->n * sizeof *out->v);
}

/* ---- comparing ---- */

static const uint32_t tokens[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
                                  AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE};

static bool is_32_bit(uint32_t token)
{
    return !(token & __AUDIT_ARCH_64BIT);
}

struct difference {
    struct seccomp_data at;
    uint32_t ours, theirs;
    unsigned long asked;
    bool any;
};

static void ask(const struct program *one, const struct program *two, struct seccomp_data d,
                struct difference *diff)
{
    uint32_t a, b;

    if (is_32_bit(d.arch)) /* the kernel never shows more */
        for (int i = 0; i < 6; i++)
            d.args[i] = (uint32_t)d.args[i];
    a = interpret(one->v, one->n, &d);
    b = interpret(two->v, two->n, &d);
    diff->asked++;
    if (a != b && !diff->any)
        *diff = (struct difference){d, a, b, diff->asked, true};
}

static const uint64_t interesting[] = {
    0,          1,          2,          5,           6,           7,           16,
    0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000005, 0x500000000, UINT64_MAX - 1,
    UINT64_MAX};

enum { N_INTERESTING = sizeof interesting / sizeof *interesting };

static void ask_number(const struct program *one, const struct program *two, uint32_t token,
                       uint32_t number, struct difference *diff)
{
    for (int i = 0; i < N_INTERESTING; i++)
        for (int k = 0; k < N_INTERESTING; k++) {
            struct seccomp_data d = {.arch = token, .nr = (int)number};
            d.args[0] = interesting[i];
            d.args[1] = interesting[k];
            d.args[2] = interesting[(i + k) % N_INTERESTING];
            ask(one, two, d, diff);
        }
}

static void compare(const struct profile *p, const char *what)
{
    static struct program one, two;
    struct arena a = {0};
    struct difference diff = {0};

    ours(p, &a, &one);
    reference(p, &two);
    for (size_t t = 0; t < sizeof tokens / sizeof *tokens; t++) {
        for (uint32_t n = 0; n < 520; n++) {
            ask_number(&one, &two, tokens[t], n, &diff);
            if (tokens[t] == AUDIT_ARCH_X86_64)
                ask_number(&one, &two, tokens[t], 0x40000000 + n, &diff);
        }
        ask_number(&one, &two, tokens[t], UINT32_MAX, &diff);
        ask_number(&one, &two, tokens[t], 100000, &diff);
    }
    if (diff.any)
        printf("# arch %#x number %d args %#llx %#llx %#llx: ours %#x, libseccomp %#x\n",
               diff.at.arch, diff.at.nr, (unsigned long long)diff.at.args[0],
               (unsigned long long)diff.at.args[1], (unsigned long long)diff.at.args[2], diff.ours,
               diff.theirs);
    ok(!diff.any && diff.asked > 500000,
       "%s: as libseccomp, %lu questions, %zu instructions for %zu", what, diff.asked, one.n,
       two.n);
    arena_free(&a);
}

/* ---- the profiles compared ---- */

static const char *const refused[] = {"mount",       "umount2",    "reboot",      "swapon",
                                      "init_module", "kexec_load", "ptrace",      "setns",
                                      "bpf",         "clone",      "personality", "unshare"};

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i], name) == 0)
            return true;
    return false;
}

/* Names by number on x86_64, kept for the life of the test. */
static const char *name_of(int number)
{
    static char *names[512];

    if (!names[number])
        names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
    return names[number] ? names[number] : "no_such_call";
}

/* The shape of what container engines ship: most calls allowed by name, few with conditions. */
static void engine_profile(struct profile *p, int default_action, int n_archs)
{
    begin(p, default_action, n_archs);
    for (int i = 0; i < 450; i++) {
        if (!is_refused(name_of(i)))
            add(p, name_of(i), OCI_SECCOMP_ACTION_ALLOW);
    }
    when(add(p, "personality", OCI_SECCOMP_ACTION_ALLOW), 0, OCI_SECCOMP_OP_EQ, 0, 0);
    when(add(p, "personality", OCI_SECCOMP_ACTION_ALLOW), 0, OCI_SECCOMP_OP_EQ, 8, 0);
    when(add(p, "personality", OCI_SECCOMP_ACTION_ALLOW), 0, OCI_SECCOMP_OP_EQ, 0xffffffff, 0);
    when(add(p, "clone", OCI_SECCOMP_ACTION_ALLOW), 0, OCI_SECCOMP_OP_MASKED_EQ, 0x7e020000, 0);
    add(p, "chown32", OCI_SECCOMP_ACTION_ALLOW);
    add(p, "no_such_call", OCI_SECCOMP_ACTION_ALLOW);
}

static void compare_operators(void)
{
    static struct profile p;
    char what[64];

    for (int op = 0; op < OCI_SECCOMP_OP_COUNT; op++) {
        begin(&p, OCI_SECCOMP_ACTION_ALLOW, 4);
        when(add(&p, "read", OCI_SECCOMP_ACTION_ERRNO), 0, op, 5, 4);
        when(add(&p, "write", OCI_SECCOMP_ACTION_ERRNO), 1, op, 0x100000005, 0x100000004);
        when(add(&p, "close", OCI_SECCOMP_ACTION_TRAP), 1, op, UINT64_MAX, 0xffffffff00000000);
        when(add(&p, "lseek", OCI_SECCOMP_ACTION_TRAP), 2, op, 0, 0);
        when(add(&p, "socket", OCI_SECCOMP_ACTION_ERRNO), 0, op, 16, 16);
        when(add(&p, "shmget", OCI_SECCOMP_ACTION_LOG), 1, op, 0x80000000, 0x80000000);
        snprintf(what, sizeof what, "%s", oci_word(seccomp_op, op));
        compare(&p, what);
    }
}

static void random_conditions(struct oci_seccomp_syscall *s)
{
    int n = rand() % 4;

    for (int i = 0; i < n; i++) {
        int op = rand() % OCI_SECCOMP_OP_COUNT;
        uint64_t value = interesting[rand() % N_INTERESTING];
        uint64_t two = interesting[rand() % N_INTERESTING] & value;
        when(s, (uint32_t)i, op, value, op == OCI_SECCOMP_OP_MASKED_EQ ? two : 0);
    }
}

static const int actions[] = {OCI_SECCOMP_ACTION_ERRNO, OCI_SECCOMP_ACTION_ALLOW,
                              OCI_SECCOMP_ACTION_TRAP, OCI_SECCOMP_ACTION_KILL_PROCESS,
                              OCI_SECCOMP_ACTION_LOG};

static bool is_multiplexed(const char *name)
{
    return seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name) < __NR_SCMP_ERROR;
}

/* Up to `most` rules for each of some calls; not ERRNO by default, for which we know more. */
static void random_profile(struct profile *p, unsigned seed, int most, int n_archs)
{
    srand(seed);
    begin(p, actions[1 + rand() % 4], n_archs);
    for (int i = 0; i < 300; i += 1 + rand() % 9) {
        int rules = 1 + rand() % most;
        for (int k = 0; k < rules; k++) {
            int action = actions[rand() % 5];
            if (action != p->cfg.default_action && !is_multiplexed(name_of(i)))
                random_conditions(add(p, name_of(i), action));
        }
    }
}

static void compare_random(unsigned seed)
{
    static struct profile p;
    char what[64];

    random_profile(&p, seed, 1, (int)seed % 5);
    snprintf(what, sizeof what, "random profile %u", seed);
    compare(&p, what);
}

/* ---- several rules for one call: libseccomp 2.5 errs there, so by the plain meaning ---- */

static bool holds(const struct oci_seccomp_arg *c, const struct seccomp_data *d)
{
    uint64_t a = d->args[c->index];

    switch (c->op) {
    case OCI_SECCOMP_OP_NE:
        return a != c->value;
    case OCI_SECCOMP_OP_LT:
        return a < c->value;
    case OCI_SECCOMP_OP_LE:
        return a <= c->value;
    case OCI_SECCOMP_OP_EQ:
        return a == c->value;
    case OCI_SECCOMP_OP_GE:
        return a >= c->value;
    case OCI_SECCOMP_OP_GT:
        return a > c->value;
    default:
        return (a & c->value) == c->value_two;
    }
}

static bool all_hold(const struct oci_seccomp_syscall *s, const struct seccomp_data *d)
{
    for (size_t i = 0; i < s->args.n; i++)
        if (!holds(&s->args.v[i], d))
            return false;
    return true;
}

/* The first rule without conditions, else the strictest that holds, else the default. */
static uint32_t evaluate(const struct profile *p, const struct seccomp_data *d)
{
    const struct oci_seccomp_syscall *best = NULL;

    for (size_t i = 0; i < p->cfg.syscalls.n; i++) {
        const struct oci_seccomp_syscall *s = &p->entries[i];
        if (seccomp_syscall_resolve_name(s->names.v[0]) != d->nr || !all_hold(s, d))
            continue;
        if (s->args.n == 0)
            return action_number(s->action);
        if (!best || (int32_t)action_number(s->action) < (int32_t)action_number(best->action))
            best = s;
    }
    return action_number(best ? best->action : p->cfg.default_action);
}

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
            struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64,
                                     .nr = seccomp_syscall_resolve_name(p.names[i])};
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
    struct plan plan = {.cfg = &cfg, .process.cfg = &process};
    struct arena a = {0};
    struct ctx ctx = {.plan = &plan, .arena = &a};
    struct err e = {0};
    int r = seccomp_plan(&plan, &a, &e);

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
    is_refused_with(&p, "SCMP_ACT_NOTIFY would stop the runtime itself");
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 0);
    add(&p, "read", OCI_SECCOMP_ACTION_NOTIFY);
    is_refused_with(&p, "needs linux.seccomp.listenerPath");
}

int main(void)
{
    static struct profile p;

    engine_profile(&p, OCI_SECCOMP_ACTION_KILL_PROCESS, 0);
    compare(&p, "engine profile");
    engine_profile(&p, OCI_SECCOMP_ACTION_TRAP, 4);
    compare(&p, "engine profile, five architectures");
    compare_operators();
    begin(&p, OCI_SECCOMP_ACTION_ALLOW, 2);
    when(add(&p, "getpid", OCI_SECCOMP_ACTION_ERRNO), 0, OCI_SECCOMP_OP_EQ, 5, 0);
    add(&p, "getpid", OCI_SECCOMP_ACTION_TRAP);
    compare(&p, "a rule without conditions beats one with");
    for (unsigned seed = 1; seed <= 15; seed++)
        compare_random(seed);
    for (unsigned seed = 1; seed <= 30; seed++)
        compare_meaning(seed);
    newer_than_the_profile();
    newer_than_the_library();
    behind_a_multiplexer();
    repeated_index();
    refusals();
    return done_testing();
}
