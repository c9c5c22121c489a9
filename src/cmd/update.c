/* SPDX-License-Identifier: Apache-2.0 */
/* rt update: change limits of a container, from a resources document or from options. */
#include "cmd/app.h"

#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "fs/file.h"
#include "rdt/rdt.h"
#include "run/record.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>

/* What the options say, still as text: what was not given stays NULL and is not touched. */
struct wishes {
    const char *file;
    const char *memory, *reservation, *swap, *kernel, *kernel_tcp;
    const char *shares, *quota, *period, *burst, *rt_runtime, *rt_period, *cpus, *mems, *idle;
    const char *pids, *blkio_weight;
    struct rdt_lines schemata;
};

enum unit { BYTES, NUMBER };

static int number(const char *option, const char *text, enum unit unit, int64_t *out, struct err *e)
{
    int r = unit == BYTES ? num_bytes(text, out) : num_i64(text, out);

    return r < 0 ? refuse(e, EINVAL, "--%s: expected a number, got \"%s\"", option, text) : 0;
}

#define TAKE(object, ptr, field, option, text, unit)                                               \
    do {                                                                                           \
        int64_t value;                                                                             \
        if (!(text))                                                                               \
            break;                                                                                 \
        if (number(option, text, unit, &value, e) < 0)                                             \
            return -e->code;                                                                       \
        (ptr)->field = (__typeof__((ptr)->field))value;                                            \
        SET(ptr, object, field);                                                                   \
    } while (0)

static int take_memory(const struct wishes *w, struct oci_memory *m, struct err *e)
{
    TAKE(memory, m, limit, "memory", w->memory, BYTES);
    TAKE(memory, m, reservation, "memory-reservation", w->reservation, BYTES);
    TAKE(memory, m, swap, "memory-swap", w->swap, BYTES);
    TAKE(memory, m, kernel, "kernel-memory", w->kernel, BYTES);
    TAKE(memory, m, kernel_tcp, "kernel-memory-tcp", w->kernel_tcp, BYTES);
    return 0;
}

static int take_cpu(const struct wishes *w, struct oci_cpu *c, struct err *e)
{
    TAKE(cpu, c, shares, "cpu-share", w->shares, NUMBER);
    TAKE(cpu, c, quota, "cpu-quota", w->quota, NUMBER);
    TAKE(cpu, c, period, "cpu-period", w->period, NUMBER);
    TAKE(cpu, c, burst, "cpu-burst", w->burst, NUMBER);
    TAKE(cpu, c, realtime_runtime, "cpu-rt-runtime", w->rt_runtime, NUMBER);
    TAKE(cpu, c, realtime_period, "cpu-rt-period", w->rt_period, NUMBER);
    TAKE(cpu, c, idle, "cpu-idle", w->idle, NUMBER);
    c->cpus = w->cpus;
    c->mems = w->mems;
    if (w->cpus)
        SET(c, cpu, cpus);
    if (w->mems)
        SET(c, cpu, mems);
    return 0;
}

static int from_options(struct app *app, const struct wishes *w, struct oci_resources *r,
                        struct err *e)
{
    r->memory = arena_new(app->arena, struct oci_memory);
    r->cpu = arena_new(app->arena, struct oci_cpu);
    r->pids = arena_new(app->arena, struct oci_pids);
    r->block_io = arena_new(app->arena, struct oci_block_io);
    if (take_memory(w, r->memory, e) < 0 || take_cpu(w, r->cpu, e) < 0)
        return -e->code;
    TAKE(pids, r->pids, limit, "pids-limit", w->pids, NUMBER);
    TAKE(block_io, r->block_io, weight, "blkio-weight", w->blkio_weight, NUMBER);
    if (r->memory->has)
        SET(r, resources, memory);
    if (r->cpu->has)
        SET(r, resources, cpu);
    if (r->pids->has)
        SET(r, resources, pids);
    if (r->block_io->has)
        SET(r, resources, block_io);
    if (r->has || w->schemata.l3 || w->schemata.mb)
        return 0;
    refuse(e, EINVAL, "nothing to change");
    return err_hint(e, "give a limit, or --resources FILE");
}

static int from_file(struct app *app, const char *file, struct oci_resources **out, struct err *e)
{
    bool in = str_eq(file, "-");
    struct oci_source src = {.name = in ? "standard input" : file};
    char *text;
    void *resources;

    if (file_read(app->arena, AT_FDCWD, in ? "/dev/stdin" : file, 16 << 20, &text, &src.len, e) < 0)
        return -e->code;
    src.text = text;
    if (oci_parse(app->arena, &oci_desc_resources, &src, &resources, e) < 0)
        return -e->code;
    *out = resources;
    /* Engines send back the rules that they began with; the container's may have been extended. */
    (*out)->devices.n = 0;
    return 0;
}

