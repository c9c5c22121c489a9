/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns masked and read-only paths. A masked file is covered by the host's /dev/null, verified and
 * taken before the container's root is entered (CVE-2025-31133); masked directories by one empty
 * read-only tmpfs, cloned for each.
 */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

struct masks {
    int null;  /* the host's /dev/null, in this mount namespace */
    int empty; /* an attached mount of the empty tmpfs, -1 before the first */
};

static int open_null(struct err *e)
{
    auto_close int fd = sys_open(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0);
    struct stat st;

    if (fd < 0)
        return fail(e, fd, "open the host's /dev/null");
    if (sys_fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return refuse(e, ENODEV, "the host's /dev/null is not the null device");
    return take_fd(&fd);
}

/* Linux counts the root of a tmpfs as an inode, and 5.4 one more: two are the least. */
static int new_empty(struct err *e)
{
    static const struct mount_data least[] = {{"nr_blocks", "1"}, {"nr_inodes", "2"}};

    return mount_detached("tmpfs", "tmpfs", least, 2, MOUNT_ATTR_RDONLY, e);
}

static int clone_of(int fd)
{
    return sys_open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
}

static int mask_one(struct masks *k, int target, const char *path, struct err *e)
{
    auto_close int tree = -1;
    struct stat st;
    int r = sys_fstat(target, &st);

    if (r < 0)
        return fail(e, r, "look at %s", path);
    if (!S_ISDIR(st.st_mode))
        tree = clone_of(k->null);
    else
        tree = k->empty < 0 ? new_empty(e) : clone_of(k->empty);
    if (tree < 0)
        return fail(e, tree, "make a cover for %s", path);
    r = sys_move_mount(tree, target, "");
    if (r < 0)
        return fail(e, r, "mask %s", path);
    if (S_ISDIR(st.st_mode) && k->empty < 0)
        k->empty = take_fd(&tree);
    return 0;
}

/* What is below the container's proc or sysfs is looked up from that mount: whoever else has the
 * root file system may have given the directory below it another name by now. */
static int find(const struct ctx *ctx, const char *path)
{
    const struct mount_plan *mp = &ctx->plan->mounts;

    for (unsigned i = str_has_dotdot(path) ? 0 : mp->n; i-- > 0;) {
        const struct mount_item *m = &mp->v[i];
        const struct root top = {.fd = m->tree};

        if (m->kind == MOUNT_REMOUNT || !mount_is_below(path, m->dest))
            continue;
        if (m->kind != MOUNT_FS || m->tree < 0)
            break;
        path += strlen(m->dest);
        return root_find(&top, path[0] ? path : "/");
    }
    return root_find(&ctx->root, path);
}

/* A path that is not there needs no mask. */
static bool is_absent(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

int step_mask_paths(struct ctx *ctx, struct err *e)
{
    const struct oci_strs *paths = &ctx->plan->cfg->linux->masked_paths;
    auto_close int null = open_null(e);
    struct masks k = {.null = null, .empty = -1};
    int r = null < 0 ? null : 0;

    for (size_t i = 0; r == 0 && i < paths->n; i++) {
        auto_close int target = find(ctx, paths->v[i]);
        if (is_absent(target))
            continue;
        r = target < 0 ? fail(e, target, "open %s to mask it", paths->v[i])
                       : mask_one(&k, target, paths->v[i], e);
        if (r < 0)
            err_at(e, "/linux/maskedPaths/%zu", i);
    }
    fd_close(&k.empty);
    return r;
}

static int protect_one(int target, const char *path, struct err *e)
{
    auto_close int tree = sys_open_tree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
    int r = tree < 0 ? tree
                     : sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY,
                                         0, 0, -1);

    if (r >= 0)
        r = sys_move_mount(tree, target, "");
    return r < 0 ? fail(e, r, "make %s read-only", path) : 0;
}

int step_readonly_paths(struct ctx *ctx, struct err *e)
{
    const struct oci_strs *paths = &ctx->plan->cfg->linux->readonly_paths;

    for (size_t i = 0; i < paths->n; i++) {
        auto_close int target = find(ctx, paths->v[i]);
        if (is_absent(target))
            continue;
        if (target < 0)
            fail(e, target, "open %s to make it read-only", paths->v[i]);
        else if (protect_one(target, paths->v[i], e) == 0)
            continue;
        return err_at(e, "/linux/readonlyPaths/%zu", i);
    }
    return 0;
}
