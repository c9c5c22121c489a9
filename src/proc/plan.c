/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what is known of the process before anything is made. */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/cred.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Also a number that the caller left free, and rt has opened something of its own at since, would
 * give the container what it must not have. */
static int check_passed(const struct request *req, struct err *e)
{
    int n = req->listen_fds + req->preserve_fds;

    for (int fd = 3; fd < 3 + n; fd++)
        if (!sys_fd_is_inherited(fd))
            return refuse(e, EBADF, "descriptor %d is to be passed to the container but not open",
                          fd);
    return 0;
}

static const char **argv_of(const struct oci_process *cfg, struct arena *a)
{
    const char **argv = arena_array(a, cfg->args.n + 1, sizeof *argv);

    for (size_t i = 0; i < cfg->args.n; i++)
        argv[i] = cfg->args.v[i];
    return argv;
}

static int check(const struct plan *p, struct err *e)
{
    const struct oci_process *cfg = p->process.cfg;
    const struct oci_linux *lin = p->cfg->linux;
    int r = check_passed(p->req, e);

    if (r == 0 && cfg->scheduler)
        r = scheduler_check(cfg->scheduler, e);
    if (r == 0 && lin && lin->memory_policy)
        r = mempolicy_check(lin->memory_policy, e);
    if (r == 0 && lin && lin->personality)
        r = personality_check(lin->personality, e);
    return r;
}

const char *errno_word(int code, char *buf, size_t size)
{
    snprintf(buf, size, "%s", strerror(code < 0 ? -code : code));
    buf[0] = (char)tolower((unsigned char)buf[0]);
    return buf;
}

int process_plan(struct plan *p, struct arena *a, struct err *e)
{
    if (!p->process.cfg)
        p->process.cfg = p->cfg->process;
    if (!p->process.cfg)
        return 0;
    p->process.keep_fds = p->req->listen_fds + p->req->preserve_fds;
    p->process.program = arena_alloc(a, PATH_MAX);
    p->process.argv = argv_of(p->process.cfg, a);
    environment_build(p, a);
    return check(p, e);
}
