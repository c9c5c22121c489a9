/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/cgroup/devices.c and devices_v1.c. The program is run by a small interpreter and
 * compared with the rule in words: of each kind of access, the last rule that speaks of it decides.
 */
#include "cgroup/devices.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>

static struct arena arena;
static struct err e;

/* ---- a BPF machine of the few instructions that are used ---- */

struct machine {
    uint32_t reg[6];
    const struct bpf_cgroup_dev_ctx *ctx;
};

static uint32_t operand(const struct machine *m, const struct bpf_insn *i)
{
    return BPF_SRC(i->code) == BPF_X ? m->reg[i->src_reg] : (uint32_t)i->imm;
}

static bool alu(struct machine *m, const struct bpf_insn *i)
{
    uint32_t *d = &m->reg[i->dst_reg], s = operand(m, i);

    switch (BPF_OP(i->code)) {
    case BPF_MOV:
        *d = s;
        return true;
    case BPF_AND:
        *d &= s;
        return true;
    case BPF_RSH:
        *d >>= s;
        return true;
    }
    return false;
}

static bool load(struct machine *m, const struct bpf_insn *i)
{
    m->reg[i->dst_reg] = ((const uint32_t *)m->ctx)[i->off / 4];
    return i->src_reg == 1 && i->off >= 0 && i->off <= 8;
}

/* The answer, or -1 for what is not an orderly program. */
static int run(const struct bpf_insn *v, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
    struct machine m = {.ctx = ctx};

    for (size_t pc = 0; pc < n; pc++) {
        const struct bpf_insn *i = &v[pc];
        bool fine = true;
        if (i->code == (BPF_JMP | BPF_EXIT))
            return (int)m.reg[0];
        if (i->code == (BPF_LDX | BPF_MEM | BPF_W))
            fine = load(&m, i);
        else if (BPF_CLASS(i->code) == BPF_ALU)
            fine = alu(&m, i);
        else if (i->code == (BPF_JMP32 | BPF_JNE | BPF_K))
            pc += m.reg[i->dst_reg] != operand(&m, i) ? (size_t)i->off : 0;
        else if (i->code == (BPF_JMP32 | BPF_JEQ | BPF_K))
            pc += m.reg[i->dst_reg] == operand(&m, i) ? (size_t)i->off : 0;
        else
            fine = false;
        if (!fine)
            return -1;
    }
    return -1;
}

/* ---- the rule in words ---- */

struct want {
    char type;
    int64_t major, minor;
    unsigned access;
};

static bool speaks_of(const struct dev_rule *r, const struct want *w, unsigned bit)
{
    return (r->type == 'a' || r->type == w->type) &&
           (r->major == DEV_ANY || r->major == w->major) &&
           (r->minor == DEV_ANY || r->minor == w->minor) && (r->access & bit);
}

static bool bit_allowed(const struct dev_rules *rules, const struct want *w, unsigned bit)
{
    for (size_t i = rules->n; i--;)
        if (speaks_of(&rules->v[i], w, bit))
            return rules->v[i].allow;
    return false;
}

static bool allowed(const struct dev_rules *rules, const struct want *w)
{
    for (unsigned bit = 1; bit < 8; bit <<= 1)
        if ((w->access & bit) && !bit_allowed(rules, w, bit))
            return false;
    return true;
}

static int by_program(const struct bpf_insn *v, size_t n, const struct want *w)
{
    struct bpf_cgroup_dev_ctx ctx = {
        .access_type = w->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
        .major = (uint32_t)w->major,
        .minor = (uint32_t)w->minor,
    };

    ctx.access_type |= (w->access & DEV_READ ? BPF_DEVCG_ACC_READ : 0U) << 16;
    ctx.access_type |= (w->access & DEV_WRITE ? BPF_DEVCG_ACC_WRITE : 0U) << 16;
    ctx.access_type |= (w->access & DEV_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0U) << 16;
    return v ? run(v, n, &ctx) : 1;
}

/* ---- rules ---- */

static struct oci_device_rule rule(bool allow, const char *type, int64_t major, int64_t minor,
                                   const char *access)
{
    struct oci_device_rule r = {
        .allow = allow, .type = type, .major = major, .minor = minor, .access = access};

    SET(&r, device_rule, major);
    SET(&r, device_rule, minor);
    return r;
}

static struct dev_rules rules_of(struct oci_device_rule *v, size_t n)
{
    struct oci_resources res = {.devices = {n, v}};
    struct dev_rules out;

    ok(devices_rules(&arena, &res, &out, &e) == 0, "%zu rules are understood", n);
    return out;
}

static const char *accesses[] = {"r", "w", "m", "rw", "rwm", "wm", NULL};

static struct oci_device_rule random_rule(void)
{
    static const char *const types[] = {"a", "b", "c", NULL};
    int64_t major = rand() % 4 - 1, minor = rand() % 4 - 1;

    return rule(rand() % 2, types[rand() % 4], major, minor, accesses[rand() % 7]);
}

static void programs_do_as_told(void)
{
    unsigned long questions = 0, wrong = 0;

    srand(1);
    for (int round = 0; round < 300; round++) {
        struct oci_device_rule v[6];
        size_t n = (size_t)(rand() % 7), len;
        struct oci_resources res = {.devices = {n, v}};
        struct dev_rules rules;
        struct bpf_insn *program;
        for (size_t i = 0; i < n; i++)
            v[i] = random_rule();
        if (devices_rules(&arena, &res, &rules, &e) < 0)
            abort();
        program = devices_program(&arena, &rules, &len);
        for (int q = 0; q < 2 * 4 * 6 * 7; q++) {
            struct want w = {q % 2 ? 'b' : 'c', q / 2 % 4, q / 8 % 6, (unsigned)(q / 48 % 7) + 1};
            questions++;
            wrong += by_program(program, len, &w) != allowed(&rules, &w);
        }
    }
    ok(wrong == 0, "%lu questions to 300 programs, %lu wrong answers", questions, wrong);
}

