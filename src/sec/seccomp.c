/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the meaning of /linux/seccomp (runtime-spec config-linux.md, "Seccomp"): out of the profile
 * come rules on numbers, which assemble.c makes a program of. All of this happens on the host.
 */
#include "sec/filter.h"
#include "sec/sec.h"

#include "base/log.h"
#include "sys/seccomp.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Largest error number that the kernel returns from a filter (MAX_ERRNO), and the room for data. */
enum { MOST_ERRNO = 4095, MOST_DATA = 0xffff, ARGUMENTS = 6 };

/* One entry of /linux/seccomp/syscalls as rules: one with all conditions, or one per condition. */
struct entry {
    bool skip; /* does what the default does */
    struct filter_rule *rules;
    unsigned n;
};

struct compiler {
    const struct oci_seccomp *cfg;
    struct arena *arena;
    struct filter filter;
    struct entry *entries; /* one per entry of the profile */
};

/* ---- actions ---- */

/* SECCOMP_RET_* with its data. errnoRet is EPERM when absent, and is an error with an action that
 * cannot carry it. */
static int action_of(int word, bool given, uint32_t number, uint32_t *action, const char *where,
                     struct err *e)
{
    uint32_t ret = (uint32_t)oci_word_value(seccomp_action, word);
    uint32_t most = word == OCI_SECCOMP_ACTION_ERRNO ? MOST_ERRNO : MOST_DATA;

    if (word != OCI_SECCOMP_ACTION_ERRNO && word != OCI_SECCOMP_ACTION_TRACE) {
        *action = ret;
        if (given)
            return refuse(e, EINVAL, "%s: %s carries no error number", where,
                          oci_word(seccomp_action, word));
        return 0;
    }
    if (given && number > most)
        return refuse(e, EINVAL, "%s: %u is more than %s can carry (%u)", where, number,
                      oci_word(seccomp_action, word), most);
    *action = ret | (given ? number : EPERM);
    return 0;
}

static int default_action(struct compiler *c, struct err *e)
{
    const struct oci_seccomp *cfg = c->cfg;

    c->filter.enosys = cfg->default_action == OCI_SECCOMP_ACTION_ERRNO;
    c->filter.bad_arch_action = SECCOMP_RET_KILL_PROCESS;
    return action_of(cfg->default_action, HAS(cfg, seccomp, default_errno_ret),
                     cfg->default_errno_ret, &c->filter.default_action,
                     "linux.seccomp.defaultErrnoRet", e);
}

/* ---- entries ---- */

