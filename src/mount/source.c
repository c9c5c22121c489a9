/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what comes from the host: the root file system, bind sources, /dev/null. Each becomes a
 * detached tree, with its attributes and propagation set before anybody can see it. A privileged
 * host does this before the clone; without privilege init does it, in its own user namespace.
 */
#include "mount/mount.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* All in as few calls as the kernel's rules allow: attributes of the top alone, then what goes for
 * the whole tree. */
static int set_attributes(const struct mount_item *m, int tree)
{
    uint64_t top = m->rec_propagation ? 0 : m->propagation;
    uint64_t all = m->rec_propagation ? m->propagation : 0;
    int r = 0;

    if (m->set || m->clear || top)
        r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, m->set, m->clear, top, -1);
    if (r == 0 && (m->rec_set || m->rec_clear || all))
        r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, m->rec_set, m->rec_clear, all,
                              -1);
    return r;
}

/* A copy is a peer of what was copied, if that is shared. Unless the options say otherwise it
 * becomes a slave: the host's later mounts and unmounts arrive, the container's stay inside. */
static void default_propagation(struct mount_item *m)
{
    if (m->propagation)
        return;
    m->propagation = MS_SLAVE;
    m->rec_propagation = true;
}

static int read_link(struct mount_item *m, struct arena *a, struct err *e)
{
    char target[4096];
    ssize_t n = sys_readlink(AT_FDCWD, m->source, target, sizeof target);

    if (n < 0)
        return fail(e, (int)n, "read the symlink %s", m->source);
    m->link = str_dup(a, target);
    return 0;
}

static bool is_symlink(const char *path)
{
    struct stat st;

    return sys_stat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* A user namespace that does not own the network has the host's /sys for its own, and what the
 * caller may write in the cgroups below would be writable inside (CVE-2023-25809): there `ro` goes
 * for all of it. */
static void protect_sysfs(struct mount_item *m)
{
    long magic = 0;

    if ((m->set & MOUNT_ATTR_RDONLY) && sys_fs_type(m->tree, &magic) == 0 && magic == SYSFS_MAGIC)
        m->rec_set |= MOUNT_ATTR_RDONLY;
}

static int open_source(struct mount_item *m, bool userns, struct arena *a, struct err *e)
{
    unsigned flags = OPEN_TREE_CLONE | (m->rbind ? AT_RECURSIVE : 0) |
                     (m->no_follow_source ? AT_SYMLINK_NOFOLLOW : 0);
    struct stat st;
    int r;

    if (m->copy_symlink && is_symlink(m->source))
        return read_link(m, a, e);
    m->tree = sys_open_tree(AT_FDCWD, m->source, flags);
    if (m->tree < 0)
        return fail(e, m->tree, "open the bind source %s", m->source);
    r = sys_fstat(m->tree, &st);
    if (r < 0)
        return fail(e, r, "look at the bind source %s", m->source);
    m->is_dir = S_ISDIR(st.st_mode);
    if (userns)
        protect_sysfs(m);
    default_propagation(m);
    r = set_attributes(m, m->tree);
    if (r < 0)
        return fail(e, r, "set the options of the bind mount of %s", m->source);
    return 0;
}

static int open_rootfs(struct mount_plan *mp, struct err *e)
{
    struct stat st;
    int r = sys_stat(AT_FDCWD, mp->rootfs, &st, 0);

    if (r == 0 && !S_ISDIR(st.st_mode))
        r = -ENOTDIR;
    if (r == 0)
        mp->tree = r = sys_open_tree(AT_FDCWD, mp->rootfs, OPEN_TREE_CLONE | AT_RECURSIVE);
    if (r >= 0)
        r = sys_mount_setattr(mp->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, 0, 0, MS_SLAVE, -1);
    if (r >= 0)
        return 0;
    fail(e, r, "open the root file system %s", mp->rootfs);
    if (r == -ENOENT)
        err_hint(e, "root.path is relative to the bundle; is the root file system unpacked?");
    if (r == -EPERM)
        err_hint(e, "without root, a user namespace and a mount namespace are needed");
    return err_at(e, "/root/path");
}

int step_open_trees(struct ctx *ctx, struct err *e)
{
    struct mount_plan *mp = &ctx->plan->mounts;
    bool userns = (ctx->plan->ns.fresh | ctx->plan->ns.joined) & CLONE_NEWUSER;

    if (open_rootfs(mp, e) < 0)
        return -e->code;
    for (unsigned i = 0; i < mp->n; i++)
        if (mp->v[i].kind == MOUNT_BIND && open_source(&mp->v[i], userns, ctx->arena, e) < 0)
            return err_at(e, "/mounts/%u/source", mp->v[i].index);
    return 0;
}

/* A mount's id mapping may only be set while it is detached and visible to nobody. */
int step_idmap_trees(struct ctx *ctx, struct err *e)
{
    struct mount_plan *mp = &ctx->plan->mounts;

    for (unsigned i = 0; i < mp->n; i++) {
        struct mount_item *m = &mp->v[i];
        unsigned flags = AT_EMPTY_PATH | (m->rec_idmap ? AT_RECURSIVE : 0);
        int r;

        if (m->userns < 0)
            continue;
        r = sys_mount_setattr(m->tree, "", flags, MOUNT_ATTR_IDMAP, 0, 0, m->userns);
        if (r == 0)
            continue;
        fail(e, r, "map the ids of the mount of %s", m->source);
        if (r == -EINVAL)
            err_hint(e, "its file system may not support id mapped mounts");
        return err_at(e, "/mounts/%u/uidMappings", m->index);
    }
    return 0;
}
