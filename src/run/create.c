/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the walks that make a container: create, and run, which goes on to start and wait. */
#include "run/run.h"

#include "base/fd.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "fs/procfs.h"
#include "io/io.h"
#include "run/destroy.h"
#include "run/record.h"
#include "run/table.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void run_ctx_init(struct ctx *ctx, struct plan *plan, struct arena *a)
{
    *ctx = (struct ctx){
        .plan = plan,
        .me = ROLE_HOST,
        .arena = a,
        .wire = -1,
        .peer_wire = -1,
        .state_dir = -1,
        .exe_tree = -1,
        .proc = -1,
        .start_sock = -1,
        .root_mount = -1,
        .root = {.fd = -1},
        .pty_slave = -1,
        .pty_master = -1,
        .console_sock = -1,
        .child_pidfd = -1,
        .middle_pidfd = -1,
        .notify_fd = -1,
        .progress_fd = -1,
        .container_pidfd = -1,
        .say_fd = -1,
        .heard_fd = -1,
    };
}

/* Each bind mount is a descriptor until it is attached. */
static void allow_many_fds(const struct plan *p)
{
    struct rlimit l;

    if (p->mounts.n < 200 || getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
        return;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) < 0)
        log_debug("the limit of open files stays as it is");
}

static int check_kernel(struct err *e)
{
    char release[128];

    if (sys_kernel_check(release, sizeof release) == -ENOSYS)
        return refuse(e, ENOSYS, "rt needs Linux 5.14 or newer, this is %s", release);
    return 0;
}

static int prepare(const struct request *req, struct arena *a, struct plan *plan, struct ctx *ctx,
                   struct err *e)
{
    if (check_kernel(e) < 0 || run_plan(req, a, plan, e) < 0)
        return -e->code;
    run_ctx_init(ctx, plan, a);
    ctx->proc = procfs_open(e);
    if (ctx->proc < 0)
        return ctx->proc;
    allow_many_fds(plan);
    if (req->trace && !(ctx->trace = trace_new()))
        return fail(e, ENOMEM, "make room for the trace");
    return 0;
}

static int walk(struct ctx *ctx, unsigned end, struct err *e)
{
    const struct request *req = ctx->plan->req;
    int r = script_walk(run_script(), 0, req->dry_run ? ROW_fork_middle : end, ctx, e);

    if (r == 0 && req->dry_run)
        script_undo(run_script(), 0, ROW_fork_middle, ctx);
    if (req->trace) {
        struct err te = {0};
        if (trace_write(ctx->trace, run_script(), req->trace, &te) < 0)
            log_warn("%s", te.text);
    }
    return r;
}

int run_create(const struct request *req, struct arena *a, struct err *e)
{
    struct plan plan;
    struct ctx ctx;

    if (prepare(req, a, &plan, &ctx, e) < 0)
        return -e->code;
    return walk(&ctx, MARK_created, e);
}

/* 137 alone does not tell this from any other SIGKILL. */
static void explain_end(const struct plan *p, int exit_code)
{
    if (exit_code == 128 + SIGKILL && p->cgroup && cgroup_oom_killed(p->cgroup) > 0)
        log_warn("container %s: the kernel killed a process of it, as its cgroup is out of memory",
                 p->req->id);
}

int run_run(const struct request *req, struct arena *a, int *exit_code, struct err *e)
{
    struct plan plan;
    struct ctx ctx;
    int r;

    *exit_code = 0;
    if (prepare(req, a, &plan, &ctx, e) < 0)
        return -e->code;
    if (!req->detach && !req->no_subreaper)
        drop(sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0), "orphans then go to the system's init");
    if (!req->detach && !req->dry_run && foreground_prepare(e) < 0)
        return -e->code;
    r = walk(&ctx, MARK_started, e);
    if (r < 0 || req->dry_run)
        return r;
    record_unlock(ctx.state_dir); /* for as long as it runs others may change it */
    if (req->detach)
        return plan.notify_dir ? notify_relay(&ctx, e) : 0;
    r = foreground_wait(&ctx, exit_code, e);
    if (r < 0)
        return r;
    explain_end(&plan, *exit_code);
    return req->keep ? 0 : destroy_ctx(&ctx, e);
}
