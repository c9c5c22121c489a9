/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the making of rt's processes, what passes between them, and their deaths. */
#include "run/steps.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "core/wire.h"
#include "io/io.h"
#include "mount/mount.h"
#include "ns/ns.h"
#include "run/run.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- channels ---- */

/* For a later `start` the page must outlive the host: init hands on the memory behind it. */
static int share_progress(struct ctx *ctx, bool later, struct err *e)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);

    if (!later) {
        ctx->progress = sys_shared_pages(size);
        return ctx->progress ? 0 : fail(e, ENOMEM, "make the progress page");
    }
    ctx->progress_fd = sys_memfd("rt-progress", 0);
    if (ctx->progress_fd < 0 || ftruncate(ctx->progress_fd, (off_t)size) < 0)
        return fail(e, ctx->progress_fd < 0 ? ctx->progress_fd : errno, "make the progress page");
    ctx->progress = sys_map_shared(ctx->progress_fd, size);
    return ctx->progress ? 0 : fail(e, ENOMEM, "map the progress page");
}

int step_make_channels(struct ctx *ctx, struct err *e)
{
    bool later = ctx->plan->req->kind == KIND_CREATE;
    int pair[2], on = 1;
    int r = sys_socketpair(SOCK_SEQPACKET, pair);

    if (r < 0)
        return fail(e, r, "make the wire between rt's processes");
    ctx->wire = pair[0];
    ctx->peer_wire = pair[1];
    if (ctx->plan->ns.middle && setsockopt(ctx->wire, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
        return fail(e, errno, "ask for the sender's pid on the wire");
    if (later) {
        ctx->start_sock = sys_unix_listen(ctx->state_dir, "start.sock", SOCK_SEQPACKET);
        if (ctx->start_sock < 0)
            return fail(e, ctx->start_sock, "make the socket for start");
    }
    return share_progress(ctx, later, e);
}

void undo_make_channels(struct ctx *ctx)
{
    fd_close(&ctx->wire);
    fd_close(&ctx->peer_wire);
    fd_close(&ctx->start_sock);
}

/* ---- forks ---- */

static void child_side(struct ctx *ctx, bool bears)
{
    fd_close(&ctx->wire);
    ctx->wire = take_fd(&ctx->peer_wire);
    fd_close(&ctx->state_dir);
    fd_close(&ctx->child_pidfd);
    fd_close(&ctx->exe_tree);
    cgroup_forget_host(ctx->plan->cgroup, bears);
}

/* The host's half of what both sides hold goes at once: an end of file must mean a death. */
static void parent_side(struct ctx *ctx)
{
    fd_close(&ctx->peer_wire);
    fd_close(&ctx->start_sock);
}

static int birth_cgroup(const struct ctx *ctx)
{
    return ctx->plan->cgroup_born ? cgroup_fd(ctx->plan->cgroup) : -1;
}

/* What to do about a clone that failed, or NULL. */
static const char *hint_for(int code, bool in_cgroup)
{
    if (code == EPERM)
        return "without root a user namespace is needed, and permission to make one";
    if (code == ENOSPC || code == EUSERS)
        return "a limit in /proc/sys/user/max_*_namespaces is reached";
    if (code == EAGAIN)
        return "a limit on processes is reached: pids.max of the cgroup or of one above, or "
               "RLIMIT_NPROC";
    if (code == EOPNOTSUPP && in_cgroup) /* cgroup.type is "domain invalid", cgroups(7) */
        return "a cgroup above holds processes, so those below it cannot: move them to a "
               "sub-cgroup, or choose another cgroupsPath";
    return NULL;
}

static int no_birth(int r, const char *what, int cgroup, struct err *e)
{
    const char *hint = hint_for(-r, cgroup >= 0);

    fail(e, r, "make %s in its namespaces", what);
    if (hint)
        err_hint(e, "%s", hint);
    return r;
}

static int fork_child(struct ctx *ctx, bool bears, uint64_t flags, int cgroup, struct err *e)
{
    struct sys_clone clone = {
        .flags = flags,
        .cgroup = cgroup,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = sys_clone3(&clone, &ctx->child_pidfd);

    if (pid < 0)
        return no_birth(pid, "the container's process", cgroup, e);
    if (pid == 0) {
        child_side(ctx, bears);
        return 0;
    }
    ctx->child = pid;
    parent_side(ctx);
    return pid;
}

int fork_middle(struct ctx *ctx, struct err *e)
{
    /* Not in the container's cgroup: with a limit of one process it could not make init. */
    int pid = fork_child(ctx, true, 0, -1, e);

    ctx->middle = pid > 0 ? pid : 0;
    ctx->middle_pidfd = pid > 0 ? take_fd(&ctx->child_pidfd) : -1;
    return pid;
}

int fork_init(struct ctx *ctx, struct err *e)
{
    return fork_child(ctx, false, ns_init_flags(ctx->plan), birth_cgroup(ctx), e);
}

/* A sibling, not a child: the host can wait for it, and it outlives the middle. */
int fork_init_of_middle(struct ctx *ctx, struct err *e)
{
    struct sys_clone clone = {
        .flags = ns_init_flags(ctx->plan) | CLONE_PARENT,
        .cgroup = birth_cgroup(ctx),
        .exit_signal = 0, /* CLONE_PARENT inherits ours; clone3 refuses another */
    };
    int pidfd = -1;
    pid_t pid = sys_clone3(&clone, &pidfd);

    fd_close(&pidfd);
    if (pid == 0)
        cgroup_forget_host(ctx->plan->cgroup, false);
    return pid < 0 ? no_birth(pid, "init", clone.cgroup, e) : pid;
}

static void kill_and_collect(int *pidfd)
{
    if (*pidfd < 0)
        return;
    drop(sys_pidfd_signal(*pidfd, SIGKILL), "it may be gone already");
    drop(sys_wait_pidfd(*pidfd, NULL), "nothing is left to wait for then");
    fd_close(pidfd);
}

/* The wire outlives the processes, which would else tell of its end. */
void undo_fork_middle(struct ctx *ctx)
{
    kill_and_collect(&ctx->child_pidfd);
    kill_and_collect(&ctx->middle_pidfd);
    fd_close(&ctx->wire);
}

void undo_fork_init(struct ctx *ctx)
{
    kill_and_collect(&ctx->child_pidfd);
    fd_close(&ctx->wire);
}

/* ---- the middle ---- */

static const char *cause(struct ctx *ctx, int status, struct arena *a)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && ctx->plan->cgroup &&
        cgroup_oom_killed(ctx->plan->cgroup) > 0)
        return "killed, as its cgroup is out of memory";
    if (WIFSIGNALED(status))
        return str_fmt(a, "killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    return str_fmt(a, "exit status %d", WEXITSTATUS(status));
}

int say_born(struct ctx *ctx, struct err *e)
{
    (void)ctx;
    (void)e;
    return 0; /* the pid travels as the sender's credentials, translated by the kernel */
}

int hear_born(struct ctx *ctx, struct err *e)
{
    if (ctx->heard_pid <= 0)
        return refuse(e, EPROTO, "init came without its pid");
    ctx->child = ctx->heard_pid;
    ctx->child_pidfd = sys_pidfd_open(ctx->child);
    return ctx->child_pidfd < 0 ? fail(e, ctx->child_pidfd, "hold on to init") : 0;
}

int step_leave_middle(struct ctx *ctx, struct err *e)
{
    (void)ctx;
    (void)e;
    _exit(0);
}

int step_reap_middle(struct ctx *ctx, struct err *e)
{
    int status = 0, r = sys_wait_pidfd(ctx->middle_pidfd, &status);

    fd_close(&ctx->middle_pidfd);
    ctx->middle = 0;
    if (r < 0)
        return fail(e, r, "wait for the middle process");
    return status ? refuse(e, EPIPE, "middle died in step leave_middle: %s",
                           cause(ctx, status, ctx->arena))
                  : 0;
}

/* ---- the same step in another role ---- */

int step_write_maps_init(struct ctx *ctx, struct err *e)
{
    return step_write_maps(ctx, e);
}

int step_open_trees_inside(struct ctx *ctx, struct err *e)
{
    return step_open_trees(ctx, e);
}

/* ---- what messages carry ---- */

int say_pty(struct ctx *ctx, struct err *e)
{
    (void)e;
    ctx->say_fd = ctx->pty_master;
    return 0;
}

int hear_pty(struct ctx *ctx, struct err *e)
{
    ctx->pty_master = take_fd(&ctx->heard_fd);
    if (ctx->pty_master < 0)
        return refuse(e, EPROTO, "the terminal came without its descriptor");
    return step_take_pty(ctx, e);
}

int say_progress(struct ctx *ctx, struct err *e)
{
    (void)e;
    ctx->say_fd = ctx->progress_fd;
    return 0;
}

int hear_progress(struct ctx *ctx, struct err *e)
{
    auto_close int fd = take_fd(&ctx->heard_fd);

    if (fd < 0)
        return refuse(e, EPROTO, "init's progress came without its descriptor");
    ctx->progress = sys_map_shared(fd, (size_t)sysconf(_SC_PAGESIZE));
    return ctx->progress ? 0 : fail(e, ENOMEM, "map init's progress");
}

/* ---- start ---- */

/* The wire to create's host is done; the one that connects now is start. */
int step_await_start(struct ctx *ctx, struct err *e)
{
    int conn;

    log_leave_stderr();
    fd_close(&ctx->wire);
    fd_close(&ctx->proc); /* others may be in the container while we wait, and trace us */
    conn = sys_accept(ctx->start_sock);
    if (conn < 0)
        return fail(e, conn, "wait for start");
    ctx->wire = conn;
    fd_close(&ctx->start_sock);
    return 0;
}

int step_need_process(struct ctx *ctx, struct err *e)
{
    (void)ctx;
    refuse(e, EINVAL, "config.json has no process: there is nothing to start");
    return err_at(e, "/process");
}

/* ---- deaths ---- */

/* The role whose death it was: init as soon as it exists. */
static enum role dead_role(const struct ctx *ctx)
{
    return ctx->child_pidfd < 0 && ctx->middle_pidfd >= 0 ? ROLE_MIDDLE : ROLE_INIT;
}

int explain_death(struct ctx *ctx, struct err *e)
{
    enum role who = dead_role(ctx);
    int *pidfd = who == ROLE_MIDDLE ? &ctx->middle_pidfd : &ctx->child_pidfd;
    unsigned row = ctx->progress ? ctx->progress->row[who] : 0;
    const char *name = row < run_script()->n ? run_script()->rows[row].name : "?";
    int status = 0;

    /* A start is not the parent and cannot know the wait status. */
    if (*pidfd >= 0 && sys_wait_pidfd(*pidfd, &status) == 0) {
        fd_close(pidfd);
        refuse(e, EPIPE, "%s died in step %s: %s", role_name(who), name,
               cause(ctx, status, ctx->arena));
    } else {
        refuse(e, EPIPE, "%s died in step %s", role_name(who), name);
    }
    e->row = (uint16_t)row;
    return -e->code;
}
