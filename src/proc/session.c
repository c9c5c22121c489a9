/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the session: away from the caller's, so that its terminal and signals are not ours. */
#include "proc/proc.h"

#include "sys/cred.h"

#include <errno.h>

int step_new_session(struct ctx *ctx, struct err *e)
{
    int r = sys_setsid();

    (void)ctx;
    /* The leader of a process group cannot leave it, but may lead a session already. */
    if (r == -EPERM && sys_getsid() == sys_getpid())
        return 0;
    return r < 0 ? fail(e, r, "make a session") : 0;
}
