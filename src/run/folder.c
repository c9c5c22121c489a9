/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the steps that keep the container on disk true: it says what there may be to clean up
 * before it is made, who init is as soon as it is born, and how far the life has come.
 */
#include "run/steps.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "fs/file.h"
#include "fs/procfs.h"
#include "hook/hook.h"
#include "rdt/rdt.h"
#include "run/record.h"
#include "run/table.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int step_arm_poststop(struct ctx *ctx, struct err *e)
{
    (void)e;
    ctx->hooks_begun = false;
    return 0;
}

/* The first row, so its undo is the last: poststop runs when all is destroyed. */
void undo_arm_poststop(struct ctx *ctx)
{
    const struct progress *p = ctx->progress;

    /* init runs the createContainer hooks; its progress tells whether it came to them. */
    if (ctx->hooks_begun || (p && p->row[ROLE_INIT] >= ROW_create_container_hooks))
        hooks_poststop(ctx);
}

int step_claim_id(struct ctx *ctx, struct err *e)
{
    const struct request *req = ctx->plan->req;

    return record_claim(req->root, req->id, &ctx->state_dir, e);
}

void undo_claim_id(struct ctx *ctx)
{
    const struct request *req = ctx->plan->req;
    struct err e = {0};

    if (ctx->state_dir < 0)
        return;
    if (record_remove(req->root, req->id, ctx->state_dir, &e) < 0)
        log_warn("%s", e.text);
    fd_close(&ctx->state_dir);
}

static struct oci_record *new_record(struct ctx *ctx)
{
    const struct plan *p = ctx->plan;
    struct oci_record *r = arena_new(ctx->arena, struct oci_record);

    record_describe(r, p->req, p->cfg, ctx->arena);
    if (p->mounts.shared) {
        SET(r, record, own_mounts);
        r->own_mounts = true;
    }
    return r;
}

static int save(struct ctx *ctx, struct err *e)
{
    return record_save(ctx->state_dir, ctx->record, e);
}

static int add_cgroup(struct ctx *ctx)
{
    char *text = NULL;

    if (!ctx->plan->cgroup)
        return 0;
    if (cgroup_save(ctx->plan->cgroup, ctx->arena, &text) < 0)
        return -ENOMEM;
    SET(ctx->record, record, cgroup);
    ctx->record->cgroup = text;
    return 0;
}

int step_record_creating(struct ctx *ctx, struct err *e)
{
    const struct plan *p = ctx->plan;
    int r;

    ctx->record = new_record(ctx);
    if (p->rdt) {
        SET(ctx->record, record, resctrl);
        ctx->record->resctrl = rdt_save(p->rdt, ctx->arena);
    }
    r = add_cgroup(ctx);
    if (r < 0)
        return fail(e, r, "describe the cgroup for the record");
    if (save(ctx, e) < 0)
        return -e->code;
    return record_save_config(ctx->state_dir, p->config_text, p->config_len, e);
}

int step_record_child(struct ctx *ctx, struct err *e)
{
    unsigned long long ticks = 0;
    char state;
    int r = procfs_start_time(ctx->proc, ctx->child, &ticks, &state);

    /* It may have failed and gone already; its message says more than this could. */
    if (r < 0 && r != -ENOENT && r != -ESRCH)
        return fail(e, r, "read the start time of process %d", (int)ctx->child);
    SET(ctx->record, record, pid);
    SET(ctx->record, record, start_time);
    ctx->record->pid = ctx->child;
    ctx->record->start_time = ticks;
    record_note_inode(ctx->record, ctx->proc, ctx->child_pidfd, ctx->arena);
    add_cgroup(ctx);
    return save(ctx, e);
}

int step_record_created(struct ctx *ctx, struct err *e)
{
    ctx->record->phase = OCI_RECORD_PHASE_CREATED;
    return save(ctx, e);
}

int step_record_running(struct ctx *ctx, struct err *e)
{
    ctx->record->phase = OCI_RECORD_PHASE_RUNNING;
    if (save(ctx, e) < 0)
        return -e->code;
    drop(sys_unlink(ctx->state_dir, "start.sock", 0), "a run has none");
    return 0;
}

int step_write_pid_file(struct ctx *ctx, struct err *e)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", (int)ctx->child);

    return file_write_atomic(AT_FDCWD, ctx->plan->req->pid_file, text, (size_t)n, 0644, e);
}

/* The name in the message tells the receiver whose process it is. */
int step_send_pidfd(struct ctx *ctx, struct err *e)
{
    const char *path = ctx->plan->req->pidfd_socket;
    const char *what = ctx->plan->req->kind == KIND_EXEC ? "setns" : "standard";
    auto_close int sock = sys_unix_connect(AT_FDCWD, path, SOCK_STREAM);
    ssize_t n;

    if (sock < 0)
        return fail(e, sock, "connect to the pidfd socket %s", path);
    n = sys_send_fd(sock, what, strlen(what), ctx->child_pidfd);
    return n < 0 ? fail(e, (int)n, "send the pidfd to %s", path) : 0;
}
