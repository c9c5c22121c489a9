/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the time between start and end of a container in the foreground: one poll loop over the
 * signals, the terminal and the notify socket. The end of a child is a signal like the others.
 * poll and not epoll: the descriptors are few, and stdin may be a file, which epoll refuses.
 */
#include "io/io.h"

#include "base/fd.h"
#include "base/log.h"
#include "io/relay.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct foreground {
    struct ctx *ctx;
    int signals;
    bool ended, impatient;
    int status;
    struct relay relay;
};

int foreground_prepare(struct err *e)
{
    sigset_t all;

    sigfillset(&all);
    return sigprocmask(SIG_BLOCK, &all, NULL) < 0 ? fail(e, errno, "block signals") : 0;
}

/* ---- signals ---- */

static bool is_for_container(const struct foreground *f, const struct signalfd_siginfo *s)
{
    switch (s->ssi_signo) {
    case SIGCHLD:
    case SIGURG:
        return false;
    case SIGWINCH: /* with a terminal of its own the resizing raises it inside */
        return f->relay.master < 0;
    case SIGPIPE: /* unless it is of our own write to a reader that is gone */
        return s->ssi_pid != (uint32_t)getpid();
    default:
        return true;
    }
}

static bool asks_for_end(uint32_t signal)
{
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

/* Orphans of the container come to us, as its subreaper. */
static void collect(struct foreground *f)
{
    int status, pid;

    while ((pid = sys_wait_pid(-1, &status, WNOHANG)) > 0)
        if (pid == f->ctx->child) {
            f->status = status;
            f->ended = true;
        }
}

static void take_signal(struct foreground *f)
{
    struct signalfd_siginfo s;

    if (sys_read(f->signals, &s, sizeof s) != sizeof s)
        return;
    if (s.ssi_signo == SIGWINCH)
        relay_resize(&f->relay);
    if (s.ssi_signo == SIGCONT)
        relay_continue(&f->relay);
    if (s.ssi_signo == SIGCHLD)
        collect(f);
    if (!is_for_container(f, &s))
        return;
    if (f->ended)
        f->impatient |= asks_for_end(s.ssi_signo);
    else
        drop(sys_pidfd_signal(f->ctx->child_pidfd, (int)s.ssi_signo), "it has ended already");
}

/* ---- the loop ---- */

/* When the container has ended, what its terminal still holds is the caller's to read. */
static bool goes_on(struct foreground *f)
{
    if (!f->ended)
        return true;
    return !f->impatient && relay_has_more(&f->relay);
}

static void hang_up(struct foreground *f)
{
    relay_end(&f->relay);
    relay_begin(&f->relay, -1, -1, -1);
    fd_close(&f->ctx->pty_master);
}

static void turn(struct foreground *f)
{
    struct pollfd p[2 + RELAY_FDS] = {
        {.fd = f->signals, .events = POLLIN},
        {.fd = f->ctx->notify_fd, .events = POLLIN},
    };

    relay_wants(&f->relay, f->ended, p + 2);
    if (poll(p, 2 + RELAY_FDS, relay_patience(&f->relay)) < 0)
        return;
    if (p[0].revents)
        take_signal(f);
    if (p[1].revents)
        drop(notify_forward(f->ctx), "readiness is optional in the foreground");
    relay_turn(&f->relay, p + 2);
    if (f->relay.hung_up)
        hang_up(f);
}

static int open_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int foreground_wait(struct ctx *ctx, int *exit_code, struct err *e)
{
    struct foreground *f = arena_new(ctx->arena, struct foreground);

    f->ctx = ctx;
    f->signals = open_signals();
    if (f->signals < 0)
        return fail(e, errno, "wait for signals");
    relay_begin(&f->relay, STDIN_FILENO, STDOUT_FILENO, ctx->pty_master);
    collect(f); /* its end may have been told before we listened */
    while (goes_on(f))
        turn(f);
    notify_drain(ctx);
    relay_end(&f->relay);
    fd_close(&f->signals);
    *exit_code = WIFSIGNALED(f->status) ? 128 + WTERMSIG(f->status) : WEXITSTATUS(f->status);
    return 0;
}
