/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/io/notify.c and console.c: sockets of the test play the engine and the manager. */
#include "base/fd.h"
#include "base/log.h"
#include "io/io.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/rt-notify-XXXXXX";
static struct arena arena;
static struct err e;

struct fixture {
    struct ctx ctx;
    struct plan plan;
    struct request req;
    struct oci_config cfg;
    struct oci_process process;
    char manager_name[128];
    int manager; /* socket of the manager, or -1 */
};

static void make(struct fixture *t)
{
    *t = (struct fixture){.manager = -1};
    t->req = (struct request){.kind = KIND_RUN, .id = "c", .root = dir};
    t->cfg.process = &t->process;
    t->plan = (struct plan){.req = &t->req, .cfg = &t->cfg, .process.cfg = &t->process};
    t->ctx = (struct ctx){.plan = &t->plan,
                          .arena = &arena,
                          .state_dir = sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0),
                          .notify_fd = -1,
                          .child_pidfd = -1,
                          .console_sock = -1,
                          .pty_master = -1,
                          .child = 4711};
    e = (struct err){0};
}

static void unmake(struct fixture *t)
{
    fd_close(&t->ctx.state_dir);
    fd_close(&t->ctx.notify_fd);
    fd_close(&t->ctx.child_pidfd);
    fd_close(&t->manager);
}

/* Bind the manager's socket, by path or, with a leading @, in the abstract space. */
static void manage(struct fixture *t, const char *name)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    snprintf(t->manager_name, sizeof t->manager_name, "%s", name);
    t->req.notify_socket = t->manager_name;
    memcpy(un.sun_path, name, strlen(name));
    if (name[0] == '@')
        un.sun_path[0] = '\0';
    t->manager = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(t->manager, (void *)&un,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) < 0)
        perror("bind");
}

static const char *heard(const struct fixture *t, int *fd)
{
    static char text[4096];
    ssize_t n = sys_poll_in(t->manager, 0) == 1
                    ? sys_recv_fd(t->manager, text, sizeof text - 1, fd, NULL)
                    : 0;

    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* As a program inside: any user may write to the socket. */
static void report(const char *text)
{
    char path[128];
    int sock;

    snprintf(path, sizeof path, "%s/notify/notify.sock", dir);
    sock = sys_unix_connect(AT_FDCWD, path, SOCK_DGRAM);
    if (sock < 0 || sys_send_fd(sock, text, strlen(text), -1) < 0)
        printf("# cannot report: %s\n", strerror(errno));
    fd_close(&sock);
}

static void listen_there(struct fixture *t)
{
    struct stat st;

    is_int(step_prepare_notify(&t->ctx, &e), 0, "the folder is made");
    is_int(step_listen_notify(&t->ctx, &e), 0, "the socket is made");
    is_int(sys_stat(t->ctx.state_dir, "notify/notify.sock", &st, 0), 0, "it is in the folder");
    is_int(st.st_mode & 0777, 0777, "open to all");
}

static void forwarding(void)
{
    struct fixture t;
    char path[64];

    make(&t);
    snprintf(path, sizeof path, "%s/manager", dir);
    manage(&t, path);
    listen_there(&t);
    report("STATUS=almost\nX_READY=1");
    is_int(notify_forward(&t.ctx), 0, "another word is not readiness");
    is_str(heard(&t, NULL), "", "and not passed on");
    report("STATUS=done\nREADY=1\nMAINPID=1");
    is_int(notify_forward(&t.ctx), 1, "READY=1 is, among others");
    is_str(heard(&t, NULL), "READY=1\nMAINPID=4711", "it is passed on with the pid of the host");
    unmake(&t);
    unlink(path);
}

static void again(void)
{
    struct fixture t;

    make(&t);
    t.req.notify_socket = "/nonexistent/manager";
    listen_there(&t);
    report("READY=1");
    log_to(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_SINK_STREAM, NULL);
    is_int(notify_forward(&t.ctx), 1, "a manager that is gone is no failure");
    log_to(-1, LOG_SINK_STREAM, NULL);
    unmake(&t);
}

/* A child that lives until it is killed. */
static pid_t child(struct fixture *t)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            pause();
    t->ctx.child = pid;
    t->ctx.child_pidfd = sys_pidfd_open(pid);
    return pid;
}

static void detached(void)
{
    struct fixture t;
    char name[64], want[64];
    pid_t pid, manager;
    int status = -1;

    make(&t);
    t.req.detach = true;
    snprintf(name, sizeof name, "@rt-unit-%d", (int)getpid());
    manage(&t, name);
    listen_there(&t);
    pid = child(&t);
    manager = fork();
    if (manager == 0) {
        int fd = -1;
        alarm(20);
        snprintf(want, sizeof want, "READY=1\nMAINPID=%d", (int)pid);
        sys_poll_in(t.manager, -1);
        if (strcmp(heard(&t, NULL), want) != 0)
            _exit(1);
        sys_poll_in(t.manager, -1);
        if (strcmp(heard(&t, &fd), "BARRIER=1") != 0 || fd < 0)
            _exit(2);
        _exit(0); /* closes the barrier */
    }
    report("READY=1");
    is_int(notify_relay(&t.ctx, &e), 0, "detached, readiness is awaited");
    waitpid(manager, &status, 0);
    is_int(WEXITSTATUS(status), 0, "and a barrier after it, at an abstract name");
    kill(pid, SIGKILL);
    report("STATUS=last words");
    is_int(notify_relay(&t.ctx, &e), 0, "a death ends the wait");
    is_str(heard(&t, NULL), "", "without a message");
    waitpid(pid, NULL, 0);
    unmake(&t);
}

