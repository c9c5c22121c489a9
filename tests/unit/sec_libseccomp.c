/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of system calls and the seccomp program against libseccomp's: both programs are run by
 * an interpreter of classic BPF over many numbers, arguments and architectures, and must say the
 * same; ours in no more instructions.
 */
#include "sec_profile.h"
#include "tap.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <unistd.h>

/* ---- the same profile by libseccomp ---- */

static void must(int r, const char *what)
{
    if (r < 0) {
        printf("Bail out! %s: %d\n", what, r);
        exit(1);
    }
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

static void reference(const struct profile *p, bool tree, struct program *out)
{
    scmp_filter_ctx ctx = seccomp_init(action_number(p->cfg.default_action));
    auto_close int fd = sys_memfd("reference", 0);

    if (tree)
        must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
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
    reference(p, false, &two);
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

/* What the documentation of docker lists as refused by its default profile. */
static const char *const refused[] = {"acct",
                                      "add_key",
                                      "bpf",
                                      "clock_adjtime",
                                      "clock_settime",
                                      "clone",
                                      "create_module",
                                      "delete_module",
                                      "finit_module",
                                      "get_kernel_syms",
                                      "get_mempolicy",
                                      "init_module",
                                      "ioperm",
                                      "iopl",
                                      "kcmp",
                                      "kexec_load",
                                      "keyctl",
                                      "lookup_dcookie",
                                      "mbind",
                                      "mount",
                                      "move_pages",
                                      "nfsservctl",
                                      "personality",
                                      "perf_event_open",
                                      "pivot_root",
                                      "ptrace",
                                      "query_module",
                                      "quotactl",
                                      "reboot",
                                      "request_key",
                                      "set_mempolicy",
                                      "setns",
                                      "settimeofday",
                                      "swapoff",
                                      "swapon",
                                      "sysfs",
                                      "umount2",
                                      "unshare",
                                      "uselib",
                                      "userfaultfd",
                                      "ustat",
                                      "kexec_file_load",
                                      "open_by_handle_at",
                                      "process_vm_readv",
                                      "process_vm_writev"};

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i], name) == 0)
            return true;
    return false;
}

