/* SPDX-License-Identifier: Apache-2.0 */
/* Owns reading figures: tables of single values, and the few files with a form of their own. */
#include "cgroup/stat.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 65536, V1_UNLIMITED_BITS = 62 };

/* A figure that is a whole file, or a line of one. */
struct figure {
    enum ctl ctl;
    const char *file, *key; /* key NULL: the file is the number */
    size_t offset;          /* in struct cgroup_stats */
    unsigned scale;         /* to the unit of the struct */
};

#define AT(member) offsetof(struct cgroup_stats, member)

static const struct figure v1_figures[] = {
    {CTL_CPUACCT, "cpuacct.usage", NULL, AT(cpu.usage_ns), 1},
    {CTL_CPUACCT, "cpuacct.usage_user", NULL, AT(cpu.user_ns), 1},
    {CTL_CPUACCT, "cpuacct.usage_sys", NULL, AT(cpu.system_ns), 1},
    {CTL_CPU, "cpu.stat", "nr_periods", AT(cpu.periods), 1},
    {CTL_CPU, "cpu.stat", "nr_throttled", AT(cpu.throttled_periods), 1},
    {CTL_CPU, "cpu.stat", "throttled_time", AT(cpu.throttled_ns), 1},
    {CTL_CPUSET, "cpuset.cpu_exclusive", NULL, AT(cpuset.cpu_exclusive), 1},
    {CTL_CPUSET, "cpuset.mem_hardwall", NULL, AT(cpuset.mem_hardwall), 1},
    {CTL_CPUSET, "cpuset.mem_exclusive", NULL, AT(cpuset.mem_exclusive), 1},
    {CTL_CPUSET, "cpuset.memory_migrate", NULL, AT(cpuset.migrate), 1},
    {CTL_CPUSET, "cpuset.memory_spread_page", NULL, AT(cpuset.spread_page), 1},
    {CTL_CPUSET, "cpuset.memory_spread_slab", NULL, AT(cpuset.spread_slab), 1},
    {CTL_CPUSET, "cpuset.memory_pressure", NULL, AT(cpuset.pressure), 1},
    {CTL_CPUSET, "cpuset.sched_load_balance", NULL, AT(cpuset.load_balance), 1},
    {CTL_MEMORY, "memory.usage_in_bytes", NULL, AT(memory.usage), 1},
    {CTL_MEMORY, "memory.max_usage_in_bytes", NULL, AT(memory.max_usage), 1},
    {CTL_MEMORY, "memory.failcnt", NULL, AT(memory.failcnt), 1},
    {CTL_MEMORY, "memory.limit_in_bytes", NULL, AT(memory.limit), 1},
    {CTL_MEMORY, "memory.memsw.usage_in_bytes", NULL, AT(memory.swap_usage), 1},
    {CTL_MEMORY, "memory.memsw.max_usage_in_bytes", NULL, AT(memory.swap_max_usage), 1},
    {CTL_MEMORY, "memory.memsw.failcnt", NULL, AT(memory.swap_failcnt), 1},
    {CTL_MEMORY, "memory.memsw.limit_in_bytes", NULL, AT(memory.swap_limit), 1},
    {CTL_MEMORY, "memory.kmem.usage_in_bytes", NULL, AT(memory.kernel_usage), 1},
    {CTL_MEMORY, "memory.kmem.max_usage_in_bytes", NULL, AT(memory.kernel_max_usage), 1},
    {CTL_MEMORY, "memory.kmem.failcnt", NULL, AT(memory.kernel_failcnt), 1},
    {CTL_MEMORY, "memory.kmem.limit_in_bytes", NULL, AT(memory.kernel_limit), 1},
    {CTL_MEMORY, "memory.kmem.tcp.usage_in_bytes", NULL, AT(memory.tcp_usage), 1},
    {CTL_MEMORY, "memory.kmem.tcp.max_usage_in_bytes", NULL, AT(memory.tcp_max_usage), 1},
    {CTL_MEMORY, "memory.kmem.tcp.failcnt", NULL, AT(memory.tcp_failcnt), 1},
    {CTL_MEMORY, "memory.kmem.tcp.limit_in_bytes", NULL, AT(memory.tcp_limit), 1},
    {CTL_MEMORY, "memory.oom_control", "oom_kill", AT(memory.oom_kills), 1},
    {CTL_PIDS, "pids.current", NULL, AT(pids.current), 1},
    {CTL_PIDS, "pids.max", NULL, AT(pids.limit), 1},
};

