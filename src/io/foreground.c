/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the time between start and end of a container in the foreground: one poll loop over the
 * signals, the process, the terminal and the notify socket. Memory is two buffers; a side that
 * does not read stops the other from being read.
 */
#include "io/io.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A writable pipe takes PIPE_BUF bytes without blocking; the caller's stdout may be shared with
 * others, so it is not made non-blocking. */
enum { BUFFER = 65536, WRITE_AT_ONCE = 4096 };

struct stream {
    int from, to;
    size_t at, end; /* bytes waiting: buf[at..end) */
    bool eof;
    char buf[BUFFER];
};

struct foreground {
    struct ctx *ctx;
    int signals;
    bool ended;
    int status;
    bool terminal, raw;
    struct termios before;
    struct stream in, out; /* caller to container, container to caller */
};

int foreground_prepare(struct err *e)
{
    sigset_t all;

    sigfillset(&all);
    return sigprocmask(SIG_BLOCK, &all, NULL) < 0 ? fail(e, errno, "block signals") : 0;
}

/* ---- the relay ---- */

static bool wants_read(const struct stream *s)
{
    return !s->eof && s->from >= 0 && s->at == s->end;
}

static bool wants_write(const struct stream *s)
{
    return s->to >= 0 && s->at < s->end;
}

static void read_some(struct stream *s)
{
    ssize_t n = read(s->from, s->buf, sizeof s->buf);

    if (n > 0) {
        s->at = 0;
        s->end = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        s->eof = true; /* a master without slaves says EIO */
    }
}

static void write_some(struct stream *s)
{
    size_t left = s->end - s->at;
    ssize_t n = write(s->to, s->buf + s->at, left > WRITE_AT_ONCE ? WRITE_AT_ONCE : left);

    if (n > 0)
        s->at += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        s->at = s->end = 0, s->to = -1; /* the reader is gone: the container hears of it by EPIPE */
}

static void start_relay(struct foreground *f)
{
    int master = f->ctx->pty_master;

    f->in.from = f->out.from = f->in.to = f->out.to = -1;
    f->terminal = master >= 0;
    if (!f->terminal)
        return;
    f->in.from = STDIN_FILENO;
    f->in.to = master;
    f->out.from = master;
    f->out.to = STDOUT_FILENO;
    drop(fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK), "writes then block for a moment");
    drop(sys_tty_copy_size(STDIN_FILENO, master), "the size of config.json stays");
    f->raw = sys_tty_raw(STDIN_FILENO, &f->before) == 0;
}

static void end_relay(struct foreground *f)
{
    if (f->raw)
        drop(sys_tty_restore(STDIN_FILENO, &f->before), "the terminal is gone then");
    f->raw = false;
}

/* ---- signals ---- */

static bool is_for_container(const struct foreground *f, const struct signalfd_siginfo *s)
{
    if (s->ssi_signo == SIGCHLD || s->ssi_signo == SIGURG)
        return false;
    if (s->ssi_signo == SIGPIPE && s->ssi_code != SI_USER)
        return false; /* our own write to a reader that is gone */
    return !(s->ssi_signo == SIGWINCH && f->terminal);
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
    if (s.ssi_signo == SIGWINCH && f->terminal)
        drop(sys_tty_copy_size(STDIN_FILENO, f->ctx->pty_master), "the old size stays");
    if (s.ssi_signo == SIGCHLD)
        collect(f);
    if (is_for_container(f, &s))
        drop(sys_pidfd_signal(f->ctx->child_pidfd, (int)s.ssi_signo), "it has ended already");
}

/* ---- the loop ---- */

static bool has_more(const struct foreground *f)
{
    if (!f->ended)
        return true;
    /* What the terminal still holds is the caller's to read. */
    return f->terminal && f->out.to >= 0 && (!f->out.eof || wants_write(&f->out));
}

static void turn(struct foreground *f)
{
    int master = f->ctx->pty_master;
    bool feed = wants_write(&f->in), fetch = wants_read(&f->out);
    struct pollfd p[5] = {
        {.fd = f->signals, .events = POLLIN},
        {.fd = wants_read(&f->in) && !f->ended ? f->in.from : -1, .events = POLLIN},
        {.fd = wants_write(&f->out) ? f->out.to : -1, .events = POLLOUT},
        {.fd = feed || fetch ? master : -1,
         .events = (short)((feed ? POLLOUT : 0) | (fetch ? POLLIN : 0))},
        {.fd = f->ctx->notify_fd, .events = POLLIN},
    };

    if (poll(p, 5, -1) < 0)
        return;
    if (p[0].revents)
        take_signal(f);
    if (p[1].revents)
        read_some(&f->in);
    if (p[2].revents)
        write_some(&f->out);
    if (feed && (p[3].revents & (POLLOUT | POLLERR | POLLHUP)))
        write_some(&f->in);
    if (fetch && (p[3].revents & (POLLIN | POLLERR | POLLHUP)))
        read_some(&f->out);
    if (p[4].revents)
        drop(notify_forward(f->ctx), "readiness is optional in the foreground");
}

static int open_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int foreground_wait(struct ctx *ctx, int *exit_code, struct err *e)
{
    static struct foreground f;

    f.ctx = ctx;
    f.signals = open_signals();
    if (f.signals < 0)
        return fail(e, errno, "wait for signals");
    start_relay(&f);
    collect(&f);
    while (has_more(&f))
        turn(&f);
    end_relay(&f);
    fd_close(&f.signals);
    *exit_code = WIFSIGNALED(f.status) ? 128 + WTERMSIG(f.status) : WEXITSTATUS(f.status);
    return 0;
}