static int rule(bool terminal, const char *socket, enum kind kind, bool detach)
{
    struct fixture t;
    int r;

    make(&t);
    t.process.terminal = terminal;
    t.req.console_socket = socket;
    t.req.kind = kind;
    t.req.detach = detach;
    r = io_plan(&t.plan, &arena, &e);
    unmake(&t);
    return r;
}

static void rules(void)
{
    struct fixture t;

    is_int(rule(false, NULL, KIND_CREATE, false), 0, "create without a terminal");
    is_int(rule(true, "/s", KIND_CREATE, false), 0, "create with a terminal and a socket");
    is_int(rule(true, NULL, KIND_CREATE, false), -EINVAL, "a terminal needs a socket in create");
    is_int(rule(true, NULL, KIND_RUN, true), -EINVAL, "and in a detached run");
    is_int(rule(true, NULL, KIND_RUN, false), 0, "but not in the foreground");
    is_int(rule(true, "/s", KIND_RUN, false), -EINVAL, "where it makes no sense");
    is_int(rule(false, "/s", KIND_RUN, true), -EINVAL, "nor without a terminal");
    is_int(rule(true, NULL, KIND_START, true), 0, "start has nothing to do with it");
    make(&t);
    t.req.notify_socket = "@x";
    is_int(io_plan(&t.plan, &arena, &e), 0, "with NOTIFY_SOCKET");
    ok(t.plan.notify_dir && strstr(t.plan.notify_dir, "/c/notify"), "a private folder is planned");
    unmake(&t);
}

static void console(void)
{
    struct fixture t;
    char folder[192], path[256], text[64], byte = 0;
    int listener, conn, fd = -1, ends[2];
    ssize_t n;

    /* Longer than an address of a socket can be. */
    snprintf(folder, sizeof folder, "%s/%0120d", dir, 0);
    snprintf(path, sizeof path, "%s/console", folder);
    mkdir(folder, 0700);
    listener = sys_unix_listen(AT_FDCWD, path, SOCK_STREAM);
    make(&t);
    t.req.console_socket = path;
    is_int(step_open_console_socket(&t.ctx, &e), 0, "a long path is connected to");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    t.ctx.pty_master = ends[1];
    is_int(step_take_pty(&t.ctx, &e), 0, "the terminal is sent");
    ok(t.ctx.pty_master == -1 && t.ctx.console_sock == -1, "and given up");
    conn = sys_accept(listener);
    n = sys_recv_fd(conn, text, sizeof text, &fd, NULL);
    ok(n > 0 && n < 16, "with a short text");
    ok(fd >= 0 && write(fd, "x", 1) == 1 && read(ends[0], &byte, 1) == 1, "it is the one");
    is_int(read(conn, text, 1), 0, "in one message, then the connection ends");
    fd_close(&fd);
    fd_close(&conn);
    fd_close(&listener);
    fd_close(&ends[0]);
    unlink(path);
    rmdir(folder);
    is_int(step_open_console_socket(&t.ctx, &e), -ENOENT, "a wrong path is an error");
    ok(strstr(e.text, path) != NULL, "that names it");
    t.ctx.pty_master = 77;
    is_int(step_take_pty(&t.ctx, &e), 0, "without a socket");
    is_int(t.ctx.pty_master, 77, "it is kept for the relay");
    unmake(&t);
}

static int streams_of(int closed)
{
    int status = -1;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        signal(SIGCHLD, SIG_IGN);
        for (int fd = 0; fd < 3; fd++)
            if (closed & 1 << fd)
                close(fd);
        if (io_guard_streams(&e) < 0)
            _exit(1);
        for (int fd = 0; fd < 3; fd++)
            if (fcntl(fd, F_GETFD) != 0)
                _exit(2);
        pid = fork();
        if (pid == 0)
            _exit(0);
        _exit(waitpid(pid, NULL, 0) == pid ? 0 : 3);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static void clean_up(void)
{
    char path[64];

    snprintf(path, sizeof path, "%s/notify/notify.sock", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/notify", dir);
    rmdir(path);
    is_int(rmdir(dir), 0, "nothing else is left");
    arena_free(&arena);
}

int main(void)
{
    int probe = sys_pidfd_open(getpid());

    if (!mkdtemp(dir))
        return 1;
    rules();
    console();
    forwarding();
    again();
    if (probe >= 0)
        detached();
    else
        skip("readiness when detached", "no pidfd_open here, as in old versions of valgrind");
    fd_close(&probe);
    for (int closed = 0; closed < 8; closed++)
        is_int(streams_of(closed), 0, "standard streams are open, ends of children are told");
    clean_up();
    return done_testing();
}
