/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the walk: who does which row, and what happens when a row fails or a peer dies. */
#include "core/script.h"

#include "base/log.h"
#include "core/wire.h"
#include "sys/fault.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

const char *role_name(enum role role)
{
    static const char *const names[ROLES] = {"host", "middle", "init"};

    return names[role];
}

bool script_row_applies(const struct row *r, const struct plan *p)
{
    enum scope here = p->req->kind == KIND_EXEC ? SCOPE_EXEC : SCOPE_NEW;

    return (r->scope & here) && r->when(p);
}

static bool concerns(const struct row *r, enum role me)
{
    return r->from == me || (r->op != OP_DO && r->to == me);
}

static int died(const struct script *s, struct ctx *ctx, struct err *e)
{
    if (ctx->me == ROLE_HOST && s->explain_death)
        return s->explain_death(ctx, e);
    return refuse(e, EPIPE, "the rt process that makes this container is gone");
}

static int hear_row(const struct script *s, unsigned i, struct ctx *ctx, struct err *e)
{
    int got = wire_hear(ctx->wire, (uint16_t)i, &ctx->heard_fd, &ctx->heard_pid, e);

    if (got < 0)
        return got;
    if (got == WIRE_FAIL)
        return -e->code;
    if (got == WIRE_GONE)
        return died(s, ctx, e);
    return s->rows[i].hear ? s->rows[i].hear(ctx, e) : 0;
}

/* A peer that is gone may have said why before it went. */
static int say_row(const struct script *s, unsigned i, struct ctx *ctx, struct err *e)
{
    int r;

    ctx->say_fd = -1;
    r = s->rows[i].fn ? s->rows[i].fn(ctx, e) : 0;
    if (r < 0)
        return r;
    r = wire_say(ctx->wire, (uint16_t)i, ctx->say_fd);
    if (r == -EPIPE || r == -ECONNRESET) {
        int got = wire_hear(ctx->wire, (uint16_t)i, NULL, NULL, e);
        return got == WIRE_FAIL ? -e->code : died(s, ctx, e);
    }
    return r < 0 ? fail(e, r, "tell the other process about %s", s->rows[i].name) : 0;
}

/* The last row that `role` does by itself before row i. */
static unsigned last_row_of(const struct script *s, unsigned i, enum role role,
                            const struct plan *p)
{
    while (i-- > 0)
        if (s->rows[i].op == OP_DO && s->rows[i].from == role && script_row_applies(&s->rows[i], p))
            return i;
    return 0;
}

/* A death looks like the end that was waited for: only the progress tells the difference. Within
 * the very last row, exec, there is none: the kernel kills a program that it cannot load. */
static bool came_to_the_end(const struct script *s, unsigned i, const struct ctx *ctx)
{
    enum role from = s->rows[i].from;

    return !ctx->progress || ctx->progress->row[from] >= last_row_of(s, i, from, ctx->plan);
}

static int wait_gone(const struct script *s, unsigned i, struct ctx *ctx, struct err *e)
{
    int got = wire_hear(ctx->wire, (uint16_t)i, NULL, NULL, e);

    if (got < 0)
        return got;
    if (got == WIRE_FAIL)
        return -e->code;
    if (got == WIRE_ROW)
        return refuse(e, EPROTO, "a message where the end was expected");
    if (!came_to_the_end(s, i, ctx))
        return died(s, ctx, e);
    return s->rows[i].hear ? s->rows[i].hear(ctx, e) : 0;
}

static int do_row(const struct script *s, unsigned i, struct ctx *ctx, struct err *e)
{
    const struct row *r = &s->rows[i];
    int pid;

    switch (r->op) {
    case OP_DO:
        return r->fn(ctx, e);
    case OP_SAY:
        return r->from == ctx->me ? say_row(s, i, ctx, e) : hear_row(s, i, ctx, e);
    case OP_GONE:
        return r->to == ctx->me ? wait_gone(s, i, ctx, e) : 0;
    case OP_FORK:
        pid = r->fn(ctx, e);
        if (pid == 0)
            ctx->me = r->to;
        return pid < 0 ? pid : 0;
    }
    return -EINVAL;
}

static int timed_row(const struct script *s, unsigned i, struct ctx *ctx, struct err *e)
{
    enum role me = ctx->me;
    struct trace_event *event = trace_begin(ctx->trace, i, me);
    int r;

    if (ctx->progress)
        ctx->progress->row[me] = (uint16_t)i;
    r = sys_fault(s->rows[i].name, role_name(me), false);
    r = r < 0 ? refuse(e, r, "injected fault") : do_row(s, i, ctx, e);
    if (r == 0 && ctx->me == me)
        sys_fault(s->rows[i].name, role_name(me), true);
    trace_end(event);
    return r;
}

void script_undo(const struct script *s, unsigned first, unsigned end, struct ctx *ctx)
{
    while (end-- > first) {
        const struct row *r = &s->rows[end];
        if (r->undo && r->from == ctx->me && script_row_applies(r, ctx->plan)) {
            log_debug("undo %s", r->name);
            r->undo(ctx);
        }
    }
}

static void fail_and_leave(struct ctx *ctx, const struct err *e)
{
    char line[1024];

    if (ctx->wire < 0 || wire_fail(ctx->wire, e) < 0)
        log_error("%s: %s", role_name(ctx->me), err_line(e, line, sizeof line));
    _exit(1);
}

int script_walk(const struct script *s, unsigned first, unsigned end, struct ctx *ctx,
                struct err *e)
{
    /* The borders between commands are the host's: who is born on the way walks to the end. */
    for (unsigned i = first; i < (ctx->me == ROLE_HOST ? end : s->n); i++) {
        const struct row *row = &s->rows[i];
        int r;

        if (!concerns(row, ctx->me) || !script_row_applies(row, ctx->plan))
            continue;
        log_debug("%s: %s", role_name(ctx->me), row->name);
        r = timed_row(s, i, ctx, e);
        if (r >= 0)
            continue;
        if (!e->row)
            e->row = (uint16_t)i;
        if (ctx->me != ROLE_HOST)
            fail_and_leave(ctx, e);
        log_debug("failed in row %s", s->rows[e->row].name);
        script_undo(s, first, i, ctx);
        return r;
    }
    if (ctx->me != ROLE_HOST)
        _exit(1);
    return 0;
}
