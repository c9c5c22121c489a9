/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table of limits: knobs.def as rows, which of them a document asks for, and what they
 * need. What a value becomes is up to convert.c.
 */
#include "cgroup/knobs.h"
#include "cgroup/convert.h"

/* ---- values ---- */

static struct value of_i64(int64_t n)
{
    return (struct value){n, NULL};
}

static struct value of_u64(uint64_t n)
{
    return (struct value){n > INT64_MAX ? INT64_MAX : (int64_t)n, NULL};
}

static struct value of_u32(uint32_t n)
{
    return (struct value){n, NULL};
}

static struct value of_u16(uint16_t n)
{
    return (struct value){n, NULL};
}

static struct value of_bool(bool b)
{
    return (struct value){b, NULL};
}

static struct value of_str(const char *s)
{
    return (struct value){0, s};
}

#define VALUE(x)                                                                                   \
    _Generic((x),                                                                                  \
        int64_t: of_i64,                                                                           \
        uint64_t: of_u64,                                                                          \
        uint32_t: of_u32,                                                                          \
        uint16_t: of_u16,                                                                          \
        bool: of_bool,                                                                             \
        const char *: of_str)(x)

/* Functions that say whether a row is asked for, and its value. */
#define KNOB(object, field, pointer, ctl, v1, v2, sd, sentence)                                    \
    static bool get_##object##_##field(const struct oci_resources *r, struct value *v)             \
    {                                                                                              \
        if (!r->object || !HAS(r->object, object, field))                                          \
            return false;                                                                          \
        *v = VALUE(r->object->field);                                                              \
        return true;                                                                               \
    }
#define LIST(...)
#include "cgroup/knobs.def"
#undef KNOB
#undef LIST

static struct value n_entries(size_t n)
{
    return (struct value){(int64_t)n, NULL};
}

#define GET_LIST(name, expr)                                                                       \
    static bool get_list_##name(const struct oci_resources *r, struct value *v)                    \
    {                                                                                              \
        *v = n_entries(expr);                                                                      \
        return v->n > 0;                                                                           \
    }
GET_LIST(weight_device, r->block_io ? r->block_io->weight_device.n : 0)
GET_LIST(throttle_read_bps_device, r->block_io ? r->block_io->throttle_read_bps_device.n : 0)
GET_LIST(throttle_write_bps_device, r->block_io ? r->block_io->throttle_write_bps_device.n : 0)
GET_LIST(throttle_read_iops_device, r->block_io ? r->block_io->throttle_read_iops_device.n : 0)
GET_LIST(throttle_write_iops_device, r->block_io ? r->block_io->throttle_write_iops_device.n : 0)
GET_LIST(hugepage_limits, r->hugepage_limits.n)
GET_LIST(priorities, r->network ? r->network->priorities.n : 0)
GET_LIST(rdma, r->rdma.n)
GET_LIST(unified, r->unified.n)

/* ---- the table ---- */

#define none         NULL
#define V1(file, fn) file, conv_##fn
#define V2(file, fn) file, conv_##fn
#define SD(property) property

/* knob_row has no functions, as documents need none. */
static const struct knob_row rows[] = {
#define ROW(pointer, ctl, f1, c1, f2, c2, sd, sentence)                                            \
    {pointer, CTL_##ctl, {f1, f2, sd}, sentence},
#define KNOB(object, field, pointer, ctl, v1, v2, sd, sentence)                                    \
    ROW_(pointer, ctl, v1, v2, sd, sentence)
#define LIST(name, pointer, ctl, v1, v2, sd, sentence) ROW_(pointer, ctl, v1, v2, sd, sentence)
#define ROW_(...)                                      ROW(__VA_ARGS__)
#include "cgroup/knobs.def"
#undef KNOB
#undef LIST
};

static const struct functions {
    bool (*get)(const struct oci_resources *, struct value *);
    conversion *conv[BACKENDS];
} functions[] = {
#define FUNCTIONS(get, f1, c1, f2, c2) {get, {c1, c2}},
#define FUNCTIONS_(...)                FUNCTIONS(__VA_ARGS__)
#define KNOB(object, field, pointer, ctl, v1, v2, sd, sentence)                                    \
    FUNCTIONS_(get_##object##_##field, v1, v2)
#define LIST(name, pointer, ctl, v1, v2, sd, sentence) FUNCTIONS_(get_list_##name, v1, v2)
#include "cgroup/knobs.def"
#undef KNOB
#undef LIST
};

enum { ROWS = sizeof rows / sizeof *rows };

const struct knob_row *knobs_rows(size_t *n)
{
    *n = ROWS;
    return rows;
}

static int convert(struct conv *c, size_t i, struct value v)
{
    c->row = &rows[i];
    c->backend = c->env->backend[rows[i].ctl];
    c->file = rows[i].file[c->backend];
    return functions[i].conv[c->backend](c, v);
}

int knobs_convert(const struct knob_env *env, unsigned mask, struct settings *out, struct err *e)
{
    struct conv c = {.env = env, .out = out, .e = e};

    *out = (struct settings){0};
    for (size_t i = 0; i < ROWS; i++) {
        struct value v;
        int r = 0;
        if (env->systemd_only && !rows[i].file[BACKEND_SYSTEMD])
            continue;
        if ((mask & BIT(rows[i].ctl)) && functions[i].get(env->r, &v))
            r = convert(&c, i, v);
        if (r < 0)
            return r;
    }
    return 0;
}

static unsigned unified_needs(const struct oci_resources *r)
{
    unsigned need = 0;

    for (size_t i = 0; i < r->unified.n; i++) {
        enum ctl c = convert_file_ctl(r->unified.v[i].key);
        if (c != CTL_NONE)
            need |= BIT(c);
    }
    return need;
}

static bool asks(const struct oci_resources *r, size_t i)
{
    struct value v;

    if (rows[i].ctl == CTL_NONE || !functions[i].get(r, &v))
        return false;
    return v.n > 0 || v.s || (v.n == 0 && rows[i].ctl == CTL_PIDS);
}

unsigned knobs_needs(const struct oci_resources *r, enum backend backend)
{
    unsigned need = r ? unified_needs(r) : 0;

    for (size_t i = 0; r && i < ROWS; i++)
        if (rows[i].file[backend] && asks(r, i))
            need |= BIT(rows[i].ctl);
    return need;
}

const char *knobs_asker(const struct oci_resources *r, enum ctl ctl)
{
    for (size_t i = 0; r && i < ROWS; i++)
        if (rows[i].ctl == ctl && asks(r, i))
            return rows[i].pointer;
    return r && (unified_needs(r) & BIT(ctl)) ? "/unified" : "";
}
