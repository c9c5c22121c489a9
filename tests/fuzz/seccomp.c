/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any seccomp profile: what its program decides, run by an interpreter, is what the rules say when
 * they are read one by one.
 * Input: bytes that choose actions, names, conditions and their values.
 */
#include "../unit/sec_profile.h"

#include <linux/audit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static unsigned byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Mostly values at which something changes, else any. */
static uint64_t value(struct input *in)
{
    unsigned choice = byte(in);
    uint64_t v = 0;

    if (choice < 200)
        return interesting[choice % N_INTERESTING];
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | byte(in);
    return v;
}

/* Not NOTIFY, which is about another process. */
static int any_action(struct input *in)
{
    int action = (int)(byte(in) % OCI_SECCOMP_ACTION_COUNT);

    return action == OCI_SECCOMP_ACTION_NOTIFY ? OCI_SECCOMP_ACTION_LOG : action;
}

static bool carries(int action)
{
    return action == OCI_SECCOMP_ACTION_ERRNO || action == OCI_SECCOMP_ACTION_TRACE;
}

static void add_entry(struct profile *p, struct input *in)
{
    unsigned row = (byte(in) << 8 | byte(in)) % (N_TABLE + 1);
    struct oci_seccomp_syscall *s =
        add(p, row == N_TABLE ? "no_such_call" : table[row].name, any_action(in));
    unsigned args = byte(in) % (MOST_ARGS + 1);

    if (carries(s->action) && byte(in) % 2) {
        s->errno_ret = byte(in) % 64;
        SET(s, seccomp_syscall, errno_ret);
    }
    for (unsigned i = 0; i < args; i++) {
        unsigned index = byte(in) % 6;
        int op = (int)(byte(in) % OCI_SECCOMP_OP_COUNT);
        uint64_t one = value(in);
        when(s, index, op, one, value(in));
    }
}

static uint32_t action_of_entry(const struct oci_seccomp_syscall *s)
{
    uint32_t n = (uint32_t)oci_word_value(seccomp_action, s->action);

    if (!carries(s->action))
        return n;
    return n | (HAS(s, seccomp_syscall, errno_ret) ? s->errno_ret : EPERM);
}

static bool repeats(const struct oci_seccomp_syscall *s)
{
    for (size_t i = 0; i < s->args.n; i++)
        for (size_t k = 0; k < i; k++)
            if (s->args.v[i].index == s->args.v[k].index)
                return true;
    return false;
}

/* Two conditions on one argument are two rules. */
static bool entry_holds(const struct oci_seccomp_syscall *s, const struct seccomp_data *d)
{
    if (!repeats(s))
        return all_hold(s, d);
    for (size_t i = 0; i < s->args.n; i++)
        if (holds(&s->args.v[i], d))
            return true;
    return false;
}

static int32_t strictness(uint32_t action)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL);
}

/* Of each entry, on x86_64. */
static int numbers[MOST_ENTRIES];

static uint32_t without_rule(const struct profile *p, const struct seccomp_data *d)
{
    int newest = -1;

    for (size_t i = 0; i < p->cfg.syscalls.n; i++)
        if (numbers[i] > newest)
            newest = numbers[i];
    if (p->cfg.default_action == OCI_SECCOMP_ACTION_ERRNO && newest >= 0 && d->nr > newest)
        return SECCOMP_RET_ERRNO | ENOSYS;
    return action_number(p->cfg.default_action);
}

/* For x86_64. What an entry says that does as the default does, does not count. */
static uint32_t meaning(const struct profile *p, const struct seccomp_data *d)
{
    uint32_t best = 0, common = action_number(p->cfg.default_action);
    bool found = false;

    for (int unconditional = 1; unconditional >= 0; unconditional--)
        for (size_t i = 0; i < p->cfg.syscalls.n; i++) {
            const struct oci_seccomp_syscall *s = &p->entries[i];
            uint32_t action = action_of_entry(s);
            if (numbers[i] != d->nr || action == common || (s->args.n == 0) != unconditional)
                continue;
            if (unconditional)
                return action;
            if (!entry_holds(s, d) || (found && strictness(action) >= strictness(best)))
                continue;
            best = action;
            found = true;
        }
    return found ? best : without_rule(p, d);
}

static void ask(const struct profile *p, const struct program *program, struct input *in, int nr)
{
    struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64, .nr = nr};

    for (unsigned i = 0; i < 6; i++)
        d.args[i] = value(in);
    if (interpret(program->v, program->n, &d) != meaning(p, &d))
        abort();
    d.arch = AUDIT_ARCH_S390;
    if (interpret(program->v, program->n, &d) != SECCOMP_RET_KILL_PROCESS)
        abort();
}

/* The values of the conditions themselves, and one more and one less. */
static void ask_at_edges(const struct profile *p, const struct program *program,
                         const struct oci_seccomp_syscall *s, int nr)
{
    struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64, .nr = nr};

    for (uint64_t more = 0; more < 3; more++) {
        for (size_t i = 0; i < s->args.n; i++)
            d.args[s->args.v[i].index] =
                (s->args.v[i].op == OCI_SECCOMP_OP_MASKED_EQ ? s->args.v[i].value_two
                                                             : s->args.v[i].value) +
                more - 1;
        if (interpret(program->v, program->n, &d) != meaning(p, &d))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct profile p;
    static struct program program;
    struct input in = {data, data + size};
    struct arena a = {0};
    unsigned entries;

    begin(&p, any_action(&in), (int)(byte(&in) % 5));
    entries = byte(&in) % 64;
    for (unsigned i = 0; i < entries; i++)
        add_entry(&p, &in);
    for (unsigned i = 0; i < entries; i++)
        numbers[i] = number_of(p.names[i]);
    ours(&p, &a, &program);
    for (size_t i = 0; i < p.cfg.syscalls.n; i++)
        if (numbers[i] >= 0) {
            ask_at_edges(&p, &program, &p.entries[i], numbers[i]);
            ask(&p, &program, &in, numbers[i]);
            ask(&p, &program, &in, numbers[i] + 1);
        }
    for (unsigned i = 0; i < 8; i++)
        ask(&p, &program, &in, (int)(byte(&in) << 2));
    arena_free(&a);
    return 0;
}