static int no_group(const char *id, struct err *e)
{
    refuse(e, ENOTSUP, "container %s has no resctrl group", id);
    return err_hint(e, "it needs /linux/intelRdt in its config.json from the beginning");
}

static int load_group(struct app *app, const struct container *c, const struct rdt_lines *lines,
                      struct rdt **group, struct err *e)
{
    *group = NULL;
    if (!lines->l3 && !lines->mb)
        return 0;
    return c->record->resctrl ? rdt_load(app->arena, c->record->resctrl, group, e)
                              : no_group(c->id, e);
}

static int apply_limits(struct app *app, const struct container *c, const struct oci_resources *r,
                        struct err *e)
{
    struct cgroup *cg;

    if (!r->has)
        return 0;
    if (!c->record->cgroup)
        return refuse(e, ENOTSUP, "container %s has no cgroup with limits", c->id);
    if (cgroup_load(app->arena, c->record->cgroup, &cg, e) < 0)
        return -e->code;
    return cgroup_update(cg, r, e);
}

/* Both or neither. */
static int apply_both(struct app *app, const struct container *c, const struct rdt_lines *lines,
                      const struct oci_resources *r, struct err *e)
{
    struct rdt_lines old;
    struct rdt *group;
    int done = load_group(app, c, lines, &group, e);

    if (done == 0 && group)
        done = rdt_update(group, app->arena, lines, &old, e);
    if (done < 0)
        return done;
    done = apply_limits(app, c, r, e);
    if (done < 0 && group && rdt_update(group, app->arena, &old, NULL, NULL) < 0)
        log_warn("the resctrl group keeps its new schemata, although the limits are as before");
    return done;
}

static int apply(struct app *app, const char *id, const struct rdt_lines *lines,
                 const struct oci_resources *r, struct err *e)
{
    struct container c;

    if (record_load(app->root, id, app->arena, &c, e) < 0 || record_lock(&c, 10000, e) < 0)
        return -e->code;
    if (record_status(&c) == CONTAINER_STOPPED)
        return refuse(e, ESRCH, "container not running: %s", id);
    return apply_both(app, &c, lines, r, e);
}

int cmd_update(struct app *app, int argc, char **argv, struct err *e)
{
    struct wishes w = {0};
    const struct option table[] = {
        {"resources", 'r', OPT_STRING, &w.file, "FILE", "linux.resources as JSON; - is stdin"},
        {"memory", 0, OPT_STRING, &w.memory, "BYTES", "memory, with K, M or G; -1 is unlimited"},
        {"memory-reservation", 0, OPT_STRING, &w.reservation, "BYTES", "protected memory"},
        {"memory-swap", 0, OPT_STRING, &w.swap, "BYTES", "memory and swap together"},
        {"kernel-memory", 0, OPT_STRING, &w.kernel, "BYTES", "of the kernel, v1 before Linux 5.16"},
        {"kernel-memory-tcp", 0, OPT_STRING, &w.kernel_tcp, "BYTES", "of TCP buffers, v1"},
        {"cpu-share", 0, OPT_STRING, &w.shares, "N", "relative weight"},
        {"cpu-quota", 0, OPT_STRING, &w.quota, "US", "microseconds in a period"},
        {"cpu-period", 0, OPT_STRING, &w.period, "US", "microseconds of a period"},
        {"cpu-burst", 0, OPT_STRING, &w.burst, "US", "microseconds that may be saved up"},
        {"cpu-rt-runtime", 0, OPT_STRING, &w.rt_runtime, "US", "realtime scheduling in a period"},
        {"cpu-rt-period", 0, OPT_STRING, &w.rt_period, "US", "microseconds of that period"},
        {"cpuset-cpus", 0, OPT_STRING, &w.cpus, "LIST", "CPUs that may be used"},
        {"cpuset-mems", 0, OPT_STRING, &w.mems, "LIST", "memory nodes that may be used"},
        {"cpu-idle", 0, OPT_STRING, &w.idle, "0|1", "only what nobody else wants"},
        {"pids-limit", 0, OPT_STRING, &w.pids, "N", "processes; -1 is unlimited"},
        {"l3-cache-schema", 0, OPT_STRING, &w.schemata.l3, "LINE", "L3:..., of the resctrl group"},
        {"mem-bw-schema", 0, OPT_STRING, &w.schemata.mb, "LINE", "MB:..., of the resctrl group"},
        {"blkio-weight", 0, OPT_STRING, &w.blkio_weight, "N", "weight of block I/O, 10 to 1000"},
    };
    int first = command_words(app, "update", table, N_OPTIONS(table), 1, 1, argc, argv, e);
    struct oci_resources own = {0}, *r = &own;

    if (first < 0)
        return first;
    if ((w.file ? from_file(app, w.file, &r, e) : from_options(app, &w, &own, e)) < 0)
        return -e->code;
    return apply(app, argv[first], &w.schemata, r, e);
}
