/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the supervision of a hook's process: input, output, deadline, end. Its stdin is filled
 * before it exists, so that a hook that does not read it is no failure and raises no SIGPIPE. What
 * ends the wait is its pidfd: a grandchild that keeps stdout open cannot hold rt up.
 */
#include "hook/program.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_OUTPUT = 2048, SAID_IN_ERROR = 240, LARGEST_DRAIN = 1 << 18 };

enum outcome { ENDED, LATE, INTERRUPTED };

struct watch {
    int out, pidfd, signals;
    pid_t pid;
    char *kept;
    size_t used;
    int64_t begin, deadline; /* us of CLOCK_MONOTONIC; deadline 0: none */
};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- input ---- */

/* A file, for what no pipe can hold (annotations may be of any length). */
static int input_file(const char *text, size_t n)
{
    auto_close int fd = sys_memfd("hook-state", 0);
    int r = fd < 0 ? fd : sys_write_all(fd, text, n);

    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    return r < 0 ? r : take_fd(&fd);
}

/* A descriptor from which the text is read. */
static int open_input(const char *text)
{
    size_t n = strlen(text);
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    if (fcntl(ends[1], F_GETPIPE_SZ) < (int)n && fcntl(ends[1], F_SETPIPE_SZ, (int)n) < (int)n)
        r = input_file(text, n);
    else
        r = sys_write_all(ends[1], text, n);
    fd_close(&ends[1]);
    if (r == 0)
        return ends[0];
    fd_close(&ends[0]);
    return r;
}

/* ---- start ---- */

static int spawn_attributes(posix_spawnattr_t *a)
{
    sigset_t all, none;

    /* sigfillset leaves out the two signals that libc keeps, which posix_spawn then ignores. */
    memset(&all, 0xff, sizeof all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(a, &all);
    posix_spawnattr_setsigmask(a, &none);
    posix_spawnattr_setpgroup(a, 0);
    return posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                           POSIX_SPAWN_SETPGROUP);
}

/* Nothing of rt's descriptors but these three (dup2 of a descriptor onto itself clears CLOEXEC). */
static int spawn_streams(posix_spawn_file_actions_t *f, int in, int out, int err)
{
    int r = posix_spawn_file_actions_adddup2(f, in, STDIN_FILENO);

    if (!r)
        r = posix_spawn_file_actions_adddup2(f, out, STDOUT_FILENO);
    if (!r)
        r = posix_spawn_file_actions_adddup2(f, err, STDERR_FILENO);
    return r ? r : posix_spawn_file_actions_addclosefrom_np(f, 3);
}

static char **vector(const struct oci_strs *s, const char *first, struct arena *a)
{
    char **v = arena_array(a, s->n + 2, sizeof *v);

    for (size_t i = 0; i < s->n; i++)
        v[i] = (char *)(uintptr_t)s->v[i];
    if (!s->n && first)
        v[0] = (char *)(uintptr_t)first;
    return v;
}

/* 0 when the program runs, -errno also when its exec fails. */
static int spawn(const struct program *p, int in, int out, pid_t *pid, struct arena *a)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int r = posix_spawn_file_actions_init(&files);

    if (r)
        return -r;
    r = posix_spawnattr_init(&attributes);
    if (!r)
        r = spawn_attributes(&attributes);
    if (!r)
        r = spawn_streams(&files, in, p->stdout_file >= 0 ? p->stdout_file : out,
                          p->stderr_file >= 0 ? p->stderr_file : out);
    if (!r)
        r = posix_spawn(pid, p->hook->path, &files, &attributes,
                        vector(&p->hook->args, p->hook->path, a), vector(&p->hook->env, NULL, a));
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

static int launch(const struct program *p, struct watch *w, struct arena *a, struct err *e)
{
    auto_close int in = open_input(p->input), out = -1;
    int ends[2], r;

    if (in < 0)
        return fail(e, in, "prepare the input of the hook %s", p->hook->path);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(e, errno, "make a pipe to the hook %s", p->hook->path);
    w->out = ends[0];
    out = ends[1];
    w->begin = now_us();
    r = spawn(p, in, out, &w->pid, a);
    if (r < 0)
        return fail(e, r, "run the hook %s", p->hook->path);
    w->pidfd = sys_pidfd_open(w->pid);
    if (w->pidfd < 0) {
        kill(-w->pid, SIGKILL);
        drop(sys_wait_pid(w->pid, NULL, 0), "it was ours");
        return fail(e, w->pidfd, "watch the hook %s", p->hook->path);
    }
    drop(fcntl(w->out, F_SETFL, O_NONBLOCK), "poll says when to read");
    return 0;
}

/* ---- the watch ---- */

/* Keeps the end of the output: that is where the reason stands. Bytes read, 0 when there are no
 * more for now. */
