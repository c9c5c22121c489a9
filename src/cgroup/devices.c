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
    {'c', DEV_ANY, DEV_ANY, DEV_MKNOD, true, -1},  {'b', DEV_ANY, DEV_ANY, DEV_MKNOD, true, -1},
    {'c', 1, 3, DEV_ALL_ACCESS, true, -1},         {'c', 1, 5, DEV_ALL_ACCESS, true, -1},
    {'c', 1, 7, DEV_ALL_ACCESS, true, -1},         {'c', 1, 8, DEV_ALL_ACCESS, true, -1},
    {'c', 1, 9, DEV_ALL_ACCESS, true, -1},         {'c', 5, 0, DEV_ALL_ACCESS, true, -1},
    {'c', 136, DEV_ANY, DEV_ALL_ACCESS, true, -1}, {'c', 5, 2, DEV_ALL_ACCESS, true, -1},
    {'c', 10, 200, DEV_ALL_ACCESS, true, -1},
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

static bool is_everything(const struct dev_rule *r)
{
    return r->type == 'a' && r->major == DEV_ANY && r->minor == DEV_ANY &&
           r->access == DEV_ALL_ACCESS;
}

/* The kernel's "a" always means all of all: a narrower rule for both types becomes two. */
static void add_rule(struct dev_rules *out, const struct dev_rule *r)
{
    struct dev_rule *to = &out->v[out->n++];

    *to = *r;
    if (r->type != 'a' || is_everything(r))
        return;
    to->type = 'b';
    out->v[out->n] = *to;
    out->v[out->n++].type = 'c';
}

int devices_rules(struct arena *a, const struct oci_resources *r, struct dev_rules *out,
                  struct err *e)
{
    size_t n = r ? r->devices.n : 0;

    out->v = arena_array(a, 2 * n + N_DEFAULTS, sizeof *out->v);
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct dev_rule rule;
        int bad = read_rule(&r->devices.v[i], i, &rule, e);
        if (bad < 0)
            return bad;
        add_rule(out, &rule);
    }
    for (size_t i = 0; i < N_DEFAULTS; i++)
        add_rule(out, &defaults[i]);
    return 0;
}

/* ---- the program ---- */

enum { R0, R1, ACCESS, TYPE, MAJOR, MINOR }; /* registers */

struct code {
    struct bpf_insn *v;
    size_t n;
};

static void emit(struct code *c, unsigned op, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
    c->v[c->n++] = (struct bpf_insn){.code = (uint8_t)op,
                                     .dst_reg = dst & 15U,
                                     .src_reg = src & 15U,
                                     .off = off,
                                     .imm = imm};
}

static void load_word(struct code *c, unsigned dst, size_t off)
{
    emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, R1, (int16_t)off, 0);
}

static void answer(struct code *c, bool allow)
{
    emit(c, BPF_ALU | BPF_MOV | BPF_K, R0, 0, 0, allow);
    emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
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

static size_t unless(struct code *c, unsigned reg, int64_t value)
{
    emit(c, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
    return c->n - 1;
}

/* Allowing takes the kinds of access off those still asked for, until none is left. */
static void allow_part(struct code *c, int32_t access)
{
    emit(c, BPF_ALU | BPF_AND | BPF_K, ACCESS, 0, 0, ~access);
    emit(c, BPF_JMP32 | BPF_JNE | BPF_K, ACCESS, 0, 2, 0);
    answer(c, true);
}

static void deny_part(struct code *c, int32_t access)
{
    emit(c, BPF_ALU | BPF_MOV | BPF_X, R0, ACCESS, 0, 0);
    emit(c, BPF_ALU | BPF_AND | BPF_K, R0, 0, 0, access);
    emit(c, BPF_JMP32 | BPF_JEQ | BPF_K, R0, 0, 2, 0);
    answer(c, false);
}

static void add_to_program(struct code *c, const struct dev_rule *r)
{
    size_t jumps[3], n = 0;

    if (r->type != 'a')
        jumps[n++] = unless(c, TYPE, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (r->major != DEV_ANY)
        jumps[n++] = unless(c, MAJOR, r->major);
    if (r->minor != DEV_ANY)
        jumps[n++] = unless(c, MINOR, r->minor);
    if (r->access == DEV_ALL_ACCESS)
        answer(c, r->allow);
    else if (r->allow)
        allow_part(c, bpf_access(r->access));
    else
        deny_part(c, bpf_access(r->access));
    while (n--)
        c->v[jumps[n]].off = (int16_t)(c->n - jumps[n] - 1);
}

struct bpf_insn *devices_program(struct arena *a, const struct dev_rules *rules, size_t *n)
{
    enum { PER_RULE = 8, FRAME = 8 };
    struct code c = {arena_array(a, rules->n * PER_RULE + FRAME, sizeof *c.v), 0};
    bool denies = false;
    size_t i = rules->n;

    prologue(&c);
    while (i--) {
        const struct dev_rule *r = &rules->v[i];
        add_to_program(&c, r);
        denies |= !r->allow;
        if (is_everything(r))
            break; /* what was before it has no say; the verifier refuses dead code */
    }
    if (i == SIZE_MAX) {
        answer(&c, false);
        denies = true;
    }
    *n = c.n;
    return denies ? c.v : NULL;
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
