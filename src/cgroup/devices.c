/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns linux.resources.devices: the rules, their program for v2. The list for v1 is in
 * devices_v1.c.
 */
#include "cgroup/devices.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

/* What every container may use: making any node, which opens nothing; null, zero, full, random,
 * urandom, tty, ptmx, pseudo terminals, net/tun. */
static const struct dev_rule defaults[] = {
    {'a', DEV_ANY, DEV_ANY, DEV_MKNOD, true, -1},  {'c', 1, 3, DEV_ALL_ACCESS, true, -1},
    {'c', 1, 5, DEV_ALL_ACCESS, true, -1},         {'c', 1, 7, DEV_ALL_ACCESS, true, -1},
    {'c', 1, 8, DEV_ALL_ACCESS, true, -1},         {'c', 1, 9, DEV_ALL_ACCESS, true, -1},
    {'c', 5, 0, DEV_ALL_ACCESS, true, -1},         {'c', 5, 2, DEV_ALL_ACCESS, true, -1},
    {'c', 136, DEV_ANY, DEV_ALL_ACCESS, true, -1}, {'c', 10, 200, DEV_ALL_ACCESS, true, -1},
};

enum { N_DEFAULTS = sizeof defaults / sizeof *defaults, IDS_MAX = 64 };

/* ---- rules ---- */

static int parse_access(const char *text, unsigned *out)
{
    *out = 0;
    if (!text || !*text) {
        *out = DEV_ALL_ACCESS;
        return 0;
    }
    for (; *text; text++) {
        if (*text == 'r')
            *out |= DEV_READ;
        else if (*text == 'w')
            *out |= DEV_WRITE;
        else if (*text == 'm')
            *out |= DEV_MKNOD;
        else
            return -EINVAL;
    }
    return 0;
}

static int64_t number_or_any(bool given, int64_t n)
{
    return given && n >= 0 ? n : DEV_ANY;
}

static char type_of(const struct oci_device_rule *c)
{
    return c->type && *c->type ? *c->type : 'a';
}

static int read_rule(const struct oci_device_rule *c, size_t i, struct dev_rule *r, struct err *e)
{
    *r = (struct dev_rule){
        .type = type_of(c),
        .major = number_or_any(HAS(c, device_rule, major), c->major),
        .minor = number_or_any(HAS(c, device_rule, minor), c->minor),
        .allow = c->allow,
        .index = (int)i,
    };
    if (parse_access(c->access, &r->access) < 0)
        refuse(e, EINVAL, "device access \"%s\" is not made of r, w and m", c->access);
    else if (!strchr("abc", r->type) || (c->type && strlen(c->type) > 1))
        refuse(e, EINVAL, "device type \"%s\" is not a, b or c", c->type);
    else if (r->major > UINT32_MAX || r->minor > UINT32_MAX)
        refuse(e, ERANGE, "a device number has 32 bits");
    else
        return 0;
    return err_at(e, "/linux/resources/devices/%zu", i);
}

int devices_rules(struct arena *a, const struct oci_resources *r, struct dev_rules *out,
                  struct err *e)
{
    size_t n = r ? r->devices.n : 0;

    out->v = arena_array(a, n + N_DEFAULTS, sizeof *out->v);
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct dev_rule rule;
        int bad = read_rule(&r->devices.v[i], i, &rule, e);
        if (bad < 0)
            return bad;
        out->v[out->n++] = rule;
    }
    for (size_t i = 0; i < N_DEFAULTS; i++)
        out->v[out->n++] = defaults[i];
    return 0;
}

/* ---- the program ---- */

/* The verifier's time grows with each instruction and branch, and every container pays it: rules
 * next to each other share their tests of type and major number, and all answers are at the end. */

enum { R0, R1, ACCESS, TYPE, MAJOR, MINOR }; /* registers */

enum { PER_RULE = 6, FRAME = 12 }; /* instructions, at most */

/* A test that leads past the rules that share it. */
struct guard {
    bool open;
    int64_t value;
    size_t jump;
};

struct code {
    struct bpf_insn *v;
    size_t n;
    struct guard type, major, minor;
    size_t *exits[2], n_exits[2]; /* jumps to the answers no and yes */
};

