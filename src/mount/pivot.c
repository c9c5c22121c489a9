/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the moment when the container's root becomes "/". */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/* pivot_root(".", ".") stacks the old root on the new one, where it can be unmounted without
 * needing a directory in the image (pivot_root(2), NOTES). */
static int pivot(struct err *e)
{
    int r = sys_pivot_root(".", ".");

    if (r < 0) {
        fail(e, r, "make the root file system the root");
        return r == -EINVAL ? err_hint(e, "a root in the initial ramfs cannot be pivoted: use "
                                          "--no-pivot")
                            : r;
    }
    r = sys_umount(".", MNT_DETACH);
    return r < 0 ? fail(e, r, "let go of the host's mounts") : 0;
}

/* In a root on ramfs: the tree was attached on "/", so a chroot into it hides what is below. The
 * host's proc and sysfs would still be mounted there, fully visible for the kernel's test that
 * lets a user namespace mount new ones: they go first. */
static int stay_below(struct err *e)
{
    int r = sys_chroot(".");

    return r < 0 ? fail(e, r, "change the root directory") : 0;
}

int step_pivot(struct ctx *ctx, struct err *e)
{
    int r = sys_fchdir(ctx->root.fd);

    if (r < 0)
        return fail(e, r, "enter the root file system");
    r = ctx->plan->mounts.pivot ? pivot(e) : stay_below(e);
    if (r < 0)
        return r;
    r = sys_chdir("/");
    return r < 0 ? fail(e, r, "enter the new root") : 0;
}

int step_root_propagation(struct ctx *ctx, struct err *e)
{
    const struct mount_plan *mp = &ctx->plan->mounts;
    unsigned flags = AT_EMPTY_PATH | (mp->rec_propagation ? AT_RECURSIVE : 0);
    int r = sys_mount_setattr(ctx->root.fd, "", flags, 0, 0, mp->propagation, -1);

    if (r < 0)
        return fail(e, r, "set the propagation of the root");
    return 0;
}

int step_readonly_root(struct ctx *ctx, struct err *e)
{
    int r = sys_mount_setattr(ctx->root.fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);

    return r < 0 ? fail(e, r, "make the root file system read-only") : 0;
}

int mount_detach_rootfs(const char *rootfs, struct err *e)
{
    int r = sys_umount(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW);

    return r < 0 && r != -EINVAL && r != -ENOENT ? fail(e, r, "detach %s", rootfs) : 0;
}
