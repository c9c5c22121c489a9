/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns `exec`: one more process in a running container. It walks the same script as a creation,
 * with the rows marked EXEC or ALL: the namespaces of the container are entered by one setns on the
 * pidfd of its process, and the rest happens as for the container's first process.
 */
#include "run/run.h"

#include "base/fd.h"
#include "base/str.h"
#include "box/box.h"
#include "cgroup/cgroup.h"
#include "fs/procfs.h"
#include "io/io.h"
#include "ns/ns.h"
#include "proc/proc.h"
#include "rdt/rdt.h"
#include "run/destroy.h"
#include "run/record.h"
#include "run/steps.h"
#include "run/table.h"
#include "sec/sec.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int may_exec(const struct container *c, int pidfd, bool ignore_paused, struct err *e)
{
    switch (record_status_by(c, pidfd)) {
    case CONTAINER_RUNNING:
    case CONTAINER_CREATED:
        return 0;
    case CONTAINER_PAUSED:
        if (ignore_paused)
            return 0;
        refuse(e, EBUSY, "cannot exec in a paused container");
        return err_hint(e, "resume it first, or use --ignore-paused");
    case CONTAINER_CREATING:
        return refuse(e, EBUSY, "cannot exec in container %s: it is still being created", c->id);
    default:
        return refuse(e, ESRCH,
                      "cannot exec in a container that has stopped: container not running");
    }
}

/* ---- steps ---- */

static const char *const ns_files[NS_KINDS] = {
    [OCI_NAMESPACE_TYPE_PID] = "pid",       [OCI_NAMESPACE_TYPE_NETWORK] = "net",
    [OCI_NAMESPACE_TYPE_MOUNT] = "mnt",     [OCI_NAMESPACE_TYPE_IPC] = "ipc",
    [OCI_NAMESPACE_TYPE_UTS] = "uts",       [OCI_NAMESPACE_TYPE_USER] = "user",
    [OCI_NAMESPACE_TYPE_CGROUP] = "cgroup", [OCI_NAMESPACE_TYPE_TIME] = "time",
};

/* A process that ends loses its namespaces and its root before it is seen to have ended. */
static int gone(int r)
{
    return r == -ENOENT ? -ESRCH : r;
}

static int open_namespaces_of(int proc, const char *pid)
{
    char path[32];

    snprintf(path, sizeof path, "%s/ns", pid);
    return sys_open(proc, path, O_PATH | O_DIRECTORY, 0);
}

/* Only what differs from ours: setns refuses one's own user namespace (setns(2)). The links are
 * read and not followed, which would make an inode of each in the kernel. */
static int differing(int proc, pid_t pid, uint64_t *flags, struct err *e)
{
    char number[16], ours[64], others[64];
    auto_close int own = -1, its = -1;

    snprintf(number, sizeof number, "%d", (int)pid);
    own = open_namespaces_of(proc, "self");
    its = own < 0 ? own : open_namespaces_of(proc, number);
    if (its < 0)
        return fail(e, gone(its), "look at the namespaces of process %s", number);
    for (int i = 0; i < NS_KINDS; i++) {
        ssize_t r = sys_readlink(own, ns_files[i], ours, sizeof ours);
        if (r == -ENOENT)
            continue; /* the kernel is built without this kind */
        if (r >= 0)
            r = sys_readlink(its, ns_files[i], others, sizeof others);
        if (r < 0)
            return fail(e, gone((int)r), "look at the %s namespace of process %s", ns_files[i],
                        number);
        if (!str_eq(ours, others))
            *flags |= (uint64_t)oci_word_value(namespace_type, i);
    }
    return 0;
}

/* Entered later than the rest: see step_enter_cgroup_namespace. */
static int open_cgroup_namespace(struct ctx *ctx, struct err *e)
{
    int *fd = &ctx->plan->ns.fd[OCI_NAMESPACE_TYPE_CGROUP];
    char path[48];

    if (!ctx->plan->ns.middle || !(ctx->plan->ns.joined & CLONE_NEWCGROUP))
        return 0;
    snprintf(path, sizeof path, "%d/ns/cgroup", (int)ctx->container);
    *fd = sys_open(ctx->proc, path, O_RDONLY, 0);
    return *fd < 0 ? fail(e, gone(*fd), "open the cgroup namespace of the container") : 0;
}