static void programs_are_short(void)
{
    struct oci_device_rule all = {.allow = true, .access = "rwm"};
    struct oci_device_rule none = {.allow = false, .access = "rwm"};
    struct oci_device_rule big = rule(true, "c", 4294967295, 4294967295, "r");
    struct want w = {'c', 4294967295, 4294967295, DEV_READ};
    struct dev_rules r = rules_of(&all, 1);
    struct bpf_insn *v;
    size_t n, with;

    ok(devices_program(&arena, &r, &n) == NULL, "no program where all is allowed");
    r = rules_of(NULL, 0);
    ok(devices_program(&arena, &r, &n) != NULL, "without rules most is denied");
    r = rules_of(&none, 1);
    ok(devices_program(&arena, &r, &with) != NULL && with == n, "denying all first adds nothing");
    r = rules_of(&big, 1);
    v = devices_program(&arena, &r, &n);
    is_int(by_program(v, n, &w), 1, "the largest numbers");
    w.minor--;
    is_int(by_program(v, n, &w), 0, "and none beside");
}

static void bad_rules(void)
{
    struct oci_device_rule bad[] = {rule(true, "c", 1, 1, "rx"), rule(true, "x", 1, 1, "r"),
                                    rule(true, "cb", 1, 1, "r"),
                                    rule(true, "c", 1LL << 32, 1, "r")};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct oci_resources res = {.devices = {1, &bad[i]}};
        struct dev_rules out;
        e = (struct err){0};
        ok(devices_rules(&arena, &res, &out, &e) < 0, "a bad rule is refused: %s", e.text);
        is_str(e.at, "/linux/resources/devices/0", "by its place");
    }
}

/* ---- v1 ---- */

static const char *list_text(const struct dev_list *l)
{
    const char *out = l->all ? "all" : "none";

    for (size_t i = 0; i < l->n; i++)
        out = str_fmt(&arena, "%s %c%lld:%lld/%u", out, l->v[i].type, (long long)l->v[i].major,
                      (long long)l->v[i].minor, l->v[i].access);
    return out;
}

/* Without the default rules behind. */
static const char *own_list(struct oci_device_rule *v, size_t n)
{
    struct dev_rules r = rules_of(v, n);
    struct dev_list l;

    e = (struct err){0};
    r.n -= rules_of(NULL, 0).n;
    return devices_list(&arena, &r, &l, &e) == 0 ? list_text(&l) : "refused";
}

static void lists_of_v1(void)
{
    struct oci_device_rule none = {.allow = false}, all = {.allow = true};

    is_str(own_list((struct oci_device_rule[]){none, rule(true, "c", 1, 3, "r"),
                                               rule(true, "c", 1, 3, "w")},
                    3),
           "none c1:3/3", "rules for one device become one");
    is_str(own_list(
               (struct oci_device_rule[]){rule(true, "c", 1, 3, "rw"), rule(false, "c", 1, 3, "w")},
               2),
           "none c1:3/1", "a part is taken back");
    is_str(own_list((struct oci_device_rule[]){rule(true, "c", 1, 3, "rw"),
                                               rule(false, "c", 1, -1, "rwm")},
                    2),
           "none", "a wider denial takes back what is within");
    is_str(own_list((struct oci_device_rule[]){rule(true, "c", 1, -1, "rw"),
                                               rule(false, "c", 1, 3, "w")},
                    2),
           "refused", "no hole in a wider exception");
    is_str(e.at, "/linux/resources/devices/1", "the rule is named");
    is_str(own_list(
               (struct oci_device_rule[]){rule(true, "c", 1, -1, "r"), rule(false, "c", 1, 3, "w")},
               2),
           "none c1:-1/1", "what it does not allow need not be denied");
    is_str(own_list((struct oci_device_rule[]){all, rule(false, "b", 8, 0, "w")}, 2), "all b8:0/2",
           "exceptions to everything");
    is_str(own_list((struct oci_device_rule[]){all, rule(false, "b", 8, 0, "w"), none}, 3), "none",
           "denying all clears them");
    is_str(own_list((struct oci_device_rule[]){rule(true, "a", 5, -1, "r")}, 1),
           "none b5:-1/1 c5:-1/1", "both types");
}

static void reads_its_list(void)
{
    struct dev_list l;

    is_int(devices_parse_list(&arena, "c *:* m\nb *:* m\nc 1:3 rwm\nc 136:* rw", &l), 0, "parse");
    is_str(list_text(&l), "none c-1:-1/4 b-1:-1/4 c1:3/7 c136:-1/3", "a list");
    is_int(devices_parse_list(&arena, "a *:* rwm", &l), 0, "parse");
    is_str(list_text(&l), "all", "everything");
    is_int(devices_parse_list(&arena, "", &l), 0, "parse");
    is_str(list_text(&l), "none", "nothing");
    is_int(devices_parse_list(&arena, "c 1", &l), -EINVAL, "half a line");
    is_int(devices_parse_list(&arena, "c 1:x r", &l), -EINVAL, "no number");
}

int main(void)
{
    programs_do_as_told();
    programs_are_short();
    bad_rules();
    lists_of_v1();
    reads_its_list();
    arena_free(&arena);
    return done_testing();
}
