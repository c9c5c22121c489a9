/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the program of a filter: classic BPF over struct seccomp_data (seccomp(2)). Jumps only go
 * forward, so the program is written from its end to its beginning: wherever a jump leads has been
 * written already, and what many jumps lead to, a return above all, is written once.
 */
#include "sec/filter.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

/* libseccomp's name for x32, which the kernel reports as x86_64 with a bit in the number. */
#define ARCH_X32 (AUDIT_ARCH_X86_64 & ~(uint32_t)__AUDIT_ARCH_64BIT)
enum { X32_BIT = 0x40000000 };

/* A number that a tracer set to skip the call, ptrace(2): it belongs to no table. */
static const uint32_t NO_CALL = UINT32_MAX;

/* A conditional jump reaches FAR instructions. Two less are as good for a target that is looked up
 * before the jump is written, as trampolines may come between. */
enum { BEGIN = 512, MOST = BPF_MAXINSNS, FAR = 255, NEAR = FAR - 2, RETURNS = 16 };

/* A place in the program, counted from its end: 1 is the last instruction. */
struct code {
    struct sock_filter *v; /* `room` of them, the last `n` are written */
    unsigned n, room;
    struct arena *arena;
    bool too_long;
    struct {
        uint32_t action;
        unsigned place;
    } returns[RETURNS]; /* the foremost return of each action, as far as there is room */
    unsigned n_returns;
};

/* From `first` on, up to the next range, this happens. */
struct range {
    uint32_t first;
    uint32_t action;
    const struct filter_rule **rules; /* with conditions, n_rules of them, before `action` */
    unsigned n_rules;
    bool wide; /* arguments have 64 bits */
};

struct ranges {
    struct range *v;
    unsigned n, room;
    struct arena *arena;
};

/* ---- emitting ---- */

static void grow(struct code *c)
{
    unsigned room = c->room ? 2 * c->room : BEGIN;
    struct sock_filter *v = arena_array(c->arena, room, sizeof *v);

    if (c->n)
        memcpy(v + room - c->n, c->v, c->n * sizeof *v);
    c->v = v;
    c->room = room;
}

/* In front of what is there; the place of the new instruction. */
static unsigned emit(struct code *c, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
    if (c->n == MOST) {
        c->too_long = true;
        return c->n;
    }
    if (c->n == c->room)
        grow(c);
    c->n++;
    c->v[c->room - c->n] =
        (struct sock_filter){.code = (uint16_t)op, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k};
    return c->n;
}

