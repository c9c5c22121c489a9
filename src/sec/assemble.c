/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the program of a filter: classic BPF over struct seccomp_data (seccomp(2)). Jumps only go
 * forward, so code is emitted front to back and a jump is filled in when its target is reached.
 */
#include "sec/filter.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stdlib.h>

/* libseccomp's name for x32, which the kernel reports as x86_64 with a bit in the number. */
#define ARCH_X32 (AUDIT_ARCH_X86_64 & ~(uint32_t)__AUDIT_ARCH_64BIT)
enum { X32_BIT = 0x40000000 };

/* A number that a tracer set to skip the call, ptrace(2): it belongs to no table. */
static const uint32_t NO_CALL = UINT32_MAX;

enum { MOST = BPF_MAXINSNS, FAR = 255 };

struct code {
    struct sock_filter *v;
    unsigned n;
    bool too_long;
};

/* From `first` on, up to the next range, this happens. */
struct range {
    uint32_t first;
    uint32_t action;
    struct filter_binding *rules; /* with conditions, n_rules of them, before `action` */
    unsigned n_rules;
};

struct ranges {
    struct range *v;
    unsigned n;
};

/* ---- emitting ---- */

static unsigned emit(struct code *c, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
    if (c->n == MOST) {
        c->too_long = true;
        return 0;
    }
    c->v[c->n] =
        (struct sock_filter){.code = (uint16_t)op, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k};
    return c->n++;
}

static void load(struct code *c, size_t offset)
{
    emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct code *c, uint32_t action)
{
    emit(c, BPF_RET | BPF_K, action, 0, 0);
}

/* Make room for one instruction at `at`. What lies behind moves as one, so its own relative jumps
 * stay right; no jump from before `at` has been filled in across it yet. */
static void insert(struct code *c, unsigned at, struct sock_filter instruction)
{
    if (emit(c, 0, 0, 0, 0) == 0)
        return;
    for (unsigned i = c->n - 1; i > at; i--)
        c->v[i] = c->v[i - 1];
    c->v[at] = instruction;
}

/* ---- conditions ---- */

/* Where one word of an argument lies; the kernel stores the arguments as its own 64-bit numbers. */
static size_t word_offset(unsigned arg, bool high)
{
    bool second = high == (__BYTE_ORDER == __LITTLE_ENDIAN);

    return offsetof(struct seccomp_data, args) + 8 * (size_t)arg + (second ? 4 : 0);
}

/* Marks in a jump field, resolved when the condition or the rule is complete. */
enum { NEXT = 0, HOLDS = 254, FAILS = 255 };

static void test(struct code *c, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
    emit(c, BPF_JMP | op | BPF_K, k, yes, no);
}

/* Compare the high word and go on with the low word only when that is undecided. */
static void compare_high(struct code *c, const struct filter_condition *when)
{
    uint32_t high = (uint32_t)(when->value >> 32);

    load(c, word_offset(when->arg, true));
    switch (when->op) {
    case FILTER_EQ:
        test(c, BPF_JEQ, high, NEXT, FAILS);
        break;
    case FILTER_NE:
        test(c, BPF_JEQ, high, NEXT, HOLDS);
        break;
    case FILTER_GT:
    case FILTER_GE:
        test(c, BPF_JGT, high, HOLDS, NEXT);
        test(c, BPF_JEQ, high, NEXT, FAILS);
        break;
    case FILTER_LT:
    case FILTER_LE:
        test(c, BPF_JGT, high, FAILS, NEXT);
        test(c, BPF_JEQ, high, NEXT, HOLDS);
        break;
    case FILTER_MASKED_EQ:
        emit(c, BPF_ALU | BPF_AND | BPF_K, high, 0, 0);
        test(c, BPF_JEQ, (uint32_t)(when->value_two >> 32), NEXT, FAILS);
        break;
    }
}

