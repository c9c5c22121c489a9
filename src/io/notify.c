/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns NOTIFY_SOCKET: the container gets a socket of its own, in a private folder that is bound at
 * /run/notify, and only readiness is passed on to the caller's (sd_notify(3)).
 */
#include "io/io.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Beyond MOST_QUEUED someone who outlived the container floods us (net.unix.max_dgram_qlen is 10,
 * 512 with systemd). */
enum { LARGEST_MESSAGE = 4096, BARRIER_MS = 30000, MOST_QUEUED = 1024 };

int step_prepare_notify(struct ctx *ctx, struct err *e)
{
    int r = sys_mkdir(ctx->state_dir, "notify", 0755);

    return r < 0 && r != -EEXIST ? fail(e, r, "make the folder of the notify socket") : 0;
}

int step_listen_notify(struct ctx *ctx, struct err *e)
{
    auto_close int dir = sys_open(ctx->state_dir, "notify", O_RDONLY | O_DIRECTORY, 0);
    int r;

    if (dir < 0)
        return fail(e, dir, "open the folder of the notify socket");
    drop(sys_unlink(dir, "notify.sock", 0), "there is none the first time");
    ctx->notify_fd = sys_unix_listen(dir, "notify.sock", SOCK_DGRAM);
    if (ctx->notify_fd < 0)
        return fail(e, ctx->notify_fd, "make the notify socket");
    /* Any user of the container may report. */
    r = fchmodat(dir, "notify.sock", 0777, 0) < 0 ? -errno : 0;
    return r < 0 ? fail(e, r, "open the notify socket to the container") : 0;
}

/* Path and abstract ("@name") forms. */
static int connect_caller(const char *name)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    auto_close int fd = sys_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (n >= sizeof un.sun_path)
        return -ENAMETOOLONG;
    memcpy(un.sun_path, name, n);
    if (un.sun_path[0] == '@')
        un.sun_path[0] = '\0';
    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&un,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
        return -errno;
    return take_fd(&fd);
}

/* The receiver closes its end of the pipe when it has handled all before. Without that wait it
 * could not tell any more who we were. */
static void barrier(int sock)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    if (sys_send_fd(sock, "BARRIER=1", 9, ends[1]) > 0) {
        fd_close(&ends[1]);
        drop(sys_poll_in(ends[0], BARRIER_MS), "a slow manager does not stop the container");
    }
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

/* Whoever stays in the foreground needs no barrier. */
static void tell_ready(const struct ctx *ctx)
{
    const char *name = ctx->plan->req->notify_socket;
    auto_close int sock = connect_caller(name);
    char text[64];
    int n = snprintf(text, sizeof text, "READY=1\nMAINPID=%d", (int)ctx->child);
    ssize_t r = sock < 0 ? sock : sys_send_fd(sock, text, (size_t)n, -1);

    if (r < 0)
        log_warn("tell %s that the container is ready: %s", name, strerror((int)-r));
    else if (ctx->plan->req->detach)
        barrier(sock);
}

static bool says_ready(char *message)
{
    char *rest = message, *line;

    while ((line = strsep(&rest, "\n")))
        if (strcmp(line, "READY=1") == 0)
            return true;
    return false;
}

int notify_forward(struct ctx *ctx)
{
    char message[LARGEST_MESSAGE + 1];
    ssize_t n = sys_recv_fd(ctx->notify_fd, message, LARGEST_MESSAGE, NULL, NULL);

    if (n < 0)
        return (int)n;
    message[n] = '\0';
    if (!says_ready(message))
        return 0;
    tell_ready(ctx);
    return 1;
}

void notify_drain(struct ctx *ctx)
{
    for (unsigned i = 0; i < MOST_QUEUED; i++)
        if (sys_poll_in(ctx->notify_fd, 0) <= 0 || notify_forward(ctx) != 0)
            return;
}

int notify_relay(struct ctx *ctx, struct err *e)
{
    for (;;) {
        struct pollfd p[2] = {
            {.fd = ctx->notify_fd, .events = POLLIN},
            {.fd = ctx->child_pidfd, .events = POLLIN},
        };
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return fail(e, errno, "wait for readiness");
        if (p[0].revents) {
            int r = notify_forward(ctx);
            if (r < 0)
                return fail(e, r, "read from the notify socket");
            if (r > 0)
                return 0;
        } else if (p[1].revents) {
            notify_drain(ctx); /* poll may have looked at the socket before it spoke */
            return 0;
        }
    }
}