static bool index_repeats(const struct oci_seccomp_syscall *cfg)
{
    unsigned seen = 0;

    for (size_t i = 0; i < cfg->args.n; i++) {
        unsigned bit = 1u << cfg->args.v[i].index;
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

static int condition_of(const struct oci_seccomp_arg *cfg, size_t entry,
                        struct filter_condition *out, struct err *e)
{
    if (cfg->index >= ARGUMENTS)
        return refuse(e, EINVAL, "linux.seccomp.syscalls[%zu]: there is no argument %u", entry,
                      cfg->index);
    out->arg = cfg->index;
    out->op = (enum filter_op)oci_word_value(seccomp_op, cfg->op);
    out->value = cfg->value;
    out->value_two = cfg->value_two;
    return 0;
}

/* All conditions of an entry have to hold, unless two are on the same argument: then each is a rule
 * of its own, which is what profiles were written against (runc issue 2735). */
static int make_rules(struct compiler *c, size_t index, uint32_t action, struct err *e)
{
    const struct oci_seccomp_syscall *cfg = &c->cfg->syscalls.v[index];
    struct entry *entry = &c->entries[index];
    unsigned n = (unsigned)cfg->args.n;
    struct filter_condition *conditions =
        arena_array(c->arena, n ? n : 1, sizeof(struct filter_condition));

    for (unsigned i = 0; i < n; i++)
        if (condition_of(&cfg->args.v[i], index, &conditions[i], e) < 0)
            return -e->code;
    entry->n = n && index_repeats(cfg) ? n : 1;
    entry->rules = arena_array(c->arena, entry->n, sizeof(struct filter_rule));
    for (unsigned i = 0; i < entry->n; i++) {
        entry->rules[i].action = action;
        entry->rules[i].n = entry->n > 1 ? 1 : n;
        entry->rules[i].conditions = &conditions[i];
    }
    return 0;
}

static int make_entry(struct compiler *c, size_t index, struct err *e)
{
    const struct oci_seccomp_syscall *cfg = &c->cfg->syscalls.v[index];
    char where[64];
    uint32_t action;
    int r;

    snprintf(where, sizeof where, "linux.seccomp.syscalls[%zu].errnoRet", index);
    r = action_of(cfg->action, HAS(cfg, seccomp_syscall, errno_ret), cfg->errno_ret, &action, where,
                  e);
    if (r < 0)
        return r;
    c->entries[index].skip = action == c->filter.default_action;
    return make_rules(c, index, action, e);
}

/* ---- architectures ---- */

static int add_arch(struct compiler *c, uint32_t token, const char *name, struct err *e)
{
    struct filter *f = &c->filter;
    int column = syscall_column(token);

    for (unsigned i = 0; i < f->n_archs; i++)
        if (f->archs[i].token == token)
            return 0;
    if (column < 0)
        return refuse(e, EOPNOTSUPP,
                      "linux.seccomp.architectures: rt does not know the system "
                      "calls of %s",
                      name);
    f->archs[f->n_archs++] = (struct filter_arch){
        .token = token,
        .column = column,
        .first = syscall_first(column),
        .places = arena_array(c->arena, FILTER_PLACES, sizeof(uint16_t)),
    };
    return 0;
}

/* The native one is in any filter, and first, as it is asked for most. */
static int add_archs(struct compiler *c, struct err *e)
{
    const struct oci_words *words = &c->cfg->architectures;
    int r;

    c->filter.archs = arena_array(c->arena, words->n + 1, sizeof(struct filter_arch));
    r = add_arch(c, sys_seccomp_native_arch(), "this machine", e);
    for (size_t i = 0; r == 0 && i < words->n; i++)
        r = add_arch(c, (uint32_t)oci_word_value(seccomp_arch, words->v[i]),
                     oci_word(seccomp_arch, words->v[i]), e);
    return r;
}

/* ---- bindings ---- */

/* As the kernel ranks actions, seccomp(2): the smaller the stricter, as a signed number. */
static bool is_looser(uint32_t one, uint32_t two)
{
    return (int32_t)(one & SECCOMP_RET_ACTION_FULL) > (int32_t)(two & SECCOMP_RET_ACTION_FULL);
}

/* By a multiplexer the arguments proper lie in memory, out of a filter's sight: only the subcall
 * can be told. So what a condition would have let pass does not pass here, and what it would have
 * stopped is stopped whole; else this door would go around the condition. NULL: no rule. */
static const struct filter_rule *door_rule(struct compiler *c, const struct filter_rule *rule,
                                           int subcall)
{
    struct filter_rule *door = arena_new(c->arena, struct filter_rule);

    if (rule->n && is_looser(rule->action, c->filter.default_action))
        return NULL;
    door->action = rule->action;
    door->n = 1;
    door->conditions = arena_new(c->arena, struct filter_condition);
    door->conditions[0].op = FILTER_EQ;
    door->conditions[0].value = (uint64_t)subcall;
    return door;
}

static int bind_rules(struct compiler *c, struct filter_arch *arch, const struct entry *entry,
                      uint32_t number, int subcall)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < entry->n; i++) {
        const struct filter_rule *rule = &entry->rules[i];
        if (subcall >= 0)
            rule = door_rule(c, rule, subcall);
        if (rule)
            r = filter_bind(arch, number, rule, c->arena);
    }
    return r;
}