int step_find_container(struct ctx *ctx, struct err *e)
{
    char path[48];

    /* Opened while nothing of the container is joined; CLOEXEC, and closed before exec. */
    snprintf(path, sizeof path, "%d/root", (int)ctx->container);
    ctx->root.fd = sys_open(ctx->proc, path, O_PATH | O_DIRECTORY, 0);
    if (ctx->root.fd < 0)
        return fail(e, gone(ctx->root.fd), "open the root of the container's process");
    return open_cgroup_namespace(ctx, e);
}

int step_enter_cgroup(struct ctx *ctx, struct err *e)
{
    const struct request *req = ctx->plan->req;
    struct cgroup *cg = ctx->plan->cgroup;

    if (cgroup_enter(cg, ctx->arena, req->cgroups, req->n_cgroups, ctx->container, e) < 0)
        return -e->code;
    ctx->plan->cgroup_born = cgroup_fd(cg) >= 0 && !cgroup_attaches(cg);
    ctx->plan->cgroup_place = true; /* whatever it could not be born in */
    ctx->plan->cgroup_attach = cgroup_attaches(cg);
    return 0;
}

/* Whoever may trace init inside gets at what init has open, and by ".." or /proc from there to the
 * host (CVE-2016-9962). Being undumpable keeps out all but those with CAP_SYS_PTRACE in the user
 * namespace that rt was started in: nobody, where rt has no root and has given its container a user
 * namespace. Otherwise init keeps nothing that leads out, but for /proc where a label is written
 * by it. */
static int let_go_of_host(struct ctx *ctx, struct err *e)
{
    const struct plan *p = ctx->plan;
    int r = sys_prctl(PR_SET_DUMPABLE, 0, 0);

    if (r < 0)
        return fail(e, r, "become undumpable");
    if (!p->privileged)
        return 0; /* init needs /proc for its executable */
    if (!p->lsm.profile && !p->lsm.label)
        fd_close(&ctx->proc);
    return p->cgroup_born ? cgroup_confine_fd(p->cgroup, e) : 0;
}

int step_enter_container(struct ctx *ctx, struct err *e)
{
    uint64_t later = ctx->plan->ns.middle ? CLONE_NEWCGROUP : 0;
    int r = let_go_of_host(ctx, e);

    if (r < 0)
        return r;
    r = sys_setns(ctx->container_pidfd, (int)(ctx->plan->ns.joined & ~later));

    if (r < 0)
        return fail(e, r, "enter the namespaces of the container");
    r = sys_fchdir(ctx->root.fd);
    if (r == 0)
        r = sys_chroot(".");
    return r < 0 ? fail(e, r, "enter the root of the container") : 0;
}

int step_enter_container_here(struct ctx *ctx, struct err *e)
{
    return ctx->plan->ns.joined ? step_enter_container(ctx, e) : 0;
}

/* The old descriptor belongs to a mount namespace that is not ours any more. */
int step_enter_root(struct ctx *ctx, struct err *e)
{
    fd_close(&ctx->root.fd);
    ctx->root.fd = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    return ctx->root.fd < 0 ? fail(e, ctx->root.fd, "open the container's root") : 0;
}

/* ---- the plan ---- */

typedef int part_fn(struct plan *, struct arena *, struct err *);

static part_fn *const parts[] = {caps_plan, seccomp_plan, lsm_plan,
                                 box_plan,  process_plan, io_plan};

static const char *either(const char *own, const char *other)
{
    return own && own[0] ? own : other;
}

/* What a document says nothing of goes for the process as for the container: who enters is not to
 * be held by less. */
static struct oci_process *held_alike(struct arena *a, const struct oci_process *given,
                                      const struct oci_process *first)
{
    struct oci_process *p = arena_new(a, struct oci_process);

    *p = *given;
    if (!first)
        return p;
    if (!p->capabilities)
        p->capabilities = first->capabilities;
    p->apparmor_profile = either(p->apparmor_profile, first->apparmor_profile);
    p->selinux_label = either(p->selinux_label, first->selinux_label);
    return p;
}