static size_t keep(struct watch *w)
{
    char piece[1024];
    ssize_t n = read(w->out, piece, sizeof piece);
    size_t got = n > 0 ? (size_t)n : 0, cut;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        fd_close(&w->out);
    cut = w->used + got > KEPT_OUTPUT ? w->used + got - KEPT_OUTPUT : 0;
    if (cut)
        memmove(w->kept, w->kept + cut, w->used - cut);
    w->used -= cut;
    memcpy(w->kept + w->used, piece, got);
    w->used += got;
    return got;
}

/* For poll, rounded up so that it does not spin through the last millisecond. */
static int time_left_ms(const struct watch *w)
{
    int64_t left = w->deadline - now_us();

    if (!w->deadline)
        return -1;
    return left <= 0 ? 0 : left > 1000000000 ? 1000000 : (int)((left + 999) / 1000);
}

/* In the foreground signals are blocked, for the container: without one to end they end the hook.
 */
static int open_signals(void)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGQUIT);
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool is_interrupted(const struct watch *w)
{
    struct signalfd_siginfo s;

    return sys_read(w->signals, &s, sizeof s) == sizeof s;
}

static enum outcome watch_process(struct watch *w)
{
    for (;;) {
        struct pollfd p[3] = {
            {.fd = w->pidfd, .events = POLLIN},
            {.fd = w->out, .events = POLLIN},
            {.fd = w->signals, .events = POLLIN},
        };
        int n = poll(p, 3, time_left_ms(w));

        if (n > 0 && p[0].revents)
            return ENDED;
        if (n > 0 && p[1].revents)
            keep(w);
        if (n > 0 && p[2].revents && is_interrupted(w))
            return INTERRUPTED;
        if (w->deadline && now_us() >= w->deadline)
            return LATE;
    }
}

/* What is in the pipe when the process has ended; others may go on writing. */
static void drain(struct watch *w)
{
    size_t total = 0, got = 1;

    while (w->out >= 0 && got && total < LARGEST_DRAIN)
        total += got = keep(w);
}

/* One line, without what could steer a terminal. */
static void flatten(char *s, size_t n)
{
    while (n && (s[n - 1] == '\n' || s[n - 1] == ' '))
        n--;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 127)
            s[i] = ' ';
    s[n] = '\0';
}

static int verdict(const struct program *p, int status, enum outcome how, struct err *e)
{
    const char *path = p->hook->path, *said = p->output;
    size_t n = strlen(said);
    const char *colon = n ? ": " : "";

    if (n > SAID_IN_ERROR)
        said += n - SAID_IN_ERROR;
    if (how == INTERRUPTED)
        return refuse(e, EINTR, "interrupted while the hook %s ran%s%s", path, colon, said);
    if (how == LATE)
        return refuse(e, ETIMEDOUT, "the hook %s did not end within %lld s%s%s", path,
                      (long long)p->hook->timeout, colon, said);
    if (WIFSIGNALED(status))
        return refuse(e, EIO, "the hook %s was killed by signal %d (%s)%s%s", path,
                      WTERMSIG(status), strsignal(WTERMSIG(status)), colon, said);
    if (WEXITSTATUS(status))
        return refuse(e, EIO, "the hook %s failed with status %d%s%s", path, WEXITSTATUS(status),
                      colon, said);
    return 0;
}

static int64_t deadline_of(const struct oci_hook *h, int64_t begin)
{
    if (!HAS(h, hook, timeout) || h->timeout > INT32_MAX)
        return 0; /* none, or beyond the life of this machine */
    return begin + h->timeout * 1000000;
}

static int supervise(struct program *p, struct watch *w, struct err *e)
{
    enum outcome how;
    int status = 0, r;

    w->deadline = deadline_of(p->hook, w->begin);
    w->signals = open_signals();
    how = watch_process(w);
    fd_close(&w->signals);
    if (how != ENDED)
        kill(-w->pid, SIGKILL);
    r = sys_wait_pidfd(w->pidfd, &status);
    p->ms = (double)(now_us() - w->begin) / 1000;
    drain(w);
    flatten(w->kept, w->used);
    p->output = w->kept;
    return r < 0 ? fail(e, r, "wait for the hook %s", p->hook->path) : verdict(p, status, how, e);
}

int program_run(struct program *p, struct arena *a, struct err *e)
{
    struct watch w = {.out = -1, .pidfd = -1, .signals = -1};
    int r;

    w.kept = arena_alloc(a, KEPT_OUTPUT + 1);
    p->output = w.kept;
    r = launch(p, &w, a, e);
    if (r == 0)
        r = supervise(p, &w, e);
    fd_close(&w.out);
    fd_close(&w.pidfd);
    return r;
}