static int bind_call(struct compiler *c, struct filter_arch *arch, const struct syscall *call,
                     const struct entry *entry)
{
    struct syscall_place place;
    int r = 0;

    syscall_find_place(call, arch->column, &place);
    for (unsigned i = 0; r == 0 && i < place.n; i++) {
        uint32_t number = place.v[i].number;
        arch->newest = !arch->named_any || number > arch->newest ? number : arch->newest;
        arch->named_any = true;
        if (!entry->skip)
            r = bind_rules(c, arch, entry, number, place.v[i].subcall);
    }
    return r;
}

static int bind_entry(struct compiler *c, size_t index, struct err *e)
{
    const struct oci_strs *names = &c->cfg->syscalls.v[index].names;
    const struct syscall *last = NULL;
    int r = 0;

    for (size_t i = 0; i < names->n; i++) {
        const struct syscall *call = syscall_find(names->v[i], last);
        if (!call)
            log_debug("linux.seccomp: unknown system call %s is skipped", names->v[i]);
        for (unsigned k = 0; call && r == 0 && k < c->filter.n_archs; k++)
            r = bind_call(c, &c->filter.archs[k], call, &c->entries[index]);
        last = call ? call : last;
    }
    return r < 0 ? refuse(e, r, "linux.seccomp.syscalls[%zu]: too many rules", index) : 0;
}

/* ---- flags and listener ---- */

/* Any call may be watched, also those by which processes talk: no part of the way of the descriptor
 * to the listener is gone by a process that has the filter (seccomp_listener.c). */
static bool notifies(const struct oci_seccomp *cfg)
{
    if (cfg->default_action == OCI_SECCOMP_ACTION_NOTIFY)
        return true;
    for (size_t i = 0; i < cfg->syscalls.n; i++)
        if (cfg->syscalls.v[i].action == OCI_SECCOMP_ACTION_NOTIFY)
            return true;
    return false;
}

static unsigned flags_of(const struct oci_seccomp *cfg)
{
    unsigned flags = 0;

    if (!HAS(cfg, seccomp, flags))
        return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < cfg->flags.n; i++)
        flags |= (unsigned)oci_word_value(seccomp_flag, cfg->flags.v[i]);
    return flags;
}

/* TSYNC means nothing to a process of one thread and cannot go with a listener; waiting killably
 * means nothing without one (seccomp(2)). */
static int set_flags(struct seccomp_plan *plan, const struct oci_seccomp *cfg, struct err *e)
{
    int known;

    plan->flags = flags_of(cfg);
    if (!plan->listener) {
        plan->flags &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        return 0;
    }
    plan->flags &= ~(unsigned)SECCOMP_FILTER_FLAG_TSYNC;
    plan->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    known = sys_seccomp_knows(plan->flags);
    if (known == 0)
        return refuse(e, EINVAL, "linux.seccomp.flags: the kernel does not know them all (%#x)",
                      plan->flags);
    return known < 0 ? fail(e, known, "ask for flags of seccomp") : 0;
}

static int set_listener(struct seccomp_plan *plan, const struct oci_seccomp *cfg, bool privileged,
                        struct err *e)
{
    int r;

    if (!plan->listener)
        return 0;
    if (!cfg->listener_path || !cfg->listener_path[0])
        return refuse(e, EINVAL, "linux.seccomp: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath");
    plan->number = sys_shared_pages(sizeof *plan->number);
    if (!plan->number)
        return fail(e, ENOMEM, "share memory for the notify descriptor");
    *plan->number = -1;
    r = privileged ? 0 : sys_socketpair(SOCK_SEQPACKET, plan->channel);
    return r < 0 ? fail(e, r, "make a channel for the notify descriptor") : 0;
}

