/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the protection of rt's own executable. A container's program could reach it through
 * /proc/PID/exe of a process that is still rt, or by having "#!/proc/self/exe" as interpreter, and
 * overwrite it once nobody runs it (CVE-2019-5736). So before a process of the container exists the
 * process swaps its executable: each segment is mapped again from a read-only, detached bind of the
 * same file, and /proc/self/exe is pointed there. The code stays the same bytes of the same page
 * cache; no copy is made, nothing is executed twice, and no open for writing through it succeeds.
 * All of it goes by the verified /proc: without root it happens inside the container on exec.
 */
#include "run/steps.h"

#include "base/fd.h"
#include "base/log.h"
#include "sys/copy.h"
#include "sys/image.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>

/* In a mount namespace of our own the executable is still that of the old one, which cannot be
 * cloned (EINVAL): the same file is found by its name then. */
static int own_tree(int proc)
{
    char path[4096];
    int tree = sys_open_tree(proc, "self/exe", OPEN_TREE_CLONE);
    struct stat ours, found;

    if (tree != -EINVAL || sys_readlink(proc, "self/exe", path, sizeof path) < 0)
        return tree;
    tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
    if (tree < 0)
        return tree;
    if (sys_stat(proc, "self/exe", &ours, 0) == 0 && sys_fstat(tree, &found) == 0 &&
        ours.st_ino == found.st_ino && ours.st_dev == found.st_dev)
        return tree;
    fd_close(&tree);
    return -ESTALE;
}

/* In the container's mount namespace, entered without root, there is nothing to take a view of: a
 * copy then that nobody can write any more. */
static int sealed_copy(int proc, struct err *e)
{
    auto_close int own = sys_open(proc, "self/exe", O_RDONLY, 0);
    auto_close int copy = own < 0 ? own : sys_memfd("rt", MFD_ALLOW_SEALING);
    int r = copy < 0 ? copy : sys_copy_data(own, copy);

    if (r == 0)
        r = sys_seal(copy);
    return r < 0 ? fail(e, r, "copy rt's own executable") : take_fd(&copy);
}

static int read_only_view(struct ctx *ctx, struct err *e)
{
    auto_close int tree = own_tree(ctx->proc);
    int r, fd;

    if (tree == -EINVAL || tree == -ENOENT || tree == -ESTALE)
        return sealed_copy(ctx->proc, e);
    if (tree < 0)
        return fail(e, tree, "take a view of rt's own executable");
    r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, -1);
    if (r < 0)
        return fail(e, r, "make the view of rt's own executable read-only");
    fd = sys_reopen(ctx->proc, tree, O_RDONLY);
    if (fd < 0)
        return fail(e, fd, "open the view of rt's own executable");
    ctx->exe_tree = take_fd(&tree);
    return fd;
}

int step_protect_self(struct ctx *ctx, struct err *e)
{
    auto_close int view = -1;
    int r = sys_prctl(PR_SET_DUMPABLE, 0, 0);

    if (r < 0)
        return fail(e, r, "become undumpable");
    if (sys_image_is_read_only(ctx->proc))
        return 0;
    view = read_only_view(ctx, e);
    if (view < 0)
        return view;
    r = sys_image_swap(view);
    if (r < 0) {
        fail(e, r, "swap rt's executable for a read-only view");
        return err_hint(e, "on a kernel without CONFIG_CHECKPOINT_RESTORE, install rt on a "
                           "read-only file system");
    }
    return 0;
}

/* The end of a detached mount waits for a grace period of the kernel's, which costs more than the
 * whole swap: so the host's descriptor is the last one, and goes when the host has time. */
int step_drop_view(struct ctx *ctx, struct err *e)
{
    (void)e;
    fd_close(&ctx->exe_tree);
    return 0;
}

int step_protect_self_inside(struct ctx *ctx, struct err *e)
{
    return step_protect_self(ctx, e);
}
