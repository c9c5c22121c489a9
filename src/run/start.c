/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns `start`: the second half of the script, in a process of its own. It connects to init, which
 * waits in the folder's socket, and stays until the program runs or init has said why not, so that
 * a failing startContainer hook or exec is known to the caller (runtime-spec runtime.md, Start).
 */
#include "run/run.h"

#include "base/fd.h"
#include "base/log.h"
#include "fs/procfs.h"
#include "io/io.h"
#include "run/destroy.h"
#include "run/record.h"
#include "run/table.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/socket.h>

static int must_be_created(const struct container *c, struct err *e)
{
    enum container_status status = record_status(c);

    if (status == CONTAINER_CREATED)
        return 0;
    if (status == CONTAINER_STOPPED)
        return refuse(e, EINVAL, "cannot start a container that has stopped");
    if (status == CONTAINER_CREATING)
        return refuse(e, EINVAL, "cannot start container %s: it is still being created", c->id);
    return refuse(e, EINVAL, "cannot start an already running container");
}

static int connect_init(struct ctx *ctx, struct err *e)
{
    ctx->child_pidfd = sys_pidfd_open(ctx->child);
    if (ctx->child_pidfd < 0)
        return fail(e, ctx->child_pidfd, "hold on to the container's process %d", (int)ctx->child);
    ctx->wire = sys_unix_connect(ctx->state_dir, "start.sock", SOCK_SEQPACKET);
    return ctx->wire < 0 ? fail(e, ctx->wire, "connect to the waiting container") : 0;
}

/* Hooks that fail end the container's life; after a failed exec it is stopped, to be deleted. */
static bool ends_life(unsigned row)
{
    return row == ROW_start_container_hooks || row == ROW_poststart_hooks;
}

static int go(struct ctx *ctx, struct container *c, struct err *e)
{
    int r = script_walk(run_script(), MARK_created, MARK_started, ctx, e);
    struct err unheard = {0};

    if (r == 0) {
        record_unlock(c->dir); /* for as long as it runs others may change it */
        return ctx->plan->notify_dir ? notify_relay(ctx, e) : 0;
    }
    if (ends_life(e->row) && destroy_container(c, ctx->arena, &unheard) < 0)
        log_warn("destroy container %s: %s", c->id, unheard.text);
    return r;
}

int run_start(const char *root, const char *id, struct arena *a, struct err *e)
{
    struct container c;
    struct request req;
    struct plan plan;
    struct ctx ctx;

    if (record_load(root, id, a, &c, e) < 0 || record_lock(&c, 10000, e) < 0)
        return -e->code;
    if (must_be_created(&c, e) < 0)
        return -e->code;
    req = record_request(&c, KIND_START);
    if (run_plan(&req, a, &plan, e) < 0)
        return -e->code;
    run_ctx_init(&ctx, &plan, a);
    ctx.state_dir = c.dir;
    ctx.record = c.record;
    ctx.child = (pid_t)c.record->pid;
    ctx.proc = procfs_open(e);
    if (ctx.proc < 0 || connect_init(&ctx, e) < 0)
        return -e->code;
    return go(&ctx, &c, e);
}
