/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the making and handing over of the terminal. Both sides come from the container's devpts,
 * which is verified, and the slave by TIOCGPTPEER, never by a path (CVE-2025-52565).
 */
#include "io/io.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/root.h"
#include "io/relay.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int io_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct request *req = p->req;
    bool terminal = p->cfg->process && p->cfg->process->terminal;
    bool foreground = (req->kind == KIND_RUN || req->kind == KIND_EXEC) && !req->detach;

    if (req->notify_socket)
        p->notify_dir = str_fmt(a, "%s/%s/notify", req->root, req->id);
    if (req->kind == KIND_START || req->dry_run)
        return 0;
    if (req->console_socket && !terminal) {
        refuse(e, EINVAL, "a console socket was given, but the process has no terminal");
        return err_hint(e, "set /process/terminal or leave --console-socket out");
    }
    if (req->console_socket && foreground)
        return refuse(e, EINVAL, "a console socket makes no sense in the foreground");
    if (terminal && !foreground && !req->console_socket) {
        refuse(e, EINVAL, "cannot allocate a terminal without a console socket when detached");
        return err_hint(e, "give --console-socket, or run in the foreground");
    }
    return 0;
}

int step_open_console_socket(struct ctx *ctx, struct err *e)
{
    const char *path = ctx->plan->req->console_socket;

    ctx->console_sock = sys_unix_connect(AT_FDCWD, path, SOCK_STREAM);
    if (ctx->console_sock < 0)
        return fail(e, ctx->console_sock, "connect to the console socket %s", path);
    return 0;
}

/* The directory is verified first: a multiplexer is then what a devpts calls so, and no device or
 * FIFO of the image is ever opened. */
static int open_ptmx(struct ctx *ctx, struct err *e)
{
    auto_close int dir = root_open(&ctx->root, "/dev/pts", O_PATH | O_DIRECTORY, 0), fd = -1;
    struct stat st;
    long magic = 0;

    if (dir < 0 || sys_fs_type(dir, &magic) < 0 || magic != DEVPTS_SUPER_MAGIC) {
        refuse(e, ENODEV, "/dev/pts in the container is not a devpts");
        return err_hint(e, "a terminal needs a mount of type devpts on /dev/pts");
    }
    fd = sys_open(dir, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fail(e, fd, "open /dev/pts/ptmx in the container");
    if (sys_fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
        return refuse(e, ENODEV, "/dev/pts/ptmx in the container is not a terminal multiplexer");
    return take_fd(&fd);
}

/* The slave becomes stdin, stdout, stderr and the controlling terminal of our session. */
static int take_slave(int slave, struct err *e)
{
    int r = sys_dup(STDERR_FILENO, 3);

    /* What init still has to say is for the caller, not for the container's screen. */
    if (r >= 0)
        log_stderr(r);
    r = 0;
    for (int fd = 0; r >= 0 && fd < 3; fd++)
        r = sys_dup_onto(slave, fd);
    if (r >= 0)
        r = sys_tty_control(slave);
    return r < 0 ? fail(e, r, "take the terminal as standard streams") : 0;
}

static int own_slave(const struct ctx *ctx, struct err *e)
{
    const struct oci_user *u = ctx->plan->process.cfg->user;
    int r = u && u->uid ? sys_chown(ctx->pty_slave, "", u->uid, (gid_t)-1, AT_EMPTY_PATH) : 0;

    return r < 0 ? fail(e, r, "give the terminal to user %u", u->uid) : 0;
}

int step_make_pty(struct ctx *ctx, struct err *e)
{
    const struct oci_console_size *size = ctx->plan->process.cfg->console_size;
    int r;

    fd_close(&ctx->console_sock); /* the host's; whoever listens there may wait for its end */
    ctx->pty_master = open_ptmx(ctx, e);
    if (ctx->pty_master < 0)
        return ctx->pty_master;
    ctx->pty_slave = sys_tty_slave(ctx->pty_master);
    if (ctx->pty_slave < 0)
        return fail(e, ctx->pty_slave, "open the slave side of the terminal");
    r = size ? sys_tty_resize(ctx->pty_master, (unsigned short)size->height,
                              (unsigned short)size->width)
             : 0;
    if (r < 0)
        return fail(e, r, "set the size of the terminal");
    return own_slave(ctx, e) < 0 ? -e->code : take_slave(ctx->pty_slave, e);
}

int step_take_pty(struct ctx *ctx, struct err *e)
{
    /* Receivers ignore the text, but some have little room for it. */
    static const char name[] = "/dev/ptmx";
    ssize_t n;

    if (ctx->console_sock < 0) {
        /* Now, so that the program finds it and is not told of a change as it starts. */
        relay_copy_size(STDIN_FILENO, STDOUT_FILENO, ctx->pty_master);
        return 0;
    }
    n = sys_send_fd(ctx->console_sock, name, sizeof name - 1, ctx->pty_master);
    if (n < 0)
        return fail(e, (int)n, "send the terminal to the console socket");
    fd_close(&ctx->pty_master);
    fd_close(&ctx->console_sock);
    return 0;
}