static const struct figure v2_figures[] = {
    {CTL_NONE, "cpu.stat", "usage_usec", AT(cpu.usage_ns), 1000},
    {CTL_NONE, "cpu.stat", "user_usec", AT(cpu.user_ns), 1000},
    {CTL_NONE, "cpu.stat", "system_usec", AT(cpu.system_ns), 1000},
    {CTL_CPU, "cpu.stat", "nr_periods", AT(cpu.periods), 1},
    {CTL_CPU, "cpu.stat", "nr_throttled", AT(cpu.throttled_periods), 1},
    {CTL_CPU, "cpu.stat", "throttled_usec", AT(cpu.throttled_ns), 1000},
    {CTL_MEMORY, "memory.current", NULL, AT(memory.usage), 1},
    {CTL_MEMORY, "memory.peak", NULL, AT(memory.max_usage), 1},
    {CTL_MEMORY, "memory.max", NULL, AT(memory.limit), 1},
    {CTL_MEMORY, "memory.events", "max", AT(memory.failcnt), 1},
    {CTL_MEMORY, "memory.events", "oom_kill", AT(memory.oom_kills), 1},
    {CTL_MEMORY, "memory.swap.current", NULL, AT(memory.swap_usage), 1},
    {CTL_MEMORY, "memory.swap.peak", NULL, AT(memory.swap_max_usage), 1},
    {CTL_MEMORY, "memory.swap.max", NULL, AT(memory.swap_limit), 1},
    {CTL_MEMORY, "memory.swap.events", "max", AT(memory.swap_failcnt), 1},
    {CTL_PIDS, "pids.current", NULL, AT(pids.current), 1},
    {CTL_PIDS, "pids.max", NULL, AT(pids.limit), 1},
};

/* ---- parts ---- */

static uint64_t *figure_at(struct cgroup_stats *s, const struct figure *f)
{
    return (uint64_t *)(void *)((char *)s + f->offset);
}

static bool has_ctl(const struct hier *h, enum ctl c)
{
    return c == CTL_NONE || (h->ctls & BIT(c));
}

/* Only what is not known yet: on hybrid the v2 hierarchy knows CPU times too. */
static void read_figures(const struct hier *h, const struct figure *f, size_t n,
                         struct cgroup_stats *s)
{
    for (; n; n--, f++) {
        uint64_t *to = figure_at(s, f), value;
        int r;
        if (!has_ctl(h, f->ctl) || *to != CG_NONE)
            continue;
        r = f->key ? cg_read_key(h->fd, f->file, f->key, &value)
                   : cg_read_u64(h->fd, f->file, &value);
        if (r == 0)
            *to = value == CG_NONE ? value : value * f->scale;
    }
}

