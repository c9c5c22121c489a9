/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the way of a notify descriptor from init to whoever listens at /linux/seccomp/listenerPath
 * (runtime-spec config-linux.md, "The Container Process State"; seccomp_unotify(2)).
 *
 * Once the filter holds init, any of its calls may be one that waits for the listener, also the
 * one by which it would pass the descriptor on. So init only leaves the number in shared memory,
 * and the host takes the descriptor out of it (pidfd_getfd(2)); where it may not, it gets the
 * descriptor from a helper that init made before (seccomp_load.c).
 */
#include "sec/sec.h"

#include "base/fd.h"
#include "base/str.h"
#include "core/wire.h"
#include "schema.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/socket.h>

enum { LOOK_EVERY_MS = 1 };

/* Its reason, if it left one, is the one to report. */
static int no_descriptor(const struct ctx *ctx, struct err *e)
{
    if (wire_hear(ctx->wire, 0, NULL, NULL, e) == WIRE_FAIL)
        return -e->code;
    return refuse(e, ESRCH, "linux.seccomp: the process died while its filter was loaded");
}

/* Loading takes microseconds, and the exit of init ends the wait. */
static int wait_for_number(const struct ctx *ctx, struct err *e)
{
    const int *number = ctx->plan->seccomp.number;

    for (;;) {
        int n = __atomic_load_n(number, __ATOMIC_SEQ_CST);
        if (n >= 0)
            return n;
        n = sys_poll_in(ctx->child_pidfd, LOOK_EVERY_MS);
        if (n < 0)
            return fail(e, n, "wait for the notify descriptor");
        if (n > 0)
            return no_descriptor(ctx, e);
    }
}

/* From the helper. */
static int receive(const struct ctx *ctx, struct err *e)
{
    int sock = ctx->plan->seccomp.channel[0], fd = -1, dead = 0;
    char byte;

    for (;;) {
        int r = sys_poll_in(sock, LOOK_EVERY_MS);
        if (r > 0)
            r = (int)sys_recv_fd(sock, &byte, 1, &fd, NULL);
        if (r < 0)
            return fail(e, r, "linux.seccomp: wait for the notify descriptor");
        if (fd >= 0)
            return fd;
        if (r > 0 || dead)
            return no_descriptor(ctx, e);
        dead = sys_poll_in(ctx->child_pidfd, 0);
    }
}

static int take(const struct ctx *ctx, struct err *e)
{
    int number, fd;

    if (ctx->plan->seccomp.channel[0] >= 0)
        return receive(ctx, e);
    number = wait_for_number(ctx, e);

    if (number < 0)
        return number;
    fd = sys_pidfd_getfd(ctx->child_pidfd, number);
    if (fd < 0) {
        fail(e, fd, "linux.seccomp: take the notify descriptor out of the container");
        if (fd == -EPERM)
            err_hint(e, "it needs CAP_SYS_PTRACE over the container's process");
    }
    return fd;
}

/* config-linux.md: the status is creating, and running for what joins a running container. */
static char *describe(const struct ctx *ctx, size_t *len)
{
    static const char *names[] = {"seccompFd"};
    const struct plan *p = ctx->plan;
    const struct oci_seccomp *cfg = p->cfg->linux->seccomp;
    struct oci_state state = {
        .oci_version = p->cfg->oci_version,
        .id = p->req->id,
        .pid = ctx->child,
        .status = p->req->kind == KIND_EXEC ? OCI_STATE_STATUS_RUNNING : OCI_STATE_STATUS_CREATING,
        .bundle = p->req->bundle,
        .annotations = p->cfg->annotations,
    };
    struct oci_container_process_state process = {
        .oci_version = p->cfg->oci_version,
        .fds = {1, names},
        .pid = ctx->child,
        .metadata = cfg->listener_metadata,
        .state = &state,
    };

    SET(&state, state, oci_version);
    SET(&state, state, id);
    SET(&state, state, pid);
    SET(&state, state, status);
    SET(&state, state, bundle);
    if (state.annotations.n)
        SET(&state, state, annotations);
    SET(&process, container_process_state, oci_version);
    SET(&process, container_process_state, fds);
    SET(&process, container_process_state, pid);
    SET(&process, container_process_state, state);
    if (process.metadata)
        SET(&process, container_process_state, metadata);
    return oci_write(ctx->arena, &oci_desc_container_process_state, &process, false, len);
}

/* The descriptor goes with the first bytes, and only with them. */
static int send_all(int sock, const char *text, size_t len, int fd)
{
    while (len > 0) {
        ssize_t sent = sys_send_fd(sock, text, len, fd);
        if (sent < 0)
            return (int)sent;
        text += sent;
        len -= (size_t)sent;
        fd = -1;
    }
    return 0;
}

static int hand(struct ctx *ctx, struct err *e)
{
    const char *path =
        str_path(ctx->arena, ctx->plan->req->bundle, ctx->plan->cfg->linux->seccomp->listener_path);
    auto_close int fd = take(ctx, e);
    auto_close int sock = -1;
    size_t len;
    char *text;
    int r;

    if (fd < 0)
        return fd;
    sock = sys_unix_connect(AT_FDCWD, path, SOCK_STREAM);
    if (sock < 0)
        return fail(e, sock, "linux.seccomp.listenerPath: connect to %s", path);
    text = describe(ctx, &len);
    r = send_all(sock, text, len, fd);
    return r < 0 ? fail(e, r, "linux.seccomp.listenerPath: send to %s", path) : 0;
}

int step_hand_listener(struct ctx *ctx, struct err *e)
{
    return hand(ctx, e);
}

int step_hand_listener_late(struct ctx *ctx, struct err *e)
{
    return hand(ctx, e);
}
