/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the mounts of type `cgroup`: what a container sees of its own cgroup. On v2 it is the
 * unified hierarchy as seen from the cgroup namespace; on v1 a tmpfs with one bind per hierarchy,
 * each of the container's own directory, so that no other is reachable.
 */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/* Where cgroup2 cannot be mounted (a user namespace without a cgroup namespace of its own) the
 * host's tree is shown, never writable (CVE-2023-25809). */
static int host_cgroup2(struct err *e)
{
    auto_close int tree = sys_open_tree(AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE);
    int r;

    if (tree < 0)
        return fail(e, tree, "copy the host's /sys/fs/cgroup");
    r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, -1);
    return r < 0 ? fail(e, r, "make the copy of /sys/fs/cgroup read-only") : take_fd(&tree);
}

static int mount_v2(struct mount_item *m, int target, struct err *e)
{
    auto_close int tree = mount_detached("cgroup2", "cgroup", m->data, m->n_data, m->set, e);

    if (tree == -EPERM || tree == -EBUSY)
        tree = host_cgroup2(e);
    if (tree < 0)
        return tree;
    return mount_attach(tree, target, m, e);
}

static int bind_hierarchy(const struct mount_item *m, const struct cgroup_view_item *v, int dir,
                          struct err *e)
{
    auto_close int tree = -1;
    int r = sys_mkdir(dir, v->name, 0755);

    if (r < 0)
        return fail(e, r, "make %s/%s", m->dest, v->name);
    tree = sys_open_tree(AT_FDCWD, v->path, OPEN_TREE_CLONE);
    if (tree < 0)
        return fail(e, tree, "open the cgroup %s", v->path);
    r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, m->set, m->clear, MS_PRIVATE, -1);
    if (r == 0)
        r = sys_move_mount(tree, dir, v->name);
    return r < 0 ? fail(e, r, "mount the cgroup %s on %s/%s", v->path, m->dest, v->name) : 0;
}

static int fill_v1(const struct mount_item *m, const struct cgroup_view *view, int dir,
                   struct err *e)
{
    for (unsigned i = 0; i < view->n; i++) {
        const struct cgroup_view_item *v = &view->v[i];
        int r = v->link ? sys_symlink(v->link, dir, v->name) : bind_hierarchy(m, v, dir, e);

        if (r < 0)
            return v->link ? fail(e, r, "link %s/%s", m->dest, v->name) : r;
    }
    return 0;
}

static int mount_v1(struct ctx *ctx, struct mount_item *m, int target, struct err *e)
{
    static const struct mount_data small[] = {{"mode", "755"}, {"size", "1m"}};
    uint64_t writable = m->set & ~(uint64_t)MOUNT_ATTR_RDONLY;
    auto_close int tmpfs = mount_detached("tmpfs", "cgroup", small, 2, writable, e);
    int r;

    if (tmpfs < 0)
        return tmpfs;
    if (mount_attach(tmpfs, target, m, e) < 0 || fill_v1(m, &ctx->plan->cgroup_view, tmpfs, e) < 0)
        return -e->code;
    if (!(m->set & MOUNT_ATTR_RDONLY))
        return 0;
    r = sys_mount_setattr(tmpfs, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
    return r < 0 ? fail(e, r, "make %s read-only", m->dest) : 0;
}

int mount_cgroup(struct ctx *ctx, struct mount_item *m, struct err *e)
{
    auto_close int target = mount_target(&ctx->root, m, e);

    if (target < 0)
        return target;
    return ctx->plan->cgroup_view.v2 ? mount_v2(m, target, e) : mount_v1(ctx, m, target, e);
}