static void compare_low(struct code *c, const struct filter_condition *when)
{
    uint32_t low = (uint32_t)when->value;

    load(c, word_offset(when->arg, false));
    switch (when->op) {
    case FILTER_EQ:
        test(c, BPF_JEQ, low, NEXT, FAILS);
        break;
    case FILTER_NE:
        test(c, BPF_JEQ, low, FAILS, NEXT);
        break;
    case FILTER_GT:
        test(c, BPF_JGT, low, NEXT, FAILS);
        break;
    case FILTER_GE:
        test(c, BPF_JGE, low, NEXT, FAILS);
        break;
    case FILTER_LT:
        test(c, BPF_JGE, low, FAILS, NEXT);
        break;
    case FILTER_LE:
        test(c, BPF_JGT, low, FAILS, NEXT);
        break;
    case FILTER_MASKED_EQ:
        emit(c, BPF_ALU | BPF_AND | BPF_K, low, 0, 0);
        test(c, BPF_JEQ, (uint32_t)when->value_two, NEXT, FAILS);
        break;
    }
}

static void resolve(struct code *c, unsigned from, uint8_t mark)
{
    for (unsigned i = from; i < c->n; i++) {
        uint8_t distance = (uint8_t)(c->n - i - 1);
        if (BPF_CLASS(c->v[i].code) != BPF_JMP)
            continue;
        if (c->v[i].jt == mark)
            c->v[i].jt = distance;
        if (c->v[i].jf == mark)
            c->v[i].jf = distance;
    }
}

static void emit_condition(struct code *c, const struct filter_condition *when, bool wide)
{
    unsigned from = c->n;

    if (wide)
        compare_high(c, when);
    compare_low(c, when);
    resolve(c, from, HOLDS);
}

/* At most six conditions of eight instructions: every jump is a near one, and no distance is as
 * large as a mark. */
static void emit_rule(struct code *c, const struct filter_rule *rule, bool wide)
{
    unsigned from = c->n;

    for (unsigned i = 0; i < rule->n; i++)
        emit_condition(c, &rule->conditions[i], wide);
    give(c, rule->action);
    resolve(c, from, FAILS);
}

/* ---- ranges and their search tree ---- */

static void emit_range(struct code *c, const struct range *r, bool wide)
{
    for (unsigned i = 0; i < r->n_rules; i++)
        emit_rule(c, r->rules[i].rule, wide);
    give(c, r->action);
}

/* Halve: at or above the middle one jump, below it go on. The jump is filled in when the lower half
 * has been emitted, as a far one when that is long. */
static void emit_tree(struct code *c, const struct range *v, unsigned n, bool wide)
{
    unsigned half = n / 2, jump, length;

    if (n == 1) {
        emit_range(c, v, wide);
        return;
    }
    jump = emit(c, BPF_JMP | BPF_JGE | BPF_K, v[half].first, 0, 0);
    emit_tree(c, v, half, wide);
    if (c->too_long)
        return;
    length = c->n - jump - 1;
    if (length <= FAR) {
        c->v[jump].jt = (uint8_t)length;
    } else {
        c->v[jump].jf = 1;
        insert(c, jump + 1, (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = length});
    }
    emit_tree(c, v + half, n - half, wide);
}

/* As the kernel ranks actions, seccomp(2): the smaller the stricter, as a signed number. */
static int32_t rank(uint32_t action)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL);
}

