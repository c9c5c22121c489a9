/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the supervision of a hook's process: input, output, deadline, end. One poll loop watches
 * its pidfd and its pipes, so that neither a hook that ignores stdin nor a grandchild that keeps
 * stdout open can hold rt up.
 */
#include "hook/program.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_OUTPUT = 2048 };

struct watch {
    int in, out, pidfd;
    pid_t pid;
    const char *input;
    size_t left;
    char *kept;
    size_t used;
    int64_t deadline; /* ms of CLOCK_MONOTONIC, 0: none */
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the child ---- */

static void output_to(const char *file, int pipe_end, int target)
{
    int fd =
        file ? sys_open(AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0600) : pipe_end;

    if (fd < 0 || sys_dup_onto(fd, target) < 0)
        _exit(127);
}

static void reset_signals(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The report pipe closes by exec; before that it carries the errno of a failed one. */
static void become_hook(const struct program *p, char *const argv[], char *const envp[], int in,
                        int out, int report)
{
    int r;

    setpgid(0, 0);
    reset_signals();
    if (sys_dup_onto(in, STDIN_FILENO) < 0)
        _exit(127);
    output_to(p->stdout_file, out, STDOUT_FILENO);
    output_to(p->stderr_file, out, STDERR_FILENO);
    /* CLOEXEC, not closed: the report must stay until exec has worked. */
    drop(sys_close_range(3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */), "our own are CLOEXEC anyhow");
    r = sys_execveat(AT_FDCWD, p->hook->path, argv, envp, 0);
    drop(sys_write(report, &r, sizeof r), "the parent then sees status 127");
    _exit(127);
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

static int make_pipe(int ends[2], struct err *e)
{
    return pipe2(ends, O_CLOEXEC) < 0 ? fail(e, errno, "make a pipe to a hook") : 0;
}

/* 0 when the program runs. */
static int launch(struct program *p, struct watch *w, struct arena *a, struct err *e)
{
    char **argv = vector(&p->hook->args, p->hook->path, a);
    char **envp = vector(&p->hook->env, NULL, a);
    struct sys_clone clone = {.cgroup = -1, .exit_signal = SIGCHLD};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, report[2] = {-1, -1}, why = 0;

    if (make_pipe(in, e) < 0 || make_pipe(out, e) < 0 || make_pipe(report, e) < 0)
        return -e->code;
    w->pid = sys_clone3(&clone, &w->pidfd);
    if (w->pid == 0)
        become_hook(p, argv, envp, in[0], out[1], report[1]);
    fd_close(&in[0]);
    fd_close(&out[1]);
    fd_close(&report[1]);
    w->in = in[1];
    w->out = out[0];
    if (w->pid < 0) {
        fd_close(&report[0]);
        return fail(e, w->pid, "fork for the hook %s", p->hook->path);
    }
    if (sys_read(report[0], &why, sizeof why) != sizeof why)
        why = 0;
    fd_close(&report[0]);
    return why < 0 ? fail(e, why, "run the hook %s", p->hook->path) : 0;
}

/* ---- the watch ---- */

static void feed(struct watch *w)
{
    ssize_t n = write(w->in, w->input, w->left);

    if (n > 0) {
        w->input += n;
        w->left -= (size_t)n;
    }
    /* A hook that does not read its stdin is no failure. */
    if (!w->left || (n < 0 && errno != EAGAIN && errno != EINTR))
        fd_close(&w->in);
}

/* Keeps the end of the output: that is where the reason stands. */
static void keep(struct watch *w)
{
    char piece[1024];
    ssize_t n = read(w->out, piece, sizeof piece);

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            fd_close(&w->out);
        return;
    }
    if (w->used + (size_t)n > KEPT_OUTPUT) {
        size_t cut = w->used + (size_t)n - KEPT_OUTPUT;
        memmove(w->kept, w->kept + cut, w->used - cut);
        w->used -= cut;
    }
    memcpy(w->kept + w->used, piece, (size_t)n);
    w->used += (size_t)n;
    w->kept[w->used] = '\0';
}

static int time_left(const struct watch *w)
{
    int64_t left = w->deadline ? w->deadline - now_ms() : -1;

    return !w->deadline ? -1 : left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

/* Until the process has ended: true; the deadline has passed: false. */
static bool watch_process(struct watch *w)
{
    for (;;) {
        struct pollfd p[3] = {
            {.fd = w->pidfd, .events = POLLIN},
            {.fd = w->out, .events = POLLIN},
            {.fd = w->in, .events = POLLOUT},
        };
        int n = poll(p, 3, time_left(w));

        if (n == 0 && w->deadline && now_ms() >= w->deadline)
            return false;
        if (n <= 0)
            continue;
        if (p[2].revents)
            feed(w);
        if (p[1].revents)
            keep(w);
        if (p[0].revents)
            return true;
    }
}

/* What is in the pipe when the process has ended; grandchildren may hold it open for longer. */
static void drain(struct watch *w)
{
    size_t before;

    do {
        before = w->used;
        if (w->out >= 0 && sys_poll_in(w->out, 0) == 1)
            keep(w);
    } while (w->out >= 0 && w->used != before);
}

static void flatten(char *s)
{
    for (size_t n = strlen(s); n && (s[n - 1] == '\n' || s[n - 1] == ' '); n--)
        s[n - 1] = '\0';
    for (; *s; s++)
        if (*s == '\n')
            *s = ' ';
}

static int verdict(const struct program *p, const struct watch *w, int status, bool in_time,
                   struct err *e)
{
    const char *said = w->used ? w->kept : "";

    if (!in_time)
        return refuse(e, ETIMEDOUT, "the hook %s did not end within %lld s%s%.200s", p->hook->path,
                      (long long)p->hook->timeout, said[0] ? ": " : "", said);
    if (WIFSIGNALED(status))
        return refuse(e, EIO, "the hook %s was killed by signal %d%s%.200s", p->hook->path,
                      WTERMSIG(status), said[0] ? ": " : "", said);
    if (WEXITSTATUS(status))
        return refuse(e, EIO, "the hook %s failed with status %d%s%.200s", p->hook->path,
                      WEXITSTATUS(status), said[0] ? ": " : "", said);
    return 0;
}

int program_run(struct program *p, struct arena *a, struct err *e)
{
    struct watch w = {.in = -1, .out = -1, .pidfd = -1, .input = p->input};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    int status = 0, r;
    bool in_time = true;

    w.left = strlen(p->input);
    w.kept = arena_alloc(a, KEPT_OUTPUT + 1);
    if (HAS(p->hook, hook, timeout))
        w.deadline = now_ms() + p->hook->timeout * 1000;
    sigaction(SIGPIPE, &ignore, &before);
    r = launch(p, &w, a, e);
    if (r == 0) {
        drop(fcntl(w.in, F_SETFL, O_NONBLOCK), "it would only block longer");
        in_time = watch_process(&w);
        if (!in_time)
            kill(-w.pid, SIGKILL);
    }
    if (w.pidfd >= 0 && sys_wait_pidfd(w.pidfd, &status) == 0 && r == 0) {
        drain(&w);
        flatten(w.kept);
        p->output = w.kept;
        r = verdict(p, &w, status, in_time, e);
    }
    fd_close(&w.in);
    fd_close(&w.out);
    fd_close(&w.pidfd);
    sigaction(SIGPIPE, &before, NULL);
    return r;
}
