/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the shape of the figures: a table of paths, in the order of the document. Objects open and
 * close where the paths of two neighbours part.
 */
#include "cmd/stats.h"

#include "base/num.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef void print_fn(FILE *, const struct cgroup_stats *);

struct row {
    const char *path;                             /* "memory.usage.limit" */
    size_t offset;                                /* of a uint64_t, where print is NULL */
    print_fn *print;                              /* prints a value of another kind */
    bool (*present)(const struct cgroup_stats *); /* for those */
    size_t
        usage; /* a limit: offset of what it limits. CG_NONE is unlimited then, if that is known */
};

/* ---- values that are no number ---- */

void stats_print_string(FILE *out, const char *s)
{
    putc('"', out);
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            fprintf(out, "\\u%04x", (unsigned char)*s);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else
            putc(*s, out);
    putc('"', out);
}

static void print_numbers(FILE *out, const uint64_t *v, size_t n)
{
    putc('[', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%" PRIu64, i ? "," : "", v[i]);
    putc(']', out);
}

#define NUMBERS(name, list, count)                                                                 \
    static void print_##name(FILE *out, const struct cgroup_stats *s)                              \
    {                                                                                              \
        print_numbers(out, s->list, s->count);                                                     \
    }                                                                                              \
    static bool has_##name(const struct cgroup_stats *s)                                           \
    {                                                                                              \
        return s->count > 0;                                                                       \
    }
NUMBERS(percpu, cpu.percpu_ns, cpu.n_percpu)
NUMBERS(percpu_user, cpu.percpu_user_ns, cpu.n_percpu_parts)
NUMBERS(percpu_kernel, cpu.percpu_system_ns, cpu.n_percpu_parts)

/* ---- sets of CPUs and memory nodes ---- */

enum { SET_BITS = 8192, WORD_BITS = 8 * sizeof(unsigned long) };

/* "0-2,5" as [0,1,2,5] */
static void print_set(FILE *out, const char *text)
{
    unsigned long mask[SET_BITS / WORD_BITS] = {0};
    const char *comma = "";
    unsigned n;

    putc('[', out);
    if (*text && num_list(text, mask, SET_BITS, &n) == 0)
        for (size_t i = 0; i < SET_BITS; i++)
            if (mask[i / WORD_BITS] >> i % WORD_BITS & 1) {
                fprintf(out, "%s%zu", comma, i);
                comma = ",";
            }
    putc(']', out);
}

#define SET_OF(part)                                                                               \
    static void print_set_##part(FILE *out, const struct cgroup_stats *s)                          \
    {                                                                                              \
        print_set(out, s->cpuset.part);                                                            \
    }                                                                                              \
    static bool has_set_##part(const struct cgroup_stats *s)                                       \
    {                                                                                              \
        return s->cpuset.part != NULL;                                                             \
    }
SET_OF(cpus)
SET_OF(mems)

static void print_relax_level(FILE *out, const struct cgroup_stats *s)
{
    fprintf(out, "%ld", strtol(s->cpuset.relax_level, NULL, 10));
}

static bool has_relax_level(const struct cgroup_stats *s)
{
    return s->cpuset.relax_level != NULL;
}

static void print_raw(FILE *out, const struct cgroup_stats *s)
{
    putc('{', out);
    for (size_t i = 0; i < s->memory.n_raw; i++) {
        fputs(i ? "," : "", out);
        stats_print_string(out, s->memory.raw[i].name);
        fprintf(out, ":%" PRIu64, s->memory.raw[i].value);
    }
    putc('}', out);
}

static bool has_raw(const struct cgroup_stats *s)
{
    return s->memory.n_raw > 0;
}

static void print_pressure(FILE *out, const struct cg_pressure *p)
{
    fprintf(out, "{\"some\":{\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,\"total\":%" PRIu64 "},",
            p->some.avg10, p->some.avg60, p->some.avg300, p->some.total);
    fprintf(out, "\"full\":{\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,\"total\":%" PRIu64 "}}",
            p->full.avg10, p->full.avg60, p->full.avg300, p->full.total);
}

#define PRESSURE(part)                                                                             \
    static void print_psi_##part(FILE *out, const struct cgroup_stats *s)                          \
    {                                                                                              \
        print_pressure(out, &s->part.pressure);                                                    \
    }                                                                                              \
    static bool has_psi_##part(const struct cgroup_stats *s)                                       \
    {                                                                                              \
        return s->part.pressure.known;                                                             \
    }
PRESSURE(cpu)
PRESSURE(memory)
PRESSURE(io)

/* ---- block I/O: one list per table ---- */

static size_t count_io(const struct cgroup_stats *s, const char *table)
{
    size_t n = 0;

    for (size_t i = 0; i < s->io.n; i++)
        n += str_eq(s->io.v[i].table, table);
    return n;
}

static void print_io(FILE *out, const struct cgroup_stats *s, const char *table)
{
    const char *comma = "";

    putc('[', out);
    for (size_t i = 0; i < s->io.n; i++) {
        const struct cg_io_entry *e = &s->io.v[i];
        if (!str_eq(e->table, table))
            continue;
        fprintf(out, "%s{\"major\":%" PRIu64 ",\"minor\":%" PRIu64 ",\"op\":", comma, e->major,
                e->minor);
        stats_print_string(out, e->op);
        fprintf(out, ",\"value\":%" PRIu64 "}", e->value);
        comma = ",";
    }
    putc(']', out);
}

#define IO_TABLES(X)                                                                               \
    X(io_service_bytes_recursive)                                                                  \
    X(io_serviced_recursive)                                                                       \
    X(io_queue_recursive)                                                                          \
    X(io_service_time_recursive)                                                                   \
    X(io_wait_time_recursive)                                                                      \
    X(io_merged_recursive)                                                                         \
    X(io_time_recursive)                                                                           \
    X(sectors_recursive)

#define IO_TABLE(name)                                                                             \
    static void print_##name(FILE *out, const struct cgroup_stats *s)                              \
    {                                                                                              \
        print_io(out, s, #name);                                                                   \
    }                                                                                              \
    static bool has_##name(const struct cgroup_stats *s)                                           \
    {                                                                                              \
        return count_io(s, #name) > 0;                                                             \
    }
IO_TABLES(IO_TABLE)

/* ---- huge pages, RDMA ---- */

static void print_hugetlb(FILE *out, const struct cgroup_stats *s)
{
    putc('{', out);
    for (size_t i = 0; i < s->hugetlb.n; i++) {
        const struct cg_huge_entry *h = &s->hugetlb.v[i];
        fputs(i ? "," : "", out);
        stats_print_string(out, h->size);
        fprintf(out, ":{\"usage\":%" PRIu64, h->usage);
        if (h->max_usage != CG_NONE)
            fprintf(out, ",\"max\":%" PRIu64, h->max_usage);
        fprintf(out, ",\"failcnt\":%" PRIu64 "}", h->failcnt == CG_NONE ? 0 : h->failcnt);
    }
    putc('}', out);
}

static bool has_hugetlb(const struct cgroup_stats *s)
{
    return s->hugetlb.n > 0;
}

static void print_rdma(FILE *out, const struct cgroup_stats *s)
{
    putc('[', out);
    for (size_t i = 0; i < s->rdma.n; i++) {
        const struct cg_rdma_entry *r = &s->rdma.v[i];
        fputs(i ? ",{\"device\":" : "{\"device\":", out);
        stats_print_string(out, r->device);
        fprintf(out, ",\"hcaHandles\":%" PRIu64 ",\"hcaObjects\":%" PRIu64 "}", r->handles,
                r->objects);
    }
    putc(']', out);
}

static bool has_rdma(const struct cgroup_stats *s)
{
    return s->rdma.n > 0;
}

/* ---- the table ---- */

#define N(path, member) {path, offsetof(struct cgroup_stats, member), NULL, NULL, 0},
#define LIMIT(path, member, of)                                                                    \
    {path, offsetof(struct cgroup_stats, member), NULL, NULL, offsetof(struct cgroup_stats, of)},
#define P(path, name) {path, 0, print_##name, has_##name, 0},

/* clang-format off */
static const struct row rows[] = {
    N("cpu.usage.total", cpu.usage_ns) P("cpu.usage.percpu", percpu)
    P("cpu.usage.percpu_kernel", percpu_kernel) P("cpu.usage.percpu_user", percpu_user)
    N("cpu.usage.kernel", cpu.system_ns) N("cpu.usage.user", cpu.user_ns)
    N("cpu.throttling.periods", cpu.periods)
    N("cpu.throttling.throttledPeriods", cpu.throttled_periods)
    N("cpu.throttling.throttledTime", cpu.throttled_ns) P("cpu.psi", psi_cpu)
    P("cpuset.cpus", set_cpus) N("cpuset.cpu_exclusive", cpuset.cpu_exclusive)
    P("cpuset.mems", set_mems) N("cpuset.mem_hardwall", cpuset.mem_hardwall)
    N("cpuset.mem_exclusive", cpuset.mem_exclusive) N("cpuset.memory_migrate", cpuset.migrate)
    N("cpuset.memory_spread_page", cpuset.spread_page)
    N("cpuset.memory_spread_slab", cpuset.spread_slab)
    N("cpuset.memory_pressure", cpuset.pressure)
    N("cpuset.sched_load_balance", cpuset.load_balance)
    P("cpuset.sched_relax_domain_level", relax_level)
    N("memory.cache", memory.cache)
    LIMIT("memory.usage.limit", memory.limit, memory.usage) N("memory.usage.usage", memory.usage)
    N("memory.usage.max", memory.max_usage) N("memory.usage.failcnt", memory.failcnt)
    LIMIT("memory.swap.limit", memory.swap_limit, memory.swap_usage)
    N("memory.swap.usage", memory.swap_usage)
    N("memory.swap.max", memory.swap_max_usage) N("memory.swap.failcnt", memory.swap_failcnt)
    LIMIT("memory.kernel.limit", memory.kernel_limit, memory.kernel_usage)
    N("memory.kernel.usage", memory.kernel_usage)
    N("memory.kernel.max", memory.kernel_max_usage)
    N("memory.kernel.failcnt", memory.kernel_failcnt)
    LIMIT("memory.kernelTCP.limit", memory.tcp_limit, memory.tcp_usage)
    N("memory.kernelTCP.usage", memory.tcp_usage)
    N("memory.kernelTCP.max", memory.tcp_max_usage)
    N("memory.kernelTCP.failcnt", memory.tcp_failcnt)
    P("memory.raw", raw) P("memory.psi", psi_memory)
    N("pids.current", pids.current) N("pids.limit", pids.limit)
    P("blkio.ioServiceBytesRecursive", io_service_bytes_recursive)
    P("blkio.ioServicedRecursive", io_serviced_recursive)
    P("blkio.ioQueueRecursive", io_queue_recursive)
    P("blkio.ioServiceTimeRecursive", io_service_time_recursive)
    P("blkio.ioWaitTimeRecursive", io_wait_time_recursive)
    P("blkio.ioMergedRecursive", io_merged_recursive)
    P("blkio.ioTimeRecursive", io_time_recursive)
    P("blkio.sectorsRecursive", sectors_recursive) P("blkio.psi", psi_io)
    P("hugetlb", hugetlb) P("rdma", rdma)
};
/* clang-format on */

/* ---- objects ---- */

/* How many characters of both paths are the same whole parts: "a.b" and "a.c" share "a.". */
static size_t shared(const char *a, const char *b)
{
    size_t n = 0;

    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            n = i + 1;
    return n;
}

static void close_objects(FILE *out, const char *path, size_t from)
{
    for (const char *p = path + from; (p = strchr(p, '.')); p++)
        putc('}', out);
}

static void open_objects(FILE *out, const char *path, size_t from)
{
    const char *dot;

    for (path += from; (dot = strchr(path, '.')); path = dot + 1)
        fprintf(out, "\"%.*s\":{", (int)(dot - path), path);
    fprintf(out, "\"%s\":", path);
}

static uint64_t number(size_t offset, const struct cgroup_stats *s)
{
    return *(const uint64_t *)(const void *)((const char *)s + offset);
}

static bool is_known(const struct row *r, const struct cgroup_stats *s)
{
    return r->print ? r->present(s) : number(r->usage ? r->usage : r->offset, s) != CG_NONE;
}

void stats_print(FILE *out, const struct cgroup_stats *s)
{
    const char *last = "";

    putc('{', out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        size_t same = shared(last, r->path);
        if (!is_known(r, s))
            continue;
        close_objects(out, last, same);
        fputs(*last ? "," : "", out);
        open_objects(out, r->path, same);
        if (r->print)
            r->print(out, s);
        else
            fprintf(out, "%" PRIu64, number(r->offset, s));
        last = r->path;
    }
    close_objects(out, last, 0);
    putc('}', out);
}
