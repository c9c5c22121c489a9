/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns /dev: nodes, links and the console, all by the descriptor of a directory that was resolved
 * inside the root (CVE-2026-41579, CVE-2026-88264).
 */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool same_node(const struct stat *st, const struct device_item *d)
{
    return (st->st_mode & S_IFMT) == (d->mode & S_IFMT) &&
           (S_ISFIFO(d->mode) || st->st_rdev == d->dev);
}

/* Something is there already: fine if it is this very node, an error otherwise (runtime-spec
 * config-linux.md, Devices). */
static int accept_existing(int dir, const char *name, const struct device_item *d, struct err *e)
{
    struct stat st;
    int r = sys_stat(dir, name, &st, AT_SYMLINK_NOFOLLOW);

    if (r < 0)
        return fail(e, r, "look at %s", d->path);
    if (same_node(&st, d))
        return 0;
    return refuse(e, EEXIST, "%s exists already and is another file", d->path);
}

/* A user namespace may not make nodes: the host's own node is bound instead. */
static int bind_host_node(int dir, const char *name, const struct device_item *d, struct err *e)
{
    auto_close int tree = sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE);
    auto_close int file = -1;
    struct stat st;
    int r;

    if (tree < 0)
        return fail(e, tree, "open the host's %s", d->path);
    r = sys_fstat(tree, &st);
    if (r < 0 || !same_node(&st, d))
        return refuse(e, ENODEV, "the host's %s is not the device that is asked for", d->path);
    file = sys_open(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0666);
    if (file == -EEXIST)
        file = sys_open(dir, name, O_PATH | O_NOFOLLOW, 0);
    if (file < 0)
        return fail(e, file, "make %s", d->path);
    r = sys_move_mount(tree, dir, name);
    return r < 0 ? fail(e, r, "bind the host's %s", d->path) : 0;
}

static int make_node(int dir, const char *name, const struct device_item *d, struct err *e)
{
    int r = sys_mknod(dir, name, d->mode, d->dev);

    if (r == -EEXIST)
        return accept_existing(dir, name, d, e);
    if (r == -EPERM)
        return bind_host_node(dir, name, d, e);
    if (r < 0)
        return fail(e, r, "make the device %s", d->path);
    if (d->uid || d->gid)
        r = sys_chown(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? fail(e, r, "give %s to %u:%u", d->path, d->uid, d->gid) : 0;
}

/* Nearly all devices are directly in /dev: that directory is opened once. */
static const char *direct_name(const char *path)
{
    if (!str_starts(path, "/dev/") || strchr(path + 5, '/'))
        return NULL;
    return path + 5;
}

static int make_device(struct ctx *ctx, int dev, const struct device_item *d, struct err *e)
{
    const char *name = direct_name(d->path);
    auto_close int dir = -1;

    if (name)
        return make_node(dev, name, d, e);
    dir = root_parent(&ctx->root, d->path, &name, e);
    return dir < 0 ? dir : make_node(dir, name, d, e);
}

int step_devices(struct ctx *ctx, struct err *e)
{
    const struct mount_plan *mp = &ctx->plan->mounts;
    auto_close int dev = root_mkdir_all(&ctx->root, "/dev", e);
    mode_t caller;
    int r = 0;

    if (dev < 0)
        return dev;
    caller = umask(0); /* modes of devices are exact; the caller's umask is the payload's */
    for (unsigned i = 0; r == 0 && i < mp->n_devices; i++)
        r = make_device(ctx, dev, &mp->devices[i], e);
    umask(caller);
    return r;
}

static int link_to(int dev, const char *name, const char *target, struct err *e)
{
    int r = sys_symlink(target, dev, name);

    return r < 0 && r != -EEXIST ? fail(e, r, "link /dev/%s to %s", name, target) : 0;
}

/* What the image has as /dev/ptmx would be the host's: it must be the container's own. */
static int link_ptmx(int dev, struct err *e)
{
    int r = sys_symlink("pts/ptmx", dev, "ptmx");

    if (r == -EEXIST) {
        r = sys_unlink(dev, "ptmx", 0);
        if (r == 0)
            r = sys_symlink("pts/ptmx", dev, "ptmx");
    }
    return r < 0 ? fail(e, r, "link /dev/ptmx to pts/ptmx") : 0;
}

static bool exists(const struct root *root, const char *path)
{
    auto_close int fd = root_find(root, path);

    return fd >= 0;
}

int step_dev_links(struct ctx *ctx, struct err *e)
{
    static const char *const links[][2] = {
        {"fd", "/proc/self/fd"},
        {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"},
    };
    auto_close int dev = root_mkdir_all(&ctx->root, "/dev", e);

    if (dev < 0)
        return dev;
    if (exists(&ctx->root, "/proc/self/fd"))
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
            if (link_to(dev, links[i][0], links[i][1], e) < 0)
                return -e->code;
    if (exists(&ctx->root, "/proc/kcore") && link_to(dev, "core", "/proc/kcore", e) < 0)
        return -e->code;
    return ctx->plan->mounts.has_devpts ? link_ptmx(dev, e) : 0;
}

int step_bind_console(struct ctx *ctx, struct err *e)
{
    auto_close int dev = root_mkdir_all(&ctx->root, "/dev", e);
    auto_close int file = -1, tree = -1;
    struct stat st;
    int r;

    if (dev < 0)
        return dev;
    /* Never through a link of the image: O_EXCL makes, O_NOFOLLOW takes what is there. */
    file = sys_open(dev, "console", O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0600);
    if (file == -EEXIST)
        file = sys_open(dev, "console", O_PATH | O_NOFOLLOW, 0);
    if (file < 0)
        return fail(e, file, "make /dev/console");
    r = sys_fstat(file, &st);
    if (r < 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
        return refuse(e, EEXIST, "/dev/console in the image is neither a file nor a device");
    tree = sys_open_tree(ctx->pty_slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
    if (tree < 0)
        return fail(e, tree, "copy the mount of the terminal");
    fd_close(&file);
    file = sys_open(dev, "console", O_PATH | O_NOFOLLOW, 0);
    r = file < 0 ? file : sys_move_mount(tree, file, "");
    return r < 0 ? fail(e, r, "bind the terminal on /dev/console") : 0;
}
