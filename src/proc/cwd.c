/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the working directory. It is reached from the root by a lookup that cannot leave it, and
 * afterwards proven to lie inside: a working directory outside is a way out (CVE-2024-21626).
 */
#include "proc/proc.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/root.h"
#include "proc/internal.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>

static const char *cwd_of(const struct ctx *ctx)
{
    const struct oci_process *process = ctx->plan->process.cfg;

    return process ? process->cwd : NULL;
}

/* Is there somewhere else than the root already? Asked without a lookup of ".", which needs leave
 * to search the directory that root may have entered for us. */
static bool has_moved(void)
{
    struct stat here, root;

    return sys_stat(AT_FDCWD, "", &here, AT_EMPTY_PATH) == 0 &&
           sys_stat(AT_FDCWD, "/", &root, 0) == 0 &&
           (here.st_dev != root.st_dev || here.st_ino != root.st_ino);
}

/* In lower case: engines look for "permission denied" and "not a directory". */
static int cannot_enter(const char *cwd, int code, struct err *e)
{
    char word[64];

    return refuse(e, -code, "process.cwd: enter %s: %s", cwd, errno_word(code, word, sizeof word));
}

/* The directory, made if `make` and missing. */
static int find(const char *cwd, bool make, struct err *e)
{
    auto_close int root_fd = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    const struct root root = {.fd = root_fd};
    int fd;

    if (root_fd < 0)
        return fail(e, root_fd, "open the root");
    fd = root_find(&root, cwd);
    if (fd == -ENOENT && make)
        return root_mkdir_all(&root, cwd, e);
    return fd < 0 ? cannot_enter(cwd, fd, e) : fd;
}

static int enter(const char *cwd, bool make, struct err *e)
{
    auto_close int fd = find(cwd, make, e);
    int r;

    if (fd < 0)
        return fd;
    r = sys_fchdir(fd);
    return r < 0 ? cannot_enter(cwd, r, e) : 0;
}

int step_make_cwd(struct ctx *ctx, struct err *e)
{
    const char *cwd = cwd_of(ctx);
    bool make = ctx->plan->req->kind != KIND_EXEC;
    int r = cwd ? enter(cwd, make, e) : 0;

    /* Root may be nobody there (NFS with root_squash): then the user has to try. */
    if (r == -EACCES || r == -EPERM) {
        log_debug("process.cwd: root may not enter %s, the user will try", cwd);
        return 0;
    }
    return r;
}

int step_enter_cwd(struct ctx *ctx, struct err *e)
{
    const char *cwd = cwd_of(ctx);
    char where[PATH_MAX];
    int r;

    if (!cwd)
        return 0;
    if (!has_moved()) {
        r = enter(cwd, false, e);
        if (r < 0)
            return r;
    }
    r = sys_getcwd(where, sizeof where);
    if (r < 0)
        return fail(e, r, "process.cwd: ask where %s is", cwd);
    if (where[0] != '/')
        return refuse(e, EXDEV, "process.cwd: %s lies outside the container", cwd);
    return 0;
}