static int add_all(struct compiler *c, struct err *e)
{
    int r = default_action(c, e);

    if (r == 0)
        r = add_archs(c, e);
    c->entries = arena_array(c->arena, c->cfg->syscalls.n + 1, sizeof(struct entry));
    for (size_t i = 0; r == 0 && i < c->cfg->syscalls.n; i++)
        r = make_entry(c, i, e);
    for (size_t i = 0; r == 0 && i < c->cfg->syscalls.n; i++)
        r = bind_entry(c, i, e);
    return r;
}

bool seccomp_knows_arch(int word)
{
    return syscall_column((uint32_t)oci_word_value(seccomp_arch, word)) >= 0;
}

bool seccomp_supports_flag(int word)
{
    unsigned flag = (unsigned)oci_word_value(seccomp_flag, word);

    /* Says how calls wait for a listener, so it is nothing without one. */
    if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    return sys_seccomp_knows(flag) == 1;
}

int seccomp_compile(const struct oci_seccomp *cfg, struct arena *a, struct sock_filter **v,
                    unsigned short *len, struct err *e)
{
    struct compiler c = {.cfg = cfg, .arena = a};
    int r = add_all(&c, e);

    return r < 0 ? r : filter_assemble(&c.filter, a, v, len, e);
}

int seccomp_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_seccomp *cfg = p->cfg->linux ? p->cfg->linux->seccomp : NULL;

    (void)a;
    (void)e;
    p->seccomp.late = p->process.cfg && p->process.cfg->no_new_privileges;
    p->seccomp.channel[0] = p->seccomp.channel[1] = -1;
    p->seccomp.listener = cfg && p->process.cfg && notifies(cfg);
    return 0;
}

static int prepare(struct plan *p, struct err *e)
{
    struct seccomp_plan *plan = &p->seccomp;
    const struct oci_seccomp *cfg = p->cfg->linux ? p->cfg->linux->seccomp : NULL;
    int r;

    if (!cfg || !p->process.cfg)
        return 0;
    plan->program = sys_shared_pages(sizeof *plan->program);
    if (!plan->program)
        return fail(e, ENOMEM, "share memory for the seccomp filter");
    r = set_listener(plan, cfg, p->privileged, e);
    return r == 0 ? set_flags(plan, cfg, e) : r;
}

int seccomp_check(const struct plan *p, struct arena *a, seccomp_unknown_fn *unknown, void *arg,
                  struct err *e)
{
    const struct oci_seccomp *cfg = p->cfg->linux ? p->cfg->linux->seccomp : NULL;
    struct plan copy = *p;
    struct ctx ctx = {.plan = &copy, .arena = a};
    int r;

    if (!cfg)
        return 0;
    r = prepare(&copy, e);
    if (r == 0)
        r = step_compile_seccomp(&ctx, e);
    for (size_t i = 0; r == 0 && i < cfg->syscalls.n; i++)
        for (size_t k = 0; k < cfg->syscalls.v[i].names.n; k++)
            if (!syscall_find(cfg->syscalls.v[i].names.v[k], NULL))
                unknown(arg, i, k, cfg->syscalls.v[i].names.v[k]);
    return r;
}

int step_prepare_seccomp(struct ctx *ctx, struct err *e)
{
    int r = prepare(ctx->plan, e);

    return r == 0 && ctx->plan->req->dry_run ? step_compile_seccomp(ctx, e) : r;
}

int step_compile_seccomp(struct ctx *ctx, struct err *e)
{
    struct seccomp_plan *plan = &ctx->plan->seccomp;
    struct sock_filter *v;
    unsigned short len;
    int r;

    if (!plan->program)
        return 0;
    r = seccomp_compile(ctx->plan->cfg->linux->seccomp, ctx->arena, &v, &len, e);
    if (r < 0)
        return r;
    memcpy(plan->program->v, v, len * sizeof *v);
    plan->program->len = len;
    log_debug("linux.seccomp: %u instructions, flags %#x", len, plan->flags);
    return 0;
}
