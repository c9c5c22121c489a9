/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the network namespace that is made beside everything else. It is what takes the kernel
 * longest of all that a container needs; so a process that shares our memory makes it, with its
 * loopback up, while the host writes the record and makes the cgroup, and init enters it later.
 * Only where the namespace belongs to the user namespace that we are in: its maker owns it.
 */
#include "net/internal.h"
#include "net/net.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/beside.h"
#include "sys/nsfs.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

struct net_maker {
    int sock;  /* the maker's end, open there only */
    int heard; /* where the descriptor comes out, for init */
    int pidfd;
};

/* What the maker says: 0 and the namespace, or the errno of what failed. */
struct word {
    int code;
    bool made; /* the namespace, so that it is the loopback that failed */
};

/* In the maker: calls of the kernel and nothing else. */
static int make(void *arg)
{
    const struct net_maker *m = arg;
    struct word word = {0};
    int sock = -1, ns = -1, r = sys_unshare(CLONE_NEWNET);

    word.made = r == 0;
    if (r == 0)
        r = sock = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    if (r >= 0)
        r = net_lo_up(sock);
    if (r >= 0)
        r = ns = sys_socket_netns(sock);
    word.code = r < 0 ? -r : 0;
    return sys_send_fd(m->sock, &word, sizeof word, ns) < 0;
}

/* Where no such process can be made, the clone of init makes the namespace. */
int step_begin_network(struct ctx *ctx, struct err *e)
{
    struct net_maker *m = arena_new(ctx->arena, struct net_maker);
    int pair[2], r = sys_socketpair(SOCK_SEQPACKET, pair);

    if (r < 0)
        return fail(e, r, "make the way to the network namespace");
    *m = (struct net_maker){.sock = pair[0], .heard = pair[1], .pidfd = -1};
    r = sys_beside(make, m, &m->pidfd);
    fd_close(&pair[0]);
    if (r == 0) {
        ctx->net_maker = m;
        return 0;
    }
    fd_close(&pair[1]);
    ctx->plan->ns.net_beside = false;
    return r == -ENOSYS ? 0 : fail(e, r, "make the process that makes the network namespace");
}

void undo_begin_network(struct ctx *ctx)
{
    struct net_maker *m = ctx->net_maker;

    if (!m || m->pidfd < 0)
        return;
    drop(sys_pidfd_signal(m->pidfd, SIGKILL), "it may have ended already");
    drop(sys_wait_pidfd(m->pidfd, NULL), "nothing is left to wait for then");
    fd_close(&m->pidfd);
    fd_close(&m->heard);
}

int step_enter_network(struct ctx *ctx, struct err *e)
{
    struct net_maker *m = ctx->net_maker;
    auto_close int ns = -1;
    struct word word;
    ssize_t n = sys_recv_fd(m->heard, &word, sizeof word, &ns, NULL);
    int r;

    fd_close(&m->heard);
    fd_close(&m->pidfd);
    if (n < 0)
        return fail(e, (int)n, "receive the network namespace");
    if (n != sizeof word)
        return refuse(e, EPIPE, "the process that makes the network namespace is gone");
    if (word.code)
        return fail(e, word.code, "%s",
                    word.made ? "bring the loopback device up" : "make the network namespace");
    r = ns < 0 ? -EPROTO : sys_setns(ns, CLONE_NEWNET);
    return r < 0 ? fail(e, r, "enter the network namespace") : 0;
}

int step_end_network(struct ctx *ctx, struct err *e)
{
    struct net_maker *m = ctx->net_maker;
    int r = sys_wait_pidfd(m->pidfd, NULL);

    fd_close(&m->pidfd);
    fd_close(&m->heard);
    return r < 0 ? fail(e, r, "wait for the maker of the network namespace") : 0;
}
