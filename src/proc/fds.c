/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what the program inherits besides its environment: descriptors, limits on them, signals.
 * Descriptors of the host are closed here and not merely at exec: until then a path of the
 * container can go through /proc/self/fd (CVE-2024-21626), also that of an interpreter.
 */
#include "proc/internal.h"
#include "proc/proc.h"

#include "base/log.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>

/* Close [first, last], but for two that stay until exec (either may be -1). */
static int close_but(int first, int one, int two, struct err *e)
{
    int low = one < two ? one : two, high = one < two ? two : one;
    const int keep[] = {low, high};
    int r = 0;

    for (unsigned i = 0; r == 0 && i < 2; i++) {
        if (keep[i] < first)
            continue;
        if (keep[i] > first)
            r = sys_close_range((unsigned)first, (unsigned)keep[i] - 1, 0);
        first = keep[i] + 1;
    }
    if (r == 0)
        r = sys_close_range((unsigned)first, UINT_MAX, 0);
    return r < 0 ? fail(e, r, "close descriptors from %d on", first) : 0;
}

/* What is passed must survive exec, what speaks to the host must not. */
static int mark(int first, int one, int two, struct err *e)
{
    int r = 0;

    for (int fd = 3; r == 0 && fd < first; fd++)
        r = sys_cloexec(fd, false);
    if (r == 0 && one >= first)
        r = sys_cloexec(one, true);
    if (r == 0 && two >= first)
        r = sys_cloexec(two, true);
    return r < 0 ? fail(e, r, "mark descriptors") : 0;
}

int step_clean_fds_and_signals(struct ctx *ctx, struct err *e)
{
    int first = 3 + ctx->plan->process.keep_fds;
    int r = close_but(first, ctx->wire, log_fd(), e);

    if (r < 0)
        return r;
    ctx->proc = ctx->root_mount = ctx->root.fd = ctx->start_sock = -1;
    ctx->pty_slave = ctx->pty_master = ctx->progress_fd = -1;
    r = mark(first, ctx->wire, log_fd(), e);
    if (r == 0)
        r = rlimits_finish(ctx->plan->process.cfg, e);
    if (r < 0)
        return r;
    r = sys_reset_signals();
    return r < 0 ? fail(e, r, "reset signals") : 0;
}
