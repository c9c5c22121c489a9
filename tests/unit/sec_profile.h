/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of seccomp filters: an interpreter of classic BPF, profiles made in memory, what they
 * mean by the plain reading of each of their rules, and what rt makes of them.
 */
#ifndef RT_TESTS_UNIT_SEC_PROFILE_H
#define RT_TESTS_UNIT_SEC_PROFILE_H

#include "sec/filter.h"
#include "sec/sec.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not each test uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* ---- an interpreter of what a seccomp filter may contain ---- */

static uint32_t word_at(const struct seccomp_data *d, uint32_t offset)
{
    uint32_t w;

    memcpy(&w, (const char *)d + offset, sizeof w);
    return w;
}

/* What the program says of a call, and in how many instructions. */
static uint32_t interpret_counting(const struct sock_filter *f, size_t n,
                                   const struct seccomp_data *d, unsigned long *count)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < n; pc++) {
        uint32_t k = f[pc].k;
        bool jump;
        ++*count;
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

static uint32_t interpret(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
    unsigned long count = 0;

    return interpret_counting(f, n, d, &count);
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

/* ---- names ---- */

/* x86_64 is the second column. */
static const struct {
    const char *name;
    int number;
    bool multiplexed;
} table[] = {
#define _                                     -1
#define P(n)                                  -1
#define SAME(name, n)                         {#name, n, false},
#define CALL(name, x86, x86_64, ...)          {#name, x86_64, false},
#define SOCK(name, subcall, x86, x86_64, ...) {#name, x86_64, true},
#define IPC(name, subcall, x86, x86_64, ...)  {#name, x86_64, true},
#include "sec/syscalls.def"
#undef _
#undef P
};

enum { N_TABLE = sizeof table / sizeof *table };

static int row_of(int number)
{
    for (int i = 0; i < N_TABLE; i++)
        if (table[i].number == number)
            return i;
    return -1;
}

static const char *name_of(int number)
{
    return row_of(number) < 0 ? "no_such_call" : table[row_of(number)].name;
}

static bool is_multiplexed(const char *name)
{
    for (int i = 0; i < N_TABLE; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].multiplexed;
    return false;
}

/* On x86_64. */
static int number_of(const char *name)
{
    for (int i = 0; i < N_TABLE; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].number;
    return -1;
}

static uint32_t action_number(int word)
{
    uint32_t n = (uint32_t)oci_word_value(seccomp_action, word);

    return word == OCI_SECCOMP_ACTION_ERRNO || word == OCI_SECCOMP_ACTION_TRACE ? n | EPERM : n;
}

static void ours(const struct profile *p, struct arena *a, struct program *out)
{
    struct sock_filter *v;
    unsigned short n;
    struct err e = {0};

    if (seccomp_compile(&p->cfg, a, &v, &n, &e) < 0) {
        printf("Bail out! %s\n", e.text);
        exit(1);
    }
    out->n = n;
    memcpy(out->v, v, out->n * sizeof *out->v);
}

static const uint64_t interesting[] = {
    0,          1,          2,          5,           6,           7,           16,
    0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000005, 0x500000000, UINT64_MAX - 1,
    UINT64_MAX};

enum { N_INTERESTING = sizeof interesting / sizeof *interesting };

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

/* ---- what a profile means ---- */

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
        if (number_of(s->names.v[0]) != d->nr || !all_hold(s, d))
            continue;
        if (s->args.n == 0)
            return action_number(s->action);
        if (!best || (int32_t)action_number(s->action) < (int32_t)action_number(best->action))
            best = s;
    }
    return action_number(best ? best->action : p->cfg.default_action);
}

#endif
