/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt top: what the containers use, live. One sample of each container is kept, as rates are the
 * difference of two.
 */
#include "cmd/app.h"
#include "cmd/duration.h"
#include "cmd/screen.h"

#include "base/fd.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "run/record.h"
#include "sys/cgroup.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sample {
    const char *id, *status;
    uint64_t at_us, cpu_ns, memory, limit, pids, read, written; /* CG_NONE: unknown */
    double cpu, read_rate, write_rate;                          /* per second; below 0: unknown */
    double cpu_wait, memory_wait, io_wait;                      /* percent of ten seconds */
};

struct samples {
    struct arena a;
    struct sample *v;
    size_t n;
};

typedef int order(const void *, const void *);

/* ---- sampling ---- */

static void add_io(struct sample *s, const struct cgroup_stats *stats)
{
    s->read = s->written = 0;
    for (size_t i = 0; i < stats->io.n; i++) {
        const struct cg_io_entry *e = &stats->io.v[i];
        if (!str_eq(e->table, "io_service_bytes_recursive"))
            continue;
        if (strcasecmp(e->op, "read") == 0)
            s->read += e->value;
        else if (strcasecmp(e->op, "write") == 0)
            s->written += e->value;
    }
}

static double pressure(const struct cg_pressure *p)
{
    return p->known ? p->some.avg10 : -1;
}

static void measure(struct sample *s, const struct container *c, struct arena *a)
{
    struct cgroup_stats stats;
    struct cgroup *cg;

    s->at_us = sys_now_us();
    s->cpu_ns = s->memory = s->limit = s->pids = s->read = s->written = CG_NONE;
    s->cpu_wait = s->memory_wait = s->io_wait = -1;
    if (!c->record || !c->record->cgroup || cgroup_load(a, c->record->cgroup, &cg, NULL) < 0)
        return;
    if (cgroup_stat(cg, a, &stats, NULL) == 0) {
        s->cpu_ns = stats.cpu.usage_ns;
        s->memory = stats.memory.usage;
        s->limit = stats.memory.limit;
        s->pids = stats.pids.current;
        s->cpu_wait = pressure(&stats.cpu.pressure);
        s->memory_wait = pressure(&stats.memory.pressure);
        s->io_wait = pressure(&stats.io.pressure);
        add_io(s, &stats);
    }
    cgroup_close(cg);
}

/* Containers that go meanwhile are left out. */
static int sample_all(struct app *app, struct samples *to, struct err *e)
{
    const char **ids;
    size_t n;

    if (record_list(app->root, &to->a, &ids, &n, e) < 0)
        return -e->code;
    to->v = arena_array(&to->a, n ? n : 1, sizeof *to->v);
    for (size_t i = 0; i < n; i++) {
        struct container c;
        enum container_status status;
        if (record_find(app->root, ids[i], &to->a, &c, NULL) < 0)
            continue;
        status = record_status(&c);
        if (status != CONTAINER_STOPPED) {
            struct sample *s = &to->v[to->n++];
            s->id = ids[i];
            s->status = container_status_word(status);
            measure(s, &c, &to->a);
        }
        fd_close(&c.dir);
    }
    return 0;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
    if (now == CG_NONE || before == CG_NONE || now < before || seconds <= 0)
        return -1;
    return (double)(now - before) / seconds;
}

static void compare(struct samples *now, const struct samples *before)
{
    for (size_t i = 0; i < now->n; i++) {
        struct sample *s = &now->v[i];
        s->cpu = s->read_rate = s->write_rate = -1;
        for (size_t j = 0; j < before->n; j++) {
            const struct sample *b = &before->v[j];
            double seconds = (double)(s->at_us - b->at_us) / 1e6;
            if (!str_eq(s->id, b->id))
                continue;
            s->cpu = rate(s->cpu_ns, b->cpu_ns, seconds);
            s->read_rate = rate(s->read, b->read, seconds);
            s->write_rate = rate(s->written, b->written, seconds);
        }
    }
}

/* ---- order ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->id, ((const struct sample *)b)->id);
}

/* The most first; unknown ones last; equal ones by name. */
static int most_first(double x, double y, const void *a, const void *b)
{
    return x > y ? -1 : x < y ? 1 : by_name(a, b);
}

#define BY(name, expr)                                                                             \
    static double value_##name(const struct sample *s)                                             \
    {                                                                                              \
        return expr;                                                                               \
    }                                                                                              \
    static int by_##name(const void *a, const void *b)                                             \
    {                                                                                              \
        return most_first(value_##name(a), value_##name(b), a, b);                                 \
    }
BY(cpu, s->cpu)
BY(memory, s->memory == CG_NONE ? -1 : (double)s->memory)
BY(pids, s->pids == CG_NONE ? -1 : (double)s->pids)
BY(io, s->read_rate + s->write_rate)

static const struct key {
    char key;
    const char *name;
    order *by;
} keys[] = {{'c', "cpu", by_cpu},
            {'m', "memory", by_memory},
            {'p', "processes", by_pids},
            {'i', "I/O", by_io},
            {'n', "name", by_name}};

static const struct key *find_key(int c)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].key == c)
            return &keys[i];
    return NULL;
}

/* ---- the table ---- */

enum { CELL = 24 };

static const char *bytes(double n, char cell[CELL])
{
    static const char units[] = "BKMGTPE";
    int u = 0;

    if (n < 0)
        return "-";
    while (n >= 1000 && units[u + 1]) {
        n /= 1024;
        u++;
    }
    snprintf(cell, CELL, n < 10 && u ? "%.1f%c" : "%.0f%c", n, units[u]);
    return cell;
}

