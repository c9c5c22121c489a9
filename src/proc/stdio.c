/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the ownership of the standard streams: a program that opens /dev/stdout by name needs to be
 * allowed to. Only pipes, sockets and terminals are given away; a file of the host that happens to
 * be the log is not the container's, and a null device never (CVE-2026-88265).
 */
#include "proc/proc.h"

#include "base/fd.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>

static bool can_be_given(int fd, const struct stat *st)
{
    return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) ||
           (S_ISCHR(st->st_mode) && sys_is_terminal(fd));
}

/* Not ours to give, on a read-only file system, or an id that the file system does not know: the
 * stream works as it is. */
static bool is_harmless(int r)
{
    return r == -EPERM || r == -EROFS || r == -EINVAL || r == -EACCES || r == -EOVERFLOW;
}

/* The id on the host of one in the container's new user namespace. */
static bool map(const struct oci_id_mapping_list *list, uint32_t inside, uint32_t *outside)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct oci_id_mapping *m = &list->v[i];
        if (inside >= m->container_id && inside - m->container_id < m->size) {
            *outside = m->host_id + (inside - m->container_id);
            return true;
        }
    }
    return false;
}

int step_own_stdio_outside(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    const struct oci_linux *lin = ctx->plan->cfg->linux;
    uint32_t inside = process && process->user ? process->user->uid : 0, uid;

    (void)e;
    if (!process || !lin || !map(&lin->uid_mappings, inside, &uid))
        return 0;
    for (int fd = 0; fd < 3; fd++) {
        struct stat st;
        if (sys_fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
            drop(sys_chown(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH), "the stream works as it is");
    }
    return 0;
}

int step_own_stdio(struct ctx *ctx, struct err *e)
{
    const struct oci_process *process = ctx->plan->process.cfg;
    uid_t uid = process && process->user ? process->user->uid : 0;

    for (int fd = 0; process && fd < 3; fd++) {
        struct stat st;
        int r = sys_fstat(fd, &st);
        if (r < 0 || st.st_uid == uid || !can_be_given(fd, &st))
            continue;
        r = sys_chown(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH);
        if (r < 0 && !is_harmless(r))
            return fail(e, r, "give descriptor %d to uid %u", fd, uid);
    }
    return 0;
}
