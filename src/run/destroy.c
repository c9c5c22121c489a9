/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the end of a container. Everything here can be done twice and works from the record alone:
 * it also cleans up after an rt that was killed between any two steps.
 */
#include "run/destroy.h"

#include "base/fd.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "hook/hook.h"
#include "mount/mount.h"
#include "rdt/rdt.h"
#include "run/run.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>

enum { PATIENCE_MS = 10000 };

/* With an own pid namespace all goes with process 1; otherwise the cgroup knows the rest. */
static int kill_all(struct container *c, struct cgroup *cg, struct err *e)
{
    auto_close int pidfd = record_pidfd(c);

    if (pidfd >= 0)
        drop(sys_pidfd_signal(pidfd, SIGKILL), "a process that is gone is what we want");
    if (cg && cgroup_signal_all(cg, SIGKILL, e) < 0)
        return -e->code;
    /* Not ours to reap, so its end is awaited by poll. A frozen one is woken by the kernel. */
    if (pidfd >= 0 && sys_poll_in(pidfd, PATIENCE_MS) == 0)
        return refuse(e, EBUSY, "process %d of container %s does not end", (int)c->record->pid,
                      c->id);
    return 0;
}

static int load_cgroup(struct container *c, struct arena *a, struct cgroup **cg, struct err *e)
{
    *cg = NULL;
    if (!c->record || !c->record->cgroup)
        return 0;
    return cgroup_load(a, c->record->cgroup, cg, e);
}

static int remove_resctrl(struct container *c, struct arena *a, struct err *e)
{
    struct rdt *r;

    if (!c->record || !c->record->resctrl)
        return 0;
    return rdt_load(a, c->record->resctrl, &r, e) < 0 ? -e->code : rdt_remove(r, e);
}

/* poststop hooks come from our own copy of the configuration. Without one there was no hook. */
static int poststop_plan(struct container *c, struct arena *a, struct request *req,
                         struct plan *plan)
{
    struct err e = {0};

    if (!c->record)
        return -ENOENT;
    *req = record_request(c, KIND_START);
    *plan = (struct plan){.req = req};
    return run_read_config(plan, a, &e);
}

int destroy_container(struct container *c, struct arena *a, struct err *e)
{
    struct cgroup *cg;
    struct request req;
    struct plan plan;
    bool hooks = poststop_plan(c, a, &req, &plan) == 0;

    if (load_cgroup(c, a, &cg, e) < 0 || kill_all(c, cg, e) < 0)
        return -e->code;
    if (cg && cgroup_remove(cg, e) < 0)
        return -e->code;
    if (remove_resctrl(c, a, e) < 0)
        return -e->code;
    if (c->record && c->record->own_mounts && mount_detach_rootfs(c->record->rootfs, e) < 0)
        return -e->code;
    if (record_remove(c->root, c->id, c->dir, e) < 0)
        return -e->code;
    if (hooks) {
        struct ctx ctx;
        run_ctx_init(&ctx, &plan, a);
        hooks_poststop(&ctx);
    }
    return 0;
}

int destroy_ctx(struct ctx *ctx, struct err *e)
{
    const struct request *req = ctx->plan->req;
    int r = record_relock(ctx->state_dir, req->id, PATIENCE_MS, e);

    if (r == -ENOENT) {
        *e = (struct err){0};
        return 0;
    }
    if (r < 0)
        return r;
    if (ctx->plan->cgroup && cgroup_remove(ctx->plan->cgroup, e) < 0)
        return -e->code;
    if (ctx->plan->rdt && rdt_remove(ctx->plan->rdt, e) < 0)
        return -e->code;
    if (ctx->plan->mounts.shared && mount_detach_rootfs(ctx->plan->mounts.rootfs, e) < 0)
        return -e->code;
    if (record_remove(req->root, req->id, ctx->state_dir, e) < 0)
        return -e->code;
    hooks_poststop(ctx);
    return 0;
}

static int may_delete(const struct container *c, bool force, struct err *e)
{
    enum container_status status = record_status(c);

    if (force || status == CONTAINER_STOPPED || status == CONTAINER_CREATED)
        return 0;
    refuse(e, EBUSY, "cannot delete container %s that is not stopped: %s", c->id,
           container_status_word(status));
    return err_hint(e, "stop it first, or use --force");
}

/* A creation that hangs holds the lock; force ends it by killing what it made. */
static int lock_for_delete(struct container *c, bool force, struct err *e)
{
    auto_close int pidfd = -1;

    if (record_lock(c, 0, e) == 0)
        return 0;
    if (force && (pidfd = record_pidfd(c)) >= 0)
        drop(sys_pidfd_signal(pidfd, SIGKILL), "a process that is gone is what we want");
    return record_lock(c, PATIENCE_MS, e);
}

int run_delete(const char *root, const char *id, bool force, struct arena *a, struct err *e)
{
    struct container c;
    int r = record_load(root, id, a, &c, e);

    if (r == -ENOENT && force) {
        *e = (struct err){0};
        return 0;
    }
    if (r < 0 || may_delete(&c, force, e) < 0)
        return r < 0 ? r : -e->code;
    r = lock_for_delete(&c, force, e);
    if (r == -ENOENT && force) {
        *e = (struct err){0}; /* another command was faster */
        return 0;
    }
    /* Whoever had the lock may have started it. */
    if (r < 0 || may_delete(&c, force, e) < 0)
        return -e->code;
    return destroy_container(&c, a, e);
}
