/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bytes between the caller and the container's terminal, and the caller's terminal mode.
 */
#include "io/relay.h"

#include "base/fd.h"
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A writable pipe takes PIPE_BUF bytes without blocking; the caller's stdout may be shared with
 * others, so it is not made non-blocking. */
enum { WRITE_AT_ONCE = 4096, LARGEST_DRAIN = 1 << 20, LOOK_AGAIN_MS = 100 };

/* ---- the caller's terminal ---- */

/* Only in the foreground: from the background we would change the mode under another program. */
static void make_raw(struct relay *r)
{
    struct termios before;

    if (r->master < 0 || !sys_tty_is_ours(r->tty))
        return;
    if (sys_tty_raw(r->tty, &before) < 0)
        return;
    if (!r->raw)
        r->was = before;
    r->raw = true;
}

void relay_copy_size(int in, int out, int master)
{
    int tty = sys_tty_is_terminal(in) ? in : out;

    if (master >= 0)
        drop(sys_tty_copy_size(tty, master), "the old size stays");
}

void relay_resize(struct relay *r)
{
    relay_copy_size(r->tty, r->out.to, r->master);
}

void relay_continue(struct relay *r)
{
    make_raw(r);
    relay_resize(r);
}

void relay_begin(struct relay *r, int in, int out, int master)
{
    r->tty = in;
    r->master = r->in.to = r->out.from = master;
    r->in.from = master < 0 ? -1 : in;
    r->out.to = master < 0 ? -1 : out;
    r->in.at = r->in.end = r->out.at = r->out.end = r->drained = 0;
    r->raw = r->hung_up = r->over = r->shut = false;
    if (master < 0)
        return;
    drop(fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK), "writes then block for a moment");
    make_raw(r);
    relay_resize(r);
}

void relay_end(struct relay *r)
{
    if (r->raw && sys_tty_is_ours(r->tty))
        drop(sys_tty_restore(r->tty, &r->was), "the terminal is gone then");
    r->raw = false;
}

/* Reading from the background stops a program and all of its pipeline, until the shell lets it go
 * on. The kernel would do it to us, were the signal not blocked. False: nobody would let us go on,
 * or SIGTTIN is ignored. */
static bool stop_for_input(void)
{
    sigset_t ttin, pending;

    sigemptyset(&ttin);
    sigaddset(&ttin, SIGTTIN);
    kill(0, SIGTTIN);
    sigprocmask(SIG_UNBLOCK, &ttin, NULL);
    sigprocmask(SIG_BLOCK, &ttin, NULL);
    /* Whoever let us go on sent SIGCONT, which is blocked. */
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT);
}

/* ---- bytes ---- */

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EINTR;
}

static bool holds(const struct stream *s)
{
    return s->at < s->end;
}

/* Bytes read. A master whose slaves are all closed says EIO. */
static size_t read_some(struct stream *s)
{
    ssize_t n = read(s->from, s->buf, sizeof s->buf);

    s->at = 0;
    s->end = n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && !is_temporary(errno)))
        s->from = -1;
    return s->end;
}

static void read_input(struct relay *r)
{
    bool behind = sys_tty_is_terminal(r->tty) && !sys_tty_is_ours(r->tty);

    read_some(&r->in);
    if (r->in.from < 0 && behind && stop_for_input())
        r->in.from = r->tty;
}

static void write_some(struct stream *s)
{
    size_t left = s->end - s->at;
    ssize_t n = write(s->to, s->buf + s->at, left > WRITE_AT_ONCE ? WRITE_AT_ONCE : left);

    if (n > 0)
        s->at += (size_t)n;
    else if (n < 0 && !is_temporary(errno))
        s->to = -1;
}

void relay_wants(struct relay *r, bool over, struct pollfd *p)
{
    bool shut = r->shut && !over;
    bool feed = holds(&r->in) && r->in.to >= 0 && !over && !shut;
    bool fetch = !holds(&r->out) && r->out.from >= 0 && r->out.to >= 0 && !shut;

    r->over = over;
    p[0] = (struct pollfd){.fd = holds(&r->in) || over ? -1 : r->in.from, .events = POLLIN};
    p[1] = (struct pollfd){.fd = holds(&r->out) ? r->out.to : -1, .events = POLLOUT};
    p[2] = (struct pollfd){.fd = feed || fetch ? r->master : -1,
                           .events = (short)((feed ? POLLOUT : 0) | (fetch ? POLLIN : 0))};
}

/* Nobody tells when a terminal that is shut is opened again, and poll would not wait for it. */
int relay_patience(const struct relay *r)
{
    return r->shut && !r->over ? LOOK_AGAIN_MS : -1;
}

void relay_turn(struct relay *r, const struct pollfd *p)
{
    const short broken = POLLERR | POLLHUP | POLLNVAL;
    size_t n = 0;

    r->shut = false;
    if (p[0].revents)
        read_input(r);
    if (p[1].revents)
        write_some(&r->out);
    if (p[2].events & POLLOUT && p[2].revents & (POLLOUT | broken))
        write_some(&r->in);
    if (p[2].events & POLLIN && p[2].revents & (POLLIN | broken))
        n = read_some(&r->out);
    /* A program may close the terminal and open it again, as an init does with /dev/console. */
    if (r->master >= 0 && r->out.from < 0 && !r->over) {
        r->out.from = r->master;
        r->shut = true;
    }
    r->drained += r->over ? n : 0;
    /* As when the window of a terminal is closed: its session gets SIGHUP. */
    r->hung_up = r->master >= 0 && r->out.to < 0;
}

bool relay_has_more(struct relay *r)
{
    struct pollfd p = {.fd = r->out.from, .events = POLLIN};

    if (r->master < 0 || r->out.to < 0)
        return false;
    if (holds(&r->out))
        return true;
    return p.fd >= 0 && r->drained < LARGEST_DRAIN && poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}