/* The shape of what container engines ship: most calls allowed by name, few with conditions. */
static void engine_profile(struct profile *p, int default_action, int n_archs)
{
    begin(p, default_action, n_archs);
    for (int i = 0; i < 450; i++) {
        if (!is_refused(name_of(i)) && seccomp_syscall_resolve_name(name_of(i)) != __NR_SCMP_ERROR)
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

static void compare_random(unsigned seed)
{
    static struct profile p;
    char what[64];

    random_profile(&p, seed, 1, (int)seed % 5);
    snprintf(what, sizeof what, "random profile %u", seed);
    compare(&p, what);
}

/* ---- cost ---- */

struct cost {
    unsigned long ours, theirs, asked;
    unsigned long most_ours, most_theirs; /* of one call */
};

static void count_number(const struct program *one, const struct program *two, uint32_t token,
                         uint32_t number, struct cost *cost)
{
    struct seccomp_data d = {.arch = token, .nr = (int)number};
    unsigned long a = 0, b = 0;

    interpret_counting(one->v, one->n, &d, &a);
    interpret_counting(two->v, two->n, &d, &b);
    cost->ours += a;
    cost->theirs += b;
    cost->asked++;
    cost->most_ours = a > cost->most_ours ? a : cost->most_ours;
    cost->most_theirs = b > cost->most_theirs ? b : cost->most_theirs;
}

/* Per call, against the best that libseccomp makes of the same profile, a binary tree. */
static void compare_cost(const struct profile *p, uint32_t token, uint32_t first, const char *what)
{
    static struct program one, two;
    struct arena a = {0};
    struct cost cost = {0};

    ours(p, &a, &one);
    reference(p, true, &two);
    for (uint32_t n = 0; n < 450; n++)
        count_number(&one, &two, token, first + n, &cost);
    ok(cost.ours <= cost.theirs && cost.most_ours <= cost.most_theirs && one.n <= two.n,
       "%s: %.1f instructions a call and at most %lu, libseccomp's tree %.1f and %lu; length %zu, "
       "%zu",
       what, (double)cost.ours / (double)cost.asked, cost.most_ours,
       (double)cost.theirs / (double)cost.asked, cost.most_theirs, one.n, two.n);
    arena_free(&a);
}

static void compare_costs(void)
{
    static struct profile p;

    engine_profile(&p, OCI_SECCOMP_ACTION_ERRNO, 0);
    compare_cost(&p, AUDIT_ARCH_X86_64, 0, "one architecture");
    engine_profile(&p, OCI_SECCOMP_ACTION_ERRNO, 2);
    compare_cost(&p, AUDIT_ARCH_X86_64, 0, "x86_64 of three");
    compare_cost(&p, AUDIT_ARCH_I386, 0, "i386 of three");
    compare_cost(&p, AUDIT_ARCH_X86_64, 0x40000000, "x32 of three");
}

/* ---- the table ---- */

/* What libseccomp's numbers below zero mean; see seccomp_syscall_resolve_name(3). */
enum { SOCKETCALL = -100, IPC = -200, FAMILY = 100 };

static bool same_subcall(const struct syscall_place *place, int theirs)
{
    int subcall = (theirs > SOCKETCALL - FAMILY ? SOCKETCALL : IPC) - theirs;

    return place->n > 0 && place->v[place->n - 1].subcall == subcall;
}

/* 1 the same, 0 not, -1 when libseccomp does not know the name. */
static int same_number(const char *name, uint32_t token)
{
    const struct syscall *call = syscall_find(name, NULL);
    int theirs = seccomp_syscall_resolve_name_arch(token, name);
    const char *door = theirs > SOCKETCALL - FAMILY ? "socketcall" : "ipc";
    struct syscall_place place;

    if (theirs == __NR_SCMP_ERROR)
        return -1;
    syscall_find_place(call, syscall_column(token), &place);
    if (theirs >= 0)
        return place.n == 1 && place.v[0].number == (uint32_t)theirs && place.v[0].subcall == -1;
    if (theirs < SOCKETCALL && theirs > IPC - FAMILY &&
        seccomp_syscall_resolve_name_arch(token, door) >= 0)
        return same_subcall(&place, theirs);
    return place.n == 0;
}

static void compare_table(int word)
{
    uint32_t token = (uint32_t)oci_word_value(seccomp_arch, word);
    int same = 0, other = 0, unknown = 0;

    if (seccomp_syscall_resolve_name_arch(token, "read") < 0) {
        ok(true, "%s: # SKIP libseccomp does not know it", oci_word(seccomp_arch, word));
        return;
    }
    for (int i = 0; i < N_TABLE; i++) {
        int r = same_number(table[i].name, token);
        same += r == 1;
        other += r == 0;
        unknown += r < 0;
        if (r == 0)
            printf("# %s: another number\n", table[i].name);
    }
    ok(same > 400 && other == 0, "%s: %d numbers as libseccomp, %d other, %d names newer",
       oci_word(seccomp_arch, word), same, other, unknown);
}

/* The other way: does libseccomp know a call of an architecture that we do not? A library that is
 * newer than the table may, beyond our last number. */
static void nothing_is_missing(int word)
{
    uint32_t token = (uint32_t)oci_word_value(seccomp_arch, word);
    int column = syscall_column(token), missing = 0;

    if (column < 0 || seccomp_syscall_resolve_name_arch(token, "read") < 0)
        return;
    for (uint32_t i = 0; i < 470; i++) {
        auto_free char *name =
            seccomp_syscall_resolve_num_arch(token, (int)(syscall_first(column) + i));
        if (name && !syscall_find(name, NULL)) {
            printf("# %s\n", name);
            missing++;
        }
    }
    ok(missing == 0, "%s: no call is missing", oci_word(seccomp_arch, word));
}

static void is_sorted(void)
{
    int wrong = 0;

    for (int i = 1; i < N_TABLE; i++)
        wrong += strcmp(table[i - 1].name, table[i].name) >= 0;
    for (int i = 0; i < N_TABLE; i++)
        wrong += !syscall_find(table[i].name, NULL);
    ok(wrong == 0, "the table is sorted and each name is found");
}

/* From any row that was found before, any other is found, and nothing that is not there. */
static void search_begins_anywhere(void)
{
    int wrong = 0;

    for (int i = 0; i < N_TABLE; i += 7)
        for (int k = 0; k < N_TABLE; k++) {
            const struct syscall *last = syscall_find(table[i].name, NULL);
            wrong += syscall_find(table[k].name, last) != syscall_find(table[k].name, NULL);
        }
    for (int i = 0; i < N_TABLE; i++)
        wrong += syscall_find("no_such_call", syscall_find(table[i].name, NULL)) != NULL;
    ok(wrong == 0, "a search may begin at any row");
}

int main(void)
{
    static struct profile p;

    is_sorted();
    search_begins_anywhere();
    for (int word = 0; word < OCI_SECCOMP_ARCH_COUNT; word++) {
        compare_table(word);
        nothing_is_missing(word);
    }
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
    compare_costs();
    return done_testing();
}