/* By number; a rule without conditions first; then the strictest; then as in the profile. */
static int by_weight(const void *one, const void *two)
{
    const struct filter_binding *a = one, *b = two;
    int32_t rank_a = rank(a->rule->action), rank_b = rank(b->rule->action);

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (!a->rule->n != !b->rule->n)
        return a->rule->n ? 1 : -1;
    if (a->rule->n && rank_a != rank_b)
        return rank_a < rank_b ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static bool goes_on(const struct range *last, const struct range *r)
{
    return last && !last->n_rules && !r->n_rules && last->action == r->action;
}

static void add_range(struct ranges *to, struct range r)
{
    if (to->n && to->v[to->n - 1].first == r.first)
        to->n--; /* the one before came out empty */
    if (!goes_on(to->n ? &to->v[to->n - 1] : NULL, &r))
        to->v[to->n++] = r;
}

static uint32_t arch_first(const struct filter_arch *arch)
{
    return arch->token == ARCH_X32 ? X32_BIT : 0;
}

/* The whole line of numbers of one architecture. */
static void find_ranges(const struct filter *f, struct filter_arch *arch, struct ranges *to)
{
    struct range rest = {.action = f->default_action};
    unsigned i = 0;

    if (arch->n) /* qsort must not see NULL */
        qsort(arch->v, arch->n, sizeof *arch->v, by_weight);
    rest.first = arch_first(arch);
    add_range(to, rest);
    while (i < arch->n) {
        unsigned end = i + 1;
        struct range own = {.first = arch->v[i].number, .action = f->default_action};
        while (end < arch->n && arch->v[end].number == own.first)
            end++;
        if (arch->v[i].rule->n == 0) {
            own.action = arch->v[i].rule->action;
        } else {
            own.rules = &arch->v[i];
            own.n_rules = end - i;
        }
        add_range(to, own);
        rest.first = own.first + 1;
        add_range(to, rest);
        i = end;
    }
    if (f->enosys && arch->named_any) {
        rest.first = arch->newest + 1;
        rest.action = SECCOMP_RET_ERRNO | ENOSYS;
        add_range(to, rest);
        if (arch->token != AUDIT_ARCH_X86_64 && arch->token != ARCH_X32) {
            rest.first = NO_CALL;
            rest.action = f->default_action;
            add_range(to, rest);
        }
    }
}

/* ---- architectures ---- */

static bool is_wide(uint32_t token)
{
    return (token & __AUDIT_ARCH_64BIT) && !(token & __AUDIT_ARCH_CONVENTION_MIPS64_N32);
}

static void emit_arch(struct code *c, const struct filter *f, struct filter_arch *arch,
                      struct arena *a)
{
    struct ranges ranges = {.v = arena_array(a, 2 * (size_t)arch->n + 4, sizeof(struct range))};

    find_ranges(f, arch, &ranges);
    emit_tree(c, ranges.v, ranges.n, is_wide(arch->token));
}

/* A jump past what follows when the test fails; returns where to fill it in. */
static unsigned skip_unless(struct code *c, unsigned op, uint32_t k)
{
    unsigned at = emit(c, BPF_JMP | op | BPF_K, k, 1, 0);

    emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
    return at + 1;
}

static void land(struct code *c, unsigned jump)
{
    if (!c->too_long)
        c->v[jump].k = c->n - jump - 1;
}

static struct filter_arch *find_arch(const struct filter *f, uint32_t token)
{
    for (unsigned i = 0; i < f->n_archs; i++)
        if (f->archs[i].token == token)
            return &f->archs[i];
    return NULL;
}

static void emit_or(struct code *c, const struct filter *f, struct filter_arch *arch,
                    struct arena *a, uint32_t otherwise)
{
    if (arch)
        emit_arch(c, f, arch, a);
    else
        give(c, otherwise);
}

/* Two tables behind one name of the kernel: the number tells x32 from x86_64. */
static void emit_x86_64(struct code *c, const struct filter *f, struct arena *a)
{
    unsigned jump, none;

    jump = skip_unless(c, BPF_JGE, X32_BIT);
    none = skip_unless(c, BPF_JEQ, NO_CALL);
    give(c, f->default_action);
    land(c, none);
    emit_or(c, f, find_arch(f, ARCH_X32), a, f->bad_arch_action);
    land(c, jump);
    emit_or(c, f, find_arch(f, AUDIT_ARCH_X86_64), a, f->bad_arch_action);
}

static void emit_section(struct code *c, const struct filter *f, uint32_t token, struct arena *a)
{
    unsigned jump = skip_unless(c, BPF_JEQ, token);

    load(c, offsetof(struct seccomp_data, nr));
    if (token == AUDIT_ARCH_X86_64)
        emit_x86_64(c, f, a);
    else
        emit_arch(c, f, find_arch(f, token), a);
    land(c, jump);
}

int filter_assemble(struct filter *f, struct arena *a, struct sock_filter **program,
                    unsigned short *len, struct err *e)
{
    struct code c = {.v = arena_array(a, MOST, sizeof(struct sock_filter))};
    bool x86_64 = false;

    load(&c, offsetof(struct seccomp_data, arch));
    for (unsigned i = 0; i < f->n_archs; i++) {
        uint32_t token = f->archs[i].token;
        if (token == ARCH_X32)
            token = AUDIT_ARCH_X86_64;
        if (token == AUDIT_ARCH_X86_64 && x86_64)
            continue;
        x86_64 = x86_64 || token == AUDIT_ARCH_X86_64;
        emit_section(&c, f, token, a);
    }
    give(&c, f->bad_arch_action);
    if (c.too_long)
        return refuse(e, EFBIG, "linux.seccomp: the filter is longer than %d instructions", MOST);
    *program = c.v;
    *len = (unsigned short)c.n;
    return 0;
}