static unsigned load(struct code *c, size_t offset)
{
    return emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static unsigned jump_to(struct code *c, unsigned place)
{
    return emit(c, BPF_JMP | BPF_JA, c->n - place, 0, 0);
}

/* A test, and where it goes on. */
static unsigned branch(struct code *c, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
    if (c->n - no > FAR - 1)
        no = jump_to(c, no);
    if (c->n - yes > FAR)
        yes = jump_to(c, yes);
    return emit(c, BPF_JMP | op | BPF_K, k, c->n - yes, c->n - no);
}

static unsigned give(struct code *c, uint32_t action)
{
    unsigned i = 0;

    while (i < c->n_returns && c->returns[i].action != action)
        i++;
    if (i < c->n_returns && c->n - c->returns[i].place <= NEAR)
        return c->returns[i].place;
    if (i == RETURNS)
        return emit(c, BPF_RET | BPF_K, action, 0, 0);
    c->n_returns += i == c->n_returns;
    c->returns[i].action = action;
    return c->returns[i].place = emit(c, BPF_RET | BPF_K, action, 0, 0);
}

/* ---- conditions ---- */

/* Where one word of an argument lies; the kernel stores the arguments as its own 64-bit numbers. */
static size_t word_offset(unsigned arg, bool high)
{
    bool second = high == (__BYTE_ORDER == __LITTLE_ENDIAN);

    return offsetof(struct seccomp_data, args) + 8 * (size_t)arg + (second ? 4 : 0);
}

static void test_low(struct code *c, const struct filter_condition *when, unsigned holds,
                     unsigned fails)
{
    uint32_t low = (uint32_t)when->value;

    switch (when->op) {
    case FILTER_EQ:
        branch(c, BPF_JEQ, low, holds, fails);
        break;
    case FILTER_NE:
        branch(c, BPF_JEQ, low, fails, holds);
        break;
    case FILTER_GT:
        branch(c, BPF_JGT, low, holds, fails);
        break;
    case FILTER_GE:
        branch(c, BPF_JGE, low, holds, fails);
        break;
    case FILTER_LT:
        branch(c, BPF_JGE, low, fails, holds);
        break;
    case FILTER_LE:
        branch(c, BPF_JGT, low, fails, holds);
        break;
    case FILTER_MASKED_EQ:
        branch(c, BPF_JEQ, (uint32_t)when->value_two, holds, fails);
        emit(c, BPF_ALU | BPF_AND | BPF_K, low, 0, 0);
        break;
    }
}

/* The high word decides, unless it is equal: then it is up to the low word. */
static void test_high(struct code *c, const struct filter_condition *when, unsigned holds,
                      unsigned fails, unsigned low)
{
    uint32_t high = (uint32_t)(when->value >> 32);

    switch (when->op) {
    case FILTER_EQ:
        branch(c, BPF_JEQ, high, low, fails);
        break;
    case FILTER_NE:
        branch(c, BPF_JEQ, high, low, holds);
        break;
    case FILTER_GT:
    case FILTER_GE:
        branch(c, BPF_JGT, high, holds, branch(c, BPF_JEQ, high, low, fails));
        break;
    case FILTER_LT:
    case FILTER_LE:
        branch(c, BPF_JGT, high, fails, branch(c, BPF_JEQ, high, low, holds));
        break;
    case FILTER_MASKED_EQ:
        branch(c, BPF_JEQ, (uint32_t)(when->value_two >> 32), low, fails);
        emit(c, BPF_ALU | BPF_AND | BPF_K, high, 0, 0);
        break;
    }
}

static unsigned emit_condition(struct code *c, const struct filter_condition *when, bool wide,
                               unsigned holds, unsigned fails)
{
    unsigned low;

    test_low(c, when, holds, fails);
    low = load(c, word_offset(when->arg, false));
    if (!wide)
        return low;
    test_high(c, when, holds, fails, low);
    return load(c, word_offset(when->arg, true));
}

static unsigned emit_rule(struct code *c, const struct filter_rule *rule, bool wide, unsigned fails)
{
    unsigned holds = give(c, rule->action);

    for (unsigned i = rule->n; i > 0; i--)
        holds = emit_condition(c, &rule->conditions[i - 1], wide, holds, fails);
    return holds;
}

/* ---- ranges and their search tree ---- */

/* Subcalls of a multiplexer, above all: what the first has loaded is still there for the next. */
static bool shares_load(const struct filter_rule *rule, const struct filter_rule *next)
{
    return rule->n == 1 && next->n == 1 && rule->conditions->arg == next->conditions->arg &&
           rule->conditions->op != FILTER_MASKED_EQ;
}

static unsigned emit_range(struct code *c, const struct range *r)
{
    unsigned at = give(c, r->action);

    for (unsigned i = r->n_rules; i > 0; i--) {
        bool shares = !r->wide && i < r->n_rules && shares_load(r->rules[i - 1], r->rules[i]);
        at = emit_rule(c, r->rules[i - 1], r->wide, shares ? at - 1 : at);
    }
    return at;
}

/* One number between two ranges that are alike. */
static bool is_exception(const struct range *v, unsigned n)
{
    return n == 3 && v[2].first - v[1].first == 1 && !v[0].n_rules && !v[2].n_rules &&
           v[0].action == v[2].action;
}

/* Halve: at or above the middle, or below it. */
static unsigned emit_tree(struct code *c, const struct range *v, unsigned n)
{
    unsigned half = n / 2, yes, no;

    if (n == 1)
        return emit_range(c, v);
    if (is_exception(v, n)) {
        yes = emit_range(c, &v[1]);
        no = emit_range(c, &v[0]);
        return branch(c, BPF_JEQ, v[1].first, yes, no);
    }
    yes = emit_tree(c, v + half, n - half);
    no = emit_tree(c, v, half);
    return branch(c, BPF_JGE, v[half].first, yes, no);
}

/* As the kernel ranks actions, seccomp(2): the smaller the stricter, as a signed number. */
static int32_t rank(uint32_t action)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL);
}

