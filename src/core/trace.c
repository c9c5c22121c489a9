/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the timed record of a walk. Without --trace there is none, and nothing is measured. */
#include "core/script.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static uint64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct trace *trace_new(void)
{
    return sys_shared_pages(sizeof(struct trace));
}

struct trace_event *trace_begin(struct trace *t, unsigned row, enum role role)
{
    unsigned i;

    if (!t)
        return NULL;
    i = __atomic_fetch_add(&t->n, 1, __ATOMIC_RELAXED);
    if (i >= TRACE_EVENTS)
        return NULL;
    t->v[i] = (struct trace_event){.row = (uint16_t)row, .role = (uint8_t)role, .begin = now()};
    return &t->v[i];
}

void trace_end(struct trace_event *event)
{
    if (event)
        event->end = now();
}

static void write_event(FILE *f, const struct trace_event *v, const struct script *s, uint64_t zero,
                        uint64_t last)
{
    const struct row *r = &s->rows[v->row];
    char doc[512];
    uint64_t end = v->end ? v->end : last;

    log_json_escape(doc, sizeof doc, r->doc);
    fprintf(f,
            ",\n{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%u,"
            "\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"doc\":\"%s\"}}",
            r->name, r->op == OP_DO ? "step" : "message", v->role + 1u,
            (double)(v->begin - zero) / 1e3, (double)(end - v->begin) / 1e3, doc);
}

int trace_write(const struct trace *t, const struct script *s, const char *file, struct err *e)
{
    auto_fclose FILE *f = fopen(file, "we");
    unsigned n = t->n < TRACE_EVENTS ? t->n : TRACE_EVENTS;
    uint64_t last = now();

    if (!f)
        return fail(e, errno, "write the trace to %s", file);
    fprintf(f, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
               "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"rt\"}}");
    for (int role = 0; role < ROLES; role++)
        fprintf(f,
                ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,"
                "\"args\":{\"name\":\"%s\"}}",
                role + 1, role_name((enum role)role));
    for (unsigned i = 0; i < n; i++)
        write_event(f, &t->v[i], s, t->v[0].begin, last);
    fprintf(f, "\n]}\n");
    return ferror(f) ? fail(e, EIO, "write the trace to %s", file) : 0;
}
