/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of the script. A script is a table of rows in real order; every process of a
 * creation walks the same table, does the rows of its role, says and hears the rows between, and
 * skips the rest. The state of a process is its row.
 */
#ifndef RT_CORE_SCRIPT_H
#define RT_CORE_SCRIPT_H

#include "core/ctx.h"

enum op {
    OP_DO,   /* `from` does it */
    OP_SAY,  /* `from` tells `to`, which waits for it */
    OP_FORK, /* `from` makes `to`; fn returns the pid in the parent and 0 in the child */
    OP_GONE, /* `to` waits until `from` has closed the wire by becoming the program */
};

/* In which walks a row takes part. */
enum scope {
    SCOPE_NEW = 1,  /* a container is made */
    SCOPE_EXEC = 2, /* a process joins one */
    SCOPE_ALL = SCOPE_NEW | SCOPE_EXEC,
};

struct row {
    enum op op;
    enum role from, to;
    enum scope scope;
    const char *name;
    step_fn *fn;   /* DO: the step; FORK: the clone; SAY: prepares what is said, or NULL */
    step_fn *hear; /* SAY: takes what was heard, or NULL */
    void (*undo)(struct ctx *); /* host's rows: takes back what fn made, or NULL */
    when_fn *when;
    const char *doc;
};

struct script {
    const struct row *rows;
    unsigned n;
    /* Host: the peer is gone without a word. Fills *e from the wait status and the progress. */
    int (*explain_death)(struct ctx *, struct err *);
};

/* The row each role is in, in memory that all roles share: after SIGKILL or the OOM killer the
 * host can still say where the other side was. */
struct progress {
    volatile uint16_t row[ROLES];
};

/* Walk rows first <= i < end as ctx->me. 0 at the end. On failure the host undoes its rows of this
 * walk in reverse and returns -errno with e->row set; another role tells its peer and leaves the
 * process with status 1. */
int script_walk(const struct script *s, unsigned first, unsigned end, struct ctx *ctx,
                struct err *e);

/* Host: undo the rows first <= i < end that apply, in reverse. */
void script_undo(const struct script *s, unsigned first, unsigned end, struct ctx *ctx);

/* Does the row take part in a walk of this plan? */
bool script_row_applies(const struct row *r, const struct plan *p);

const char *role_name(enum role);

/* ---- trace (trace.c) ---- */
enum { TRACE_EVENTS = 400 };

struct trace {
    unsigned n; /* events begun */
    struct trace_event {
        uint64_t begin, end; /* ns of CLOCK_MONOTONIC; end 0: the process left within the row */
        uint16_t row;
        uint8_t role;
    } v[TRACE_EVENTS];
};

struct trace *trace_new(void);
struct trace_event *trace_begin(struct trace *, unsigned row, enum role);
void trace_end(struct trace_event *);

/* Write the events in the Chrome trace format, which Perfetto and chrome://tracing open. */
int trace_write(const struct trace *, const struct script *, const char *file, struct err *);

#endif