/* A rule without conditions first; then the strictest; then the one that came first. */
static bool is_before(const struct filter_rule *a, const struct filter_rule *b)
{
    if (!a->n != !b->n)
        return !a->n;
    return a->n && rank(a->action) < rank(b->action);
}

static bool is_wide(uint32_t token)
{
    return (token & __AUDIT_ARCH_64BIT) && !(token & __AUDIT_ARCH_CONVENTION_MIPS64_N32);
}

static bool goes_on(const struct range *last, const struct range *r)
{
    return !last->n_rules && !r->n_rules && last->action == r->action;
}

static void add_range(struct ranges *to, struct range r)
{
    if (to->n && to->v[to->n - 1].first == r.first)
        to->n--; /* the one before came out empty */
    if (to->n && goes_on(&to->v[to->n - 1], &r))
        return;
    if (to->n == to->room) {
        unsigned room = to->room ? 2 * to->room : BEGIN / 2;
        struct range *v = arena_array(to->arena, room, sizeof *v);
        if (to->n)
            memcpy(v, to->v, to->n * sizeof *v);
        to->v = v;
        to->room = room;
    }
    to->v[to->n++] = r;
}

/* Those rules of the chain that begins at `index` which are on the same number, in their order. */
static unsigned collect(const struct filter_arch *arch, unsigned index, struct arena *a,
                        const struct filter_rule ***rules)
{
    uint32_t number = arch->v[index - 1].number;
    const struct filter_rule **v;
    unsigned n = 0, k;

    for (unsigned i = index; i; i = arch->v[i - 1].next)
        n += arch->v[i - 1].number == number;
    v = arena_array(a, n, sizeof *v);
    n = 0;
    /* The chain has the newest first, so among equals each goes before what is there. */
    for (unsigned i = index; i; i = arch->v[i - 1].next) {
        if (arch->v[i - 1].number != number)
            continue;
        for (k = n++; k > 0 && !is_before(v[k - 1], arch->v[i - 1].rule); k--)
            v[k] = v[k - 1];
        v[k] = arch->v[i - 1].rule;
    }
    *rules = v;
    return n;
}

static void add_number(const struct filter *f, const struct filter_arch *arch, unsigned index,
                       struct ranges *to)
{
    struct range r = {.first = arch->v[index - 1].number, .wide = is_wide(arch->token)};

    r.n_rules = collect(arch, index, to->arena, &r.rules);
    r.action = f->default_action;
    if (r.rules[0]->n == 0) {
        r.action = r.rules[0]->action;
        r.n_rules = 0;
    }
    add_range(to, r);
    add_range(to, (struct range){.first = r.first + 1, .action = f->default_action});
}

/* Those with a place of their own. Nearly all have one rule without conditions. */
static void add_near(const struct filter *f, const struct filter_arch *arch, struct ranges *to)
{
    uint32_t now = f->default_action;

    for (unsigned i = 0; i < FILTER_PLACES; i++) {
        const struct filter_binding *b = arch->places[i] ? &arch->v[arch->places[i] - 1] : NULL;
        if (b && (b->next || b->rule->n)) {
            add_number(f, arch, arch->places[i], to);
            now = f->default_action;
        } else if ((b ? b->rule->action : f->default_action) != now) {
            now = b ? b->rule->action : f->default_action;
            add_range(to, (struct range){.first = arch->first + i, .action = now});
        }
    }
    add_range(to,
              (struct range){.first = arch->first + FILTER_PLACES, .action = f->default_action});
}

/* Of those far off, which are a handful, the least from `above` on: its index + 1, 0 for none. */
static unsigned least_far(const struct filter_arch *arch, uint32_t above)
{
    unsigned least = 0;

    for (unsigned i = arch->far; i; i = arch->v[i - 1].next)
        if (arch->v[i - 1].number >= above &&
            (!least || arch->v[i - 1].number < arch->v[least - 1].number))
            least = i;
    return least;
}