static char *text_of(const struct hier *h, struct arena *a, const char *file)
{
    char *text = arena_alloc(a, TEXT_MAX);

    return cg_read(h->fd, file, text, TEXT_MAX) < 0 ? NULL : text;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void read_memory_stat(const struct hier *h, struct arena *a, struct cgroup_stats *s,
                             const char *cache_key)
{
    char *text = text_of(h, a, "memory.stat"), *line, *rest = text;

    if (!text)
        return;
    drop(cg_find_key(text, cache_key, &s->memory.cache), "stays unknown");
    s->memory.raw = arena_array(a, count_lines(text), sizeof *s->memory.raw);
    while ((line = strsep(&rest, "\n"))) {
        struct cg_stat_pair *p = &s->memory.raw[s->memory.n_raw];
        char *value = strchr(line, ' ');
        if (!value || (size_t)(value - line) >= sizeof p->name)
            continue;
        *value++ = '\0';
        if (num_u64(value, &p->value) < 0)
            continue;
        strcpy(p->name, line);
        s->memory.n_raw++;
    }
}

/* ---- pressure ---- */

static double decimal(const char *line, const char *key)
{
    const char *p = strstr(line, key);

    return p ? strtod(p + strlen(key), NULL) : 0;
}

#define PARSE_PRESSURE(line, to)                                                                   \
    do {                                                                                           \
        (to).avg10 = decimal(line, "avg10=");                                                      \
        (to).avg60 = decimal(line, "avg60=");                                                      \
        (to).avg300 = decimal(line, "avg300=");                                                    \
        (to).total = (uint64_t)decimal(line, "total=");                                            \
    } while (0)

void stat_parse_pressure(const char *text, struct cg_pressure *p)
{
    const char *full = strstr(text, "full ");

    if (!str_starts(text, "some "))
        return;
    p->known = true;
    PARSE_PRESSURE(text, p->some);
    if (full)
        PARSE_PRESSURE(full, p->full);
}

static void read_pressure(const struct hier *h, const char *file, struct cg_pressure *p)
{
    char text[512];

    if (cg_read(h->fd, file, text, sizeof text) > 0)
        stat_parse_pressure(text, p);
}

/* ---- block I/O ---- */

static void add_io(struct cgroup_stats *s, const char *table, uint64_t major, uint64_t minor,
                   const char *op, uint64_t value)
{
    struct cg_io_entry *to = &s->io.v[s->io.n++];

    *to = (struct cg_io_entry){.table = table, .major = major, .minor = minor, .value = value};
    snprintf(to->op, sizeof to->op, "%s", op);
}

static void grow_io(struct arena *a, struct cgroup_stats *s, size_t more)
{
    struct cg_io_entry *v = arena_array(a, s->io.n + more, sizeof *v);

    if (s->io.n)
        memcpy(v, s->io.v, s->io.n * sizeof *v);
    s->io.v = v;
}

/* "8:0 Read 4096"; the last line, "Total 4096", is the sum. */
static void read_blkio(const struct hier *h, struct arena *a, struct cgroup_stats *s,
                       const char *file, const char *table)
{
    char *text = text_of(h, a, file), *line, *rest = text;

    if (!text)
        return;
    grow_io(a, s, count_lines(text));
    while ((line = strsep(&rest, "\n"))) {
        unsigned long long major, minor, value;
        char op[16];
        if (sscanf(line, "%llu:%llu %15s %llu", &major, &minor, op, &value) == 4)
            add_io(s, table, major, minor, op, value);
    }
}

static const struct {
    const char *key, *table, *op;
} io_words[] = {
    {"rbytes=", "io_service_bytes_recursive", "Read"},
    {"wbytes=", "io_service_bytes_recursive", "Write"},
    {"dbytes=", "io_service_bytes_recursive", "Discard"},
    {"rios=", "io_serviced_recursive", "Read"},
    {"wios=", "io_serviced_recursive", "Write"},
    {"dios=", "io_serviced_recursive", "Discard"},
};

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static void read_io_line(struct cgroup_stats *s, const char *line)
{
    unsigned long long major, minor;

    if (sscanf(line, "%llu:%llu", &major, &minor) != 2)
        return;
    for (size_t i = 0; i < sizeof io_words / sizeof *io_words; i++) {
        const char *p = strstr(line, io_words[i].key);
        if (p)
            add_io(s, io_words[i].table, major, minor, io_words[i].op,
                   strtoull(p + strlen(io_words[i].key), NULL, 10));
    }
}

static void read_io_stat(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    char *text = text_of(h, a, "io.stat"), *line, *rest = text;

    if (!text)
        return;
    grow_io(a, s, count_lines(text) * (sizeof io_words / sizeof *io_words));
    while ((line = strsep(&rest, "\n")))
        read_io_line(s, line);
}

/* ---- huge pages ---- */

static uint64_t huge_figure(const struct hier *h, const char *size, const char *suffix,
                            const char *key)
{
    char file[64];
    uint64_t value;
    int r;

    snprintf(file, sizeof file, "hugetlb.%s.%s", size, suffix);
    r = key ? cg_read_key(h->fd, file, key, &value) : cg_read_u64(h->fd, file, &value);
    return r < 0 ? CG_NONE : value;
}

/* The sizes are those of the machine: /sys/kernel/mm/hugepages/hugepages-2048kB */
static bool size_name(const char *dir, char name[16])
{
    unsigned kb;

    if (sscanf(dir, "hugepages-%ukB", &kb) != 1)
        return false;
    if (kb >= 1U << 20)
        snprintf(name, 16, "%uGB", kb >> 20);
    else if (kb >= 1024)
        snprintf(name, 16, "%uMB", kb >> 10);
    else
        snprintf(name, 16, "%uKB", kb);
    return true;
}

enum { HUGE_SIZES = 16 };

static void read_hugetlb(const struct hier *h, struct arena *a, struct cgroup_stats *s,
                         const char *usage, const char *peak, const char *fails, const char *key)
{
    auto_closedir DIR *d = opendir("/sys/kernel/mm/hugepages");
    struct dirent *entry;

    if (!d)
        return;
    s->hugetlb.v = arena_array(a, HUGE_SIZES, sizeof *s->hugetlb.v);
    while (s->hugetlb.n < HUGE_SIZES && (entry = readdir(d))) {
        struct cg_huge_entry *to = &s->hugetlb.v[s->hugetlb.n];
        if (!size_name(entry->d_name, to->size))
            continue;
        to->usage = huge_figure(h, to->size, usage, NULL);
        if (to->usage == CG_NONE)
            continue;
        to->max_usage = peak ? huge_figure(h, to->size, peak, NULL) : CG_NONE;
        to->failcnt = huge_figure(h, to->size, fails, key);
        s->hugetlb.n++;
    }
}

/* ---- rdma ---- */

static uint64_t rdma_figure(const char *line, const char *key)
{
    const char *p = strstr(line, key);

    if (!p || str_starts(p + strlen(key), "max"))
        return CG_NONE;
    return strtoull(p + strlen(key), NULL, 10);
}

static void read_rdma_file(struct cgroup_stats *s, char *text, bool limits)
{
    char *line;

    for (size_t i = 0; (line = strsep(&text, "\n")); i++) {
        struct cg_rdma_entry *to = &s->rdma.v[i];
        uint64_t handles = rdma_figure(line, "hca_handle="),
                 objects = rdma_figure(line, "hca_object=");
        if (!strchr(line, ' '))
            continue;
        snprintf(to->device, sizeof to->device, "%.*s", (int)strcspn(line, " "), line);
        *(limits ? &to->handles_limit : &to->handles) = handles;
        *(limits ? &to->objects_limit : &to->objects) = objects;
        if (!limits)
            s->rdma.n = i + 1;
    }
}

/* Both files list the devices in the same order. */
static void read_rdma(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    char *now = text_of(h, a, "rdma.current"), *max = text_of(h, a, "rdma.max");
    size_t room;

    if (!now || !max)
        return;
    room = count_lines(now) > count_lines(max) ? count_lines(now) : count_lines(max);
    s->rdma.v = arena_array(a, room, sizeof *s->rdma.v);
    read_rdma_file(s, now, false);
    read_rdma_file(s, max, true);
}

/* ---- v1 ---- */

static void read_percpu(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    char *text = text_of(h, a, "cpuacct.usage_percpu"), *word, *rest = text;

    if (!text)
        return;
    s->cpu.percpu_ns = arena_array(a, strlen(text) / 2 + 1, sizeof *s->cpu.percpu_ns);
    while ((word = strsep(&rest, " ")))
        if (num_u64(word, &s->cpu.percpu_ns[s->cpu.n_percpu]) == 0)
            s->cpu.n_percpu++;
}

/* "cpu user system", then a line of three numbers for each. */
static void read_percpu_parts(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    char *text = text_of(h, a, "cpuacct.usage_all"), *line, *rest = text;
    size_t room;

    if (!text)
        return;
    room = count_lines(text);
    s->cpu.percpu_user_ns = arena_array(a, room, sizeof(uint64_t));
    s->cpu.percpu_system_ns = arena_array(a, room, sizeof(uint64_t));
    while ((line = strsep(&rest, "\n"))) {
        unsigned long long user, system;
        if (sscanf(line, "%*u %llu %llu", &user, &system) != 2)
            continue;
        s->cpu.percpu_user_ns[s->cpu.n_percpu_parts] = user;
        s->cpu.percpu_system_ns[s->cpu.n_percpu_parts++] = system;
    }
}

static void read_cpuset(const struct hier *h, struct arena *a, struct cgroup_stats *s,
                        const char *cpus, const char *mems)
{
    s->cpuset.cpus = text_of(h, a, cpus);
    s->cpuset.mems = text_of(h, a, mems);
}

/* v1 shows "unlimited" as the largest number of whole pages. */
static void unlimited(uint64_t *n)
{
    if (*n >> V1_UNLIMITED_BITS)
        *n = CG_NONE;
}

static void read_memory_v1(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    uint64_t hierarchy;

    read_memory_stat(h, a, s, "cache");
    unlimited(&s->memory.limit);
    unlimited(&s->memory.swap_limit);
    unlimited(&s->memory.kernel_limit);
    unlimited(&s->memory.tcp_limit);
    s->memory.swap_is_sum = true;
    s->memory.use_hierarchy =
        cg_read_u64(h->fd, "memory.use_hierarchy", &hierarchy) == 0 && hierarchy == 1;
}

int stat_v1(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    read_figures(h, v1_figures, sizeof v1_figures / sizeof *v1_figures, s);
    if (h->ctls & BIT(CTL_CPUACCT)) {
        read_percpu(h, a, s);
        read_percpu_parts(h, a, s);
    }
    if (h->ctls & BIT(CTL_CPUSET)) {
        read_cpuset(h, a, s, "cpuset.cpus", "cpuset.mems");
        s->cpuset.relax_level = text_of(h, a, "cpuset.sched_relax_domain_level");
    }
    if (h->ctls & BIT(CTL_MEMORY))
        read_memory_v1(h, a, s);
    if (h->ctls & BIT(CTL_IO)) {
        read_blkio(h, a, s, "blkio.throttle.io_service_bytes_recursive",
                   "io_service_bytes_recursive");
        read_blkio(h, a, s, "blkio.throttle.io_serviced_recursive", "io_serviced_recursive");
    }
    if (h->ctls & BIT(CTL_HUGETLB))
        read_hugetlb(h, a, s, "usage_in_bytes", "max_usage_in_bytes", "failcnt", NULL);
    if (h->ctls & BIT(CTL_RDMA))
        read_rdma(h, a, s);
    return 0;
}

/* ---- v2 ---- */

int stat_v2(const struct hier *h, struct arena *a, struct cgroup_stats *s)
{
    read_figures(h, v2_figures, sizeof v2_figures / sizeof *v2_figures, s);
    if (h->ctls & BIT(CTL_MEMORY)) {
        read_memory_stat(h, a, s, "file");
        s->memory.use_hierarchy = true;
    }
    if (h->ctls & BIT(CTL_CPUSET))
        read_cpuset(h, a, s, "cpuset.cpus.effective", "cpuset.mems.effective");
    if (h->ctls & BIT(CTL_IO))
        read_io_stat(h, a, s);
    if (h->ctls & BIT(CTL_HUGETLB))
        read_hugetlb(h, a, s, "current", NULL, "events", "max");
    if (h->ctls & BIT(CTL_RDMA))
        read_rdma(h, a, s);
    read_pressure(h, "cpu.pressure", &s->cpu.pressure);
    read_pressure(h, "memory.pressure", &s->memory.pressure);
    read_pressure(h, "io.pressure", &s->io.pressure);
    return 0;
}

void stat_clear(struct cgroup_stats *s)
{
    *s = (struct cgroup_stats){0};
    for (size_t i = 0; i < sizeof v1_figures / sizeof *v1_figures; i++)
        *figure_at(s, &v1_figures[i]) = CG_NONE;
    for (size_t i = 0; i < sizeof v2_figures / sizeof *v2_figures; i++)
        *figure_at(s, &v2_figures[i]) = CG_NONE;
    s->memory.cache = CG_NONE;
}
