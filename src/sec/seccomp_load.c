/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the moment at which the filter takes hold of init; see sec.h for the three of them. */
#include "sec/sec.h"

#include "base/fd.h"
#include "sys/seccomp.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the number may be besides that of a descriptor. */
enum { NOT_YET = -1, NEVER = -2, LOOK_EVERY_MS = 1 };

static void tell(const struct seccomp_plan *plan, int number)
{
    __atomic_store_n(plan->number, number, __ATOMIC_SEQ_CST);
}

/* In a process that shares init's descriptors but not its filter. It leaves when the host does. */
static _Noreturn void hand_over(const struct seccomp_plan *plan)
{
    int number = NOT_YET, hung_up = 0;

    while (number == NOT_YET && !hung_up) {
        hung_up = sys_poll_in(plan->channel[1], LOOK_EVERY_MS);
        number = __atomic_load_n(plan->number, __ATOMIC_SEQ_CST);
    }
    if (number >= 0)
        drop(sys_send_fd(plan->channel[1], "", 1, number), "the host notices that none comes");
    _exit(0);
}

/* Without privilege the host may not reach into init, which is undumpable: its memory belongs to
 * the initial user namespace (ptrace(2)). So a helper is made before the filter is loaded. */
static pid_t make_helper(const struct seccomp_plan *plan, struct err *e)
{
    struct sys_clone clone = {.flags = CLONE_FILES, .cgroup = -1};
    auto_close int pidfd = -1;
    pid_t pid = sys_clone3(&clone, &pidfd);

    if (pid == 0)
        hand_over(plan);
    return pid < 0 ? fail(e, pid, "make a process that hands the notify descriptor on") : pid;
}

static int load_filter(const struct seccomp_plan *plan, struct err *e)
{
    int r = sys_seccomp_load(plan->program->v, plan->program->len, plan->flags);

    if (r < 0) {
        fail(e, r, "linux.seccomp: load the filter");
        if (r == -EACCES)
            err_hint(e, "without process.noNewPrivileges it needs CAP_SYS_ADMIN");
        return r;
    }
    return r;
}

static int load(const struct seccomp_plan *plan, struct err *e)
{
    pid_t helper = 0;
    int r;

    if (plan->listener && plan->channel[1] >= 0)
        helper = make_helper(plan, e);
    if (helper < 0)
        return helper;
    r = load_filter(plan, e);
    /* From here on a call may wait for the listener: the host reads the number from memory. */
    if (plan->listener)
        tell(plan, r < 0 ? NEVER : r);
    if (helper > 0)
        drop(sys_wait_pid(helper, NULL, __WALL), "unless the listener has something against it");
    return r < 0 ? r : 0;
}

int step_load_seccomp_early(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->program && !plan->late ? load(plan, e) : 0;
}

int step_load_seccomp_listener(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->program && plan->late && plan->listener ? load(plan, e) : 0;
}

int step_load_seccomp_late(struct ctx *ctx, struct err *e)
{
    const struct seccomp_plan *plan = &ctx->plan->seccomp;

    return plan->program && plan->late && !plan->listener ? load(plan, e) : 0;
}