static void add_far(const struct filter *f, const struct filter_arch *arch, struct ranges *to)
{
    unsigned i = least_far(arch, arch->first + FILTER_PLACES);

    for (; i; i = least_far(arch, arch->v[i - 1].number + 1))
        add_number(f, arch, i, to);
}

/* The whole line of numbers of one architecture from `start` on. */
static void add_arch(const struct filter *f, const struct filter_arch *arch, uint32_t start,
                     struct ranges *to)
{
    struct range newer = {.first = arch->newest + 1, .action = SECCOMP_RET_ERRNO | ENOSYS};

    add_range(to, (struct range){.first = start, .action = f->default_action});
    add_near(f, arch, to);
    add_far(f, arch, to);
    if (f->enosys && arch->named_any)
        add_range(to, newer);
}

int filter_bind(struct filter_arch *arch, uint32_t number, const struct filter_rule *rule,
                struct arena *a)
{
    uint32_t place = number - arch->first;
    uint16_t *newest = place < FILTER_PLACES ? &arch->places[place] : &arch->far;

    if (arch->n == UINT16_MAX)
        return -E2BIG;
    if (arch->n == arch->room) {
        unsigned room = arch->room ? 2 * arch->room : BEGIN;
        struct filter_binding *v = arena_array(a, room, sizeof *v);
        if (arch->n)
            memcpy(v, arch->v, arch->n * sizeof *v);
        arch->v = v;
        arch->room = room;
    }
    arch->v[arch->n++] = (struct filter_binding){rule, number, *newest};
    *newest = (uint16_t)arch->n;
    return 0;
}

/* ---- architectures ---- */

static struct filter_arch *find_arch(const struct filter *f, uint32_t token)
{
    for (unsigned i = 0; i < f->n_archs; i++)
        if (f->archs[i].token == token)
            return &f->archs[i];
    return NULL;
}

static void add_arch_or_none(const struct filter *f, uint32_t token, uint32_t start,
                             struct ranges *to)
{
    struct filter_arch *arch = find_arch(f, token);

    if (arch)
        add_arch(f, arch, start, to);
    else
        add_range(to, (struct range){.first = start, .action = f->bad_arch_action});
}

/* What the kernel calls by one name, as one line of numbers: x32 begins where its bit does. */
static unsigned emit_section(struct code *c, const struct filter *f, uint32_t token,
                             struct ranges *ranges)
{
    unsigned start;

    ranges->n = 0;
    add_arch_or_none(f, token, 0, ranges);
    if (token == AUDIT_ARCH_X86_64)
        add_arch_or_none(f, ARCH_X32, X32_BIT, ranges);
    add_range(ranges, (struct range){.first = NO_CALL, .action = f->default_action});
    start = emit_tree(c, ranges->v, ranges->n);
    if (start != c->n) /* a return that was there before */
        jump_to(c, start);
    return load(c, offsetof(struct seccomp_data, nr));
}

int filter_assemble(struct filter *f, struct arena *a, struct sock_filter **program,
                    unsigned short *len, struct err *e)
{
    struct code c = {.arena = a};
    struct ranges ranges = {.arena = a};
    unsigned other = give(&c, f->bad_arch_action);

    /* The first one listed is tested first, so its section comes last. */
    for (unsigned i = f->n_archs; i > 0; i--) {
        uint32_t token = f->archs[i - 1].token;
        if (token == ARCH_X32 && find_arch(f, AUDIT_ARCH_X86_64))
            continue;
        if (token == ARCH_X32)
            token = AUDIT_ARCH_X86_64;
        other = branch(&c, BPF_JEQ, token, emit_section(&c, f, token, &ranges), other);
    }
    load(&c, offsetof(struct seccomp_data, arch));
    if (c.too_long)
        return refuse(e, EFBIG, "linux.seccomp: the filter is longer than %d instructions", MOST);
    *program = &c.v[c.room - c.n];
    *len = (unsigned short)c.n;
    return 0;
}
