/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the end of rt in init: the exec. */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/sys.h"

#include <errno.h>

/* find_program has seen the file, so what fails now lies in it or behind it. */
static const char *reason(int code)
{
    switch (code) {
    case ENOEXEC:
        return "it is for another architecture, or a script without an interpreter line";
    case ENOENT:
        return "its interpreter or dynamic loader is missing";
    case EACCES:
        return "it or its interpreter may not be executed";
    case E2BIG:
        return "arguments and environment are too long";
    case EAGAIN:
        return "the user has as many processes as RLIMIT_NPROC allows";
    default:
        return NULL;
    }
}

int step_exec_program(struct ctx *ctx, struct err *e)
{
    const struct process_plan *process = &ctx->plan->process;
    char word[64];
    int r;

    if (!ctx->exec_path)
        return refuse(e, EINVAL, "there is no program to run");
    r = sys_execveat(AT_FDCWD, ctx->exec_path, (char *const *)process->argv,
                     (char *const *)process->env, 0);
    refuse(e, r, "exec %.300s: %s", ctx->exec_path, errno_word(r, word, sizeof word));
    if (reason(-r))
        err_hint(e, "%s", reason(-r));
    return r;
}