static int plan_exec(struct plan *p, const struct container *c, const struct oci_process *process,
                     struct oci_config *cfg, struct err *e)
{
    if (!c->cfg && run_read_config(p, c->arena, e) < 0)
        return -e->code;
    *cfg = c->cfg ? *c->cfg : *p->cfg;
    cfg->process = held_alike(c->arena, process, cfg->process);
    p->cfg = cfg;
    p->process.cfg = cfg->process;
    ns_plan_builder(p);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i](p, c->arena, e) < 0)
            return -e->code;
    if (c->record->resctrl && rdt_load(c->arena, c->record->resctrl, &p->rdt, e) < 0)
        return -e->code;
    return c->record->cgroup ? cgroup_load(c->arena, c->record->cgroup, &p->cgroup, e) : 0;
}

static int plan_namespaces(struct ctx *ctx, struct err *e)
{
    struct ns_plan *ns = &ctx->plan->ns;

    if (differing(ctx->proc, ctx->container, &ns->joined, e) < 0)
        return -e->code;
    /* A pid namespace counts for children only: one process enters, the next is inside. */
    ns->middle = (ns->joined & CLONE_NEWPID) != 0;
    return 0;
}

static int prepare(struct ctx *ctx, struct container *c, struct err *e)
{
    ctx->proc = procfs_open(e);
    if (ctx->proc < 0)
        return ctx->proc;
    c->proc = &ctx->proc;
    ctx->container = (pid_t)c->record->pid;
    ctx->container_pidfd = record_pidfd(c);
    if (may_exec(c, ctx->container_pidfd, ctx->plan->req->ignore_paused, e) < 0)
        return -e->code;
    if (ctx->container_pidfd < 0)
        return refuse(e, ESRCH, "container not running: %s", c->id);
    return plan_namespaces(ctx, e);
}

/* Does the container end? Its process waits for all in its pid namespace to be collected, among
 * them our init, of which we need not have heard. Waits for it, 10 ms at a time. */
static bool is_ending(const struct ctx *ctx, int most_tries)
{
    for (int tries = 0; tries < most_tries; tries++) {
        drop(sys_wait_pid(-1, NULL, __WALL | WNOHANG), "it may not have got so far, or be known");
        if (sys_poll_in(ctx->container_pidfd, 10) == 1)
            return true;
    }
    return false;
}

/* A container that ends in the midst of an exec kills the process, or cannot be entered: ESRCH by
 * setns, ENOMEM by clone3. One that has ended may be half removed, so that its files or its cgroup
 * are missing. That is said with the words of may_exec. */
static int tell_of_end(const struct ctx *ctx, struct err *e)
{
    bool now = e->code == ESRCH || e->code == EPIPE || e->code == ENOMEM;
    bool before = e->code == ENOENT || e->code == ENODEV;

    if ((now || before) && is_ending(ctx, now ? 100 : 1))
        err_hint(e, "container not running: it ended meanwhile");
    return -e->code;
}

int run_exec(struct request *req, struct container *c, const struct oci_process *process,
             int *exit_code, struct err *e)
{
    struct plan plan = {
        .req = req, .privileged = geteuid() == 0, .in_userns = sys_in_user_namespace()};
    struct oci_config cfg;
    struct ctx ctx;

    *exit_code = 0;
    if (!c->record)
        return refuse(e, ESRCH, "container not running: %s", c->id);
    run_ctx_init(&ctx, &plan, c->arena);
    ctx.state_dir = c->dir;
    /* Which capabilities can be granted depends on the namespaces that are entered. */
    if (prepare(&ctx, c, e) < 0)
        return ctx.container_pidfd < 0 ? -e->code : tell_of_end(&ctx, e);
    if (plan_exec(&plan, c, process, &cfg, e) < 0)
        return tell_of_end(&ctx, e);
    if (!req->detach && foreground_prepare(e) < 0)
        return -e->code;
    if (script_walk(run_script(), 0, MARK_started, &ctx, e) < 0)
        return tell_of_end(&ctx, e);
    return req->detach ? 0 : foreground_wait(&ctx, exit_code, e);
}