static void emit(struct code *c, unsigned op, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
    c->v[c->n++] = (struct bpf_insn){
        .code = (uint8_t)op, .dst_reg = dst & 15U, .src_reg = src & 15U, .off = off, .imm = imm};
}

static void load_word(struct code *c, unsigned dst, size_t off)
{
    emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, R1, (int16_t)off, 0);
}

static void prologue(struct code *c)
{
    load_word(c, ACCESS, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    load_word(c, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
    load_word(c, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
    emit(c, BPF_ALU | BPF_MOV | BPF_X, TYPE, ACCESS, 0, 0);
    emit(c, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
    emit(c, BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
}

static int32_t bpf_access(unsigned access)
{
    return (access & DEV_READ ? BPF_DEVCG_ACC_READ : 0) |
           (access & DEV_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
           (access & DEV_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static void land(struct code *c, size_t jump)
{
    c->v[jump].off = (int16_t)(c->n - jump - 1);
}

static void close_guard(struct code *c, struct guard *g)
{
    if (g->open)
        land(c, g->jump);
    g->open = false;
}

static void open_guard(struct code *c, struct guard *g, unsigned reg, int64_t value)
{
    *g = (struct guard){true, value, c->n};
    emit(c, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
}

/* Go to the answer if reg has (JEQ) or has not (JNE) the value. */
static void exit_if(struct code *c, unsigned op, unsigned reg, int64_t value, bool answer)
{
    c->exits[answer][c->n_exits[answer]++] = c->n;
    emit(c, BPF_JMP32 | op | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
}

/* What of a rule is tested by a guard; the last test of a rule for every access is the exit. */
struct tests {
    bool type, major, minor;
};

static struct tests tests_of(const struct dev_rule *r)
{
    struct tests t = {r->type != 'a', r->major != DEV_ANY, r->minor != DEV_ANY};

    if (r->access != DEV_ALL_ACCESS)
        return t;
    if (t.minor)
        t.minor = false;
    else if (t.major)
        t.major = false;
    else
        t.type = false;
    return t;
}

static int64_t bpf_type(const struct dev_rule *r)
{
    return r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
}

static bool is_open(const struct guard *g, bool wanted, int64_t value)
{
    return g->open == wanted && (!wanted || g->value == value);
}

static void guard_rule(struct code *c, const struct dev_rule *r, struct tests t)
{
    bool type = is_open(&c->type, t.type, bpf_type(r));

    if (!type || !is_open(&c->major, t.major, r->major))
        close_guard(c, &c->major);
    if (!type)
        close_guard(c, &c->type);
    if (t.type && !c->type.open)
        open_guard(c, &c->type, TYPE, bpf_type(r));
    if (t.major && !c->major.open)
        open_guard(c, &c->major, MAJOR, r->major);
    if (t.minor)
        open_guard(c, &c->minor, MINOR, r->minor);
}

static void whole_rule(struct code *c, const struct dev_rule *r)
{
    if (r->minor != DEV_ANY)
        exit_if(c, BPF_JEQ, MINOR, r->minor, r->allow);
    else if (r->major != DEV_ANY)
        exit_if(c, BPF_JEQ, MAJOR, r->major, r->allow);
    else
        exit_if(c, BPF_JEQ, TYPE, bpf_type(r), r->allow);
}

/* Allowing takes the kinds of access off those still asked for, until none is left. */
static void part_rule(struct code *c, const struct dev_rule *r)
{
    int32_t access = bpf_access(r->access);

    if (r->allow) {
        emit(c, BPF_ALU | BPF_AND | BPF_K, ACCESS, 0, 0, ~access);
        exit_if(c, BPF_JEQ, ACCESS, 0, true);
    } else {
        emit(c, BPF_ALU | BPF_MOV | BPF_X, R0, ACCESS, 0, 0);
        emit(c, BPF_ALU | BPF_AND | BPF_K, R0, 0, 0, access);
        exit_if(c, BPF_JNE, R0, 0, false);
    }
}

static void add_to_program(struct code *c, const struct dev_rule *r)
{
    guard_rule(c, r, tests_of(r));
    if (r->access == DEV_ALL_ACCESS)
        whole_rule(c, r);
    else
        part_rule(c, r);
    close_guard(c, &c->minor);
}

static void answer(struct code *c, bool yes)
{
    while (c->n_exits[yes])
        land(c, c->exits[yes][--c->n_exits[yes]]);
    emit(c, BPF_ALU | BPF_MOV | BPF_K, R0, 0, 0, yes);
    emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The verifier refuses code that is never reached, so the second answer stands only if used. */
static void epilogue(struct code *c, bool otherwise)
{
    close_guard(c, &c->major);
    close_guard(c, &c->type);
    answer(c, otherwise);
    if (c->n_exits[!otherwise])
        answer(c, !otherwise);
}

struct bpf_insn *devices_program(struct arena *a, const struct dev_rules *rules, size_t *n)
{
    struct code c = {.v = arena_array(a, rules->n * PER_RULE + FRAME, sizeof *c.v)};
    bool otherwise = false;
    size_t i = rules->n;

    c.exits[0] = arena_array(a, rules->n + 1, sizeof *c.exits[0]);
    c.exits[1] = arena_array(a, rules->n + 1, sizeof *c.exits[1]);
    prologue(&c);
    while (i--) {
        otherwise = rules->v[i].allow;
        if (dev_is_everything(&rules->v[i]))
            break; /* what was before it has no say */
        otherwise = false;
        add_to_program(&c, &rules->v[i]);
    }
    if (otherwise && !c.n_exits[0])
        return NULL;
    epilogue(&c, otherwise);
    *n = c.n;
    return c.v;
}

/* ---- attaching it ---- */

static int attach(int dir, int prog)
{
    int r = sys_bpf_attach_device(dir, prog, BPF_F_ALLOW_MULTI, -1);

    if (r == -EPERM || r == -EINVAL)
        r = sys_bpf_attach_device(dir, prog, 0, -1); /* where ours was attached alone */
    return r;
}

/* In place of the one that is there, so that no moment is without rules. */
static int replace_one(int dir, int prog, uint32_t id)
{
    auto_close int old = sys_bpf_prog_by_id(id);
    int r;

    if (old < 0)
        return old;
    r = sys_bpf_attach_device(dir, prog, BPF_F_ALLOW_MULTI, old);
    return r < 0 ? attach(dir, prog) : r;
}

static int detach_ids(int dir, const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        auto_close int old = sys_bpf_prog_by_id(ids[i]);
        int r = old < 0 ? old : sys_bpf_detach_device(dir, old);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* prog -1: none is needed any more. */
static int replace_all(int dir, int prog)
{
    uint32_t ids[IDS_MAX], n = IDS_MAX;
    int r = sys_bpf_query_device(dir, ids, &n);

    if (r < 0)
        return r;
    if (prog >= 0 && n == 1)
        return replace_one(dir, prog, ids[0]);
    r = prog >= 0 ? attach(dir, prog) : 0;
    return r < 0 ? r : detach_ids(dir, ids, n);
}

static int install(const struct hier *h, const struct bpf_insn *v, size_t n, bool fresh,
                   struct err *e)
{
    auto_close int dir = sys_open(h->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    auto_close int prog = -1;
    char log[300] = "";
    int r;

    if (dir < 0)
        return fail(e, dir, "open cgroup %s", h->path);
    if (v) {
        prog = sys_bpf_load_device(v, n, log, sizeof log);
        if (prog < 0)
            return fail(e, prog, "load the program of the device rules%s%s", *log ? ": " : "", log);
    }
    if (fresh)
        r = v ? attach(dir, prog) : 0;
    else
        r = replace_all(dir, prog);
    return r < 0 ? fail(e, r, "attach the device rules to cgroup %s", h->path) : 0;
}

int devices_set_v2(const struct cgroup *cg, const struct hier *h, const struct oci_resources *r,
                   bool fresh, struct err *e)
{
    struct arena a = {0};
    struct dev_rules rules;
    size_t n;
    int done = devices_rules(&a, r, &rules, e);

    (void)cg;
    if (done == 0) {
        const struct bpf_insn *v = devices_program(&a, &rules, &n);
        done = install(h, v, n, fresh && h->path[h->there], e);
    }
    arena_free(&a);
    if (done == 0)
        return 0;
    if (done == -EPERM)
        err_hint(e,
                 "it takes CAP_SYS_ADMIN, and that no parent cgroup has a device program attached "
                 "for itself alone");
    return err_at(e, "/linux/resources/devices");
}