static const char *amount(uint64_t n, char cell[CELL])
{
    return bytes(n == CG_NONE ? -1 : (double)n, cell);
}

static const char *percent(double n, char cell[CELL])
{
    if (n < 0)
        return "-";
    snprintf(cell, CELL, "%.1f", n);
    return cell;
}

static const char *count(uint64_t n, char cell[CELL])
{
    if (n == CG_NONE)
        return "-";
    snprintf(cell, CELL, "%" PRIu64, n);
    return cell;
}

#define COLUMNS "%-24.40s %-8s %6s %7s %7s %5s %7s %7s %6s %6s %6s"

static void head(char *line, size_t size)
{
    snprintf(line, size, COLUMNS, "CONTAINER", "STATUS", "CPU%", "MEMORY", "LIMIT", "PIDS",
             "READ/s", "WRITE/s", "CPU!", "MEM!", "IO!");
}

static void row(const struct sample *s, char *line, size_t size)
{
    char c[9][CELL];
    double share = s->cpu < 0 ? -1 : s->cpu / 1e7;

    snprintf(line, size, COLUMNS, s->id, s->status, percent(share, c[0]), amount(s->memory, c[1]),
             amount(s->limit, c[2]), count(s->pids, c[3]), bytes(s->read_rate, c[4]),
             bytes(s->write_rate, c[5]), percent(s->cpu_wait, c[6]), percent(s->memory_wait, c[7]),
             percent(s->io_wait, c[8]));
}

static void print_plain(const struct samples *s)
{
    char line[256];

    head(line, sizeof line);
    puts(line);
    for (size_t i = 0; i < s->n; i++) {
        row(&s->v[i], line, sizeof line);
        puts(line);
    }
}

static void draw(struct screen *screen, const struct samples *s, const struct key *sorted)
{
    char line[256];

    snprintf(line, sizeof line,
             "%zu container%s, by %s   (c m p i n: order, q: leave; ! is time spent waiting, in "
             "percent)",
             s->n, s->n == 1 ? "" : "s", sorted->name);
    screen_line(screen, line);
    head(line, sizeof line);
    screen_line(screen, line);
    for (size_t i = 0; i < s->n; i++) {
        row(&s->v[i], line, sizeof line);
        screen_line(screen, line);
    }
    screen_draw(screen);
}

/* ---- once, or live ---- */

static int next_sample(struct app *app, struct samples *now, struct err *e)
{
    struct samples next = {0};
    int r = sample_all(app, &next, e);

    compare(&next, now);
    arena_free(&now->a);
    *now = next;
    return r;
}

static int once(struct app *app, uint64_t interval, const struct key *sorted, struct err *e)
{
    struct samples s = {0};
    int r = sample_all(app, &s, e);

    if (r == 0) {
        usleep((useconds_t)interval);
        r = next_sample(app, &s, e);
    }
    if (r == 0) {
        qsort(s.v, s.n, sizeof *s.v, sorted->by);
        print_plain(&s);
    }
    arena_free(&s.a);
    return r;
}

/* Keys until it is time for the next sample. 1: leave. */
static int attend(struct screen *screen, struct samples *s, const struct key **sorted,
                  uint64_t until)
{
    do {
        int key = screen_key(screen, until);
        if (key == 'q' || key == KEY_LEAVE)
            return 1;
        if (key > 0 && find_key(key))
            *sorted = find_key(key);
        if (key == KEY_NONE)
            continue;
        qsort(s->v, s->n, sizeof *s->v, (*sorted)->by);
        draw(screen, s, *sorted);
    } while (sys_now_us() < until);
    return 0;
}

static int live(struct app *app, uint64_t interval, const struct key *sorted, struct err *e)
{
    struct samples s = {0};
    struct screen screen;
    int r = screen_open(&screen, e);

    while (r == 0) {
        r = next_sample(app, &s, e);
        if (r < 0)
            break;
        qsort(s.v, s.n, sizeof *s.v, sorted->by);
        draw(&screen, &s, sorted);
        r = attend(&screen, &s, &sorted, sys_now_us() + interval);
    }
    screen_close(&screen);
    arena_free(&s.a);
    return r > 0 ? 0 : r;
}

int cmd_top(struct app *app, int argc, char **argv, struct err *e)
{
    const char *text = NULL, *sort = "cpu";
    bool plain = false;
    const struct option table[] = {
        {"interval", 'd', OPT_STRING, &text, "TIME", "time between looks, as 2s (the default)"},
        {"once", '1', OPT_FLAG, &plain, NULL, "print one table and leave, after half a second"},
        {"sort", 's', OPT_STRING, &sort, "BY", "cpu, memory, processes, I/O or name"},
    };
    uint64_t interval = 0;
    const struct key *by;

    if (command_words(app, "top", table, N_OPTIONS(table), 0, 0, argc, argv, e) < 0)
        return -e->code;
    by = find_key(sort[0] | 0x20);
    if (!by)
        return refuse(e, EINVAL, "--sort: expected cpu, memory, processes, I/O or name, got \"%s\"",
                      sort);
    plain = plain || !sys_tty_is_terminal(STDOUT_FILENO) || !sys_tty_is_terminal(STDIN_FILENO);
    if (duration_parse("--interval", text ? text : plain ? "500ms" : "2s", &interval, e) < 0)
        return -e->code;
    return plain ? once(app, interval, by, e) : live(app, interval, by, e);
}
