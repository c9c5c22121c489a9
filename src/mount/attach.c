/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the attaching of mounts inside the container's root, in init. */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int step_make_private(struct ctx *ctx, struct err *e)
{
    int r = sys_mount_old(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

    (void)ctx;
    return r < 0 ? fail(e, r, "make the mounts of the new namespace private") : 0;
}

/* Hooks between the mounts and the pivot look for them below the path of the root file system, and
 * add mounts there (runtime-spec config.md, createContainer Hooks). */
static bool hooks_look(const struct plan *p)
{
    const struct oci_hooks *h = p->cfg->hooks;

    return p->mounts.pivot && h && (h->prestart.n || h->create_runtime.n || h->create_container.n);
}

/* With a namespace of our own the tree goes on top of "/": no lookup is needed, and pivot_root
 * takes it from there. Otherwise it goes where the root file system is; the root of a user
 * namespace may not be let through to there, and such hooks are not either. */
int step_attach_root(struct ctx *ctx, struct err *e)
{
    struct mount_plan *mp = &ctx->plan->mounts;
    const char *where = mp->shared || hooks_look(ctx->plan) ? mp->rootfs : "/";
    int r = sys_move_mount(mp->tree, AT_FDCWD, where);

    if (r == -EACCES && !mp->shared) {
        log_warn("hooks do not find the container's mounts: %s is not accessible to its root",
                 mp->rootfs);
        r = sys_move_mount(mp->tree, AT_FDCWD, "/");
    }
    if (r < 0)
        return fail(e, r, "attach the root file system %s", mp->rootfs);
    ctx->root.fd = take_fd(&mp->tree);
    return 0;
}

static int open_plain(const struct root *root, const char *dest)
{
    return sys_openat2(root->fd, dest, O_PATH | O_DIRECTORY, 0,
                       RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* proc and sysfs only go on real directories: through a symlink of the image they would end up
 * where masked and read-only paths do not look (CVE-2019-19921, CVE-2023-28642). What was made
 * here may be a symlink by now, so that it is looked at as well. */
static int plain_target(const struct root *root, const char *dest, struct err *e)
{
    int fd = open_plain(root, dest);

    if (fd == -ENOENT) {
        fd = root_mkdir_all(root, dest, e);
        if (fd < 0)
            return fd;
        fd_close(&fd);
        fd = open_plain(root, dest);
    }
    if (fd == -ELOOP || fd == -ENOTDIR)
        return refuse(e, EPERM, "%s in the image is not an ordinary directory", dest);
    return fd < 0 ? fail(e, fd, "open %s in the root file system", dest) : fd;
}

static int nofollow_target(const struct root *root, const struct mount_item *m, struct err *e)
{
    const char *base;
    auto_close int dir = root_parent(root, m->dest, &base, e);
    int fd;

    if (dir < 0)
        return dir;
    fd = sys_openat2(dir, base, O_PATH | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (fd != -ENOENT)
        return fd < 0 ? fail(e, fd, "open %s in the root file system", m->dest) : fd;
    return m->is_dir ? root_mkdir_all(root, m->dest, e) : root_make_file(root, m->dest, e);
}

static int find_target(const struct root *root, const struct mount_item *m, struct err *e)
{
    if (str_eq(m->type, "proc") || str_eq(m->type, "sysfs"))
        return plain_target(root, m->dest, e);
    if (m->no_follow_dest)
        return nofollow_target(root, m, e);
    if (m->kind == MOUNT_BIND && !m->is_dir)
        return root_make_file(root, m->dest, e);
    return root_mkdir_all(root, m->dest, e);
}

/* What may be covered in /proc was decided by the words of the destination: a symlink of the image
 * that leads there was not asked (CVE-2019-16884). */
int mount_target(const struct root *root, const struct mount_item *m, struct err *e)
{
    auto_close int fd = find_target(root, m, e);
    long magic = 0;

    if (fd < 0 || str_eq(m->dest, "/proc") || str_starts(m->dest, "/proc/") ||
        sys_fs_type(fd, &magic) < 0 || magic != PROC_SUPER_MAGIC)
        return take_fd(&fd);
    fd_close(&fd);
    fd = sys_openat2(root->fd, m->dest, O_PATH, 0,
                     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    if (fd < 0)
        return refuse(e, EPERM,
                      "%s in the image leads to /proc, where it may hide what protects "
                      "the host",
                      m->dest);
    return take_fd(&fd);
}

/* The kernel says EINVAL or ENOTDIR when a file would cover a directory or the other way round;
 * engines look for the latter's words. */
static bool is_mixed(int tree, int target)
{
    struct stat a, b;

    return sys_fstat(tree, &a) == 0 && sys_fstat(target, &b) == 0 &&
           S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode);
}

int mount_attach(int tree, int target, const struct mount_item *m, struct err *e)
{
    int r = sys_move_mount(tree, target, "");

    if (r == -ENOTDIR || (r == -EINVAL && is_mixed(tree, target)))
        return refuse(e, ENOTDIR, "mount %s on %s: not a directory (one of the two is a file)",
                      m->source ? m->source : m->type, m->dest);
    return r < 0 ? fail(e, r, "mount %s on %s", m->source ? m->source : m->type, m->dest) : 0;
}

/* Only a whole, real procfs may take the place of /proc. */
static int check_bind_over_proc(const struct mount_item *m, struct err *e)
{
    struct stat st;
    long magic = 0;
    int r = sys_fs_type(m->tree, &magic);

    if (r == 0)
        r = sys_fstat(m->tree, &st);
    if (r < 0)
        return fail(e, r, "look at %s", m->source);
    if (magic == PROC_SUPER_MAGIC && st.st_ino == 1)
        return 0;
    return refuse(e, EPERM, "%s is not a proc file system and may not cover /proc", m->source);
}

static int make_link(struct ctx *ctx, const struct mount_item *m, struct err *e)
{
    const char *base;
    auto_close int dir = root_parent(&ctx->root, m->dest, &base, e);
    char there[4096];
    int r;

    if (dir < 0)
        return dir;
    r = sys_symlink(m->link, dir, base);
    if (r == -EEXIST && sys_readlink(dir, base, there, sizeof there) > 0 && str_eq(there, m->link))
        return 0;
    return r < 0 ? fail(e, r, "make the symlink %s", m->dest) : 0;
}

static int attach_bind(struct ctx *ctx, struct mount_item *m, struct err *e)
{
    auto_close int target = -1;
    int r;

    if (m->link)
        return make_link(ctx, m, e);
    if (str_eq(m->dest, "/proc") && check_bind_over_proc(m, e) < 0)
        return -e->code;
    target = mount_target(&ctx->root, m, e);
    if (target < 0)
        return target;
    r = mount_attach(m->tree, target, m, e);
    fd_close(&m->tree);
    return r;
}

static int change_mounted(struct ctx *ctx, const struct mount_item *m, struct err *e)
{
    auto_close int fd = root_find(&ctx->root, m->dest);
    int r;

    if (fd < 0)
        return fail(e, fd, "open %s to change its mount", m->dest);
    r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, m->set, m->clear, m->propagation, -1);
    if (r == 0 && (m->rec_set || m->rec_clear))
        r = sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, m->rec_set, m->rec_clear, 0,
                              -1);
    if (r == -EINVAL)
        return refuse(e, EINVAL, "remount %s: nothing is mounted there", m->dest);
    return r < 0 ? fail(e, r, "remount %s", m->dest) : 0;
}

static int one_mount(struct ctx *ctx, struct mount_item *m, struct err *e)
{
    switch (m->kind) {
    case MOUNT_BIND:
        return attach_bind(ctx, m, e);
    case MOUNT_FS:
        return mount_new_fs(ctx, m, e);
    case MOUNT_CGROUP:
        return mount_cgroup(ctx, m, e);
    case MOUNT_REMOUNT:
        return change_mounted(ctx, m, e);
    }
    return refuse(e, EINVAL, "an unknown kind of mount");
}

int step_mounts(struct ctx *ctx, struct err *e)
{
    struct mount_plan *mp = &ctx->plan->mounts;

    for (unsigned i = 0; i < mp->n; i++)
        if (one_mount(ctx, &mp->v[i], e) < 0)
            return err_at(e, "/mounts/%u", mp->v[i].index);
    return 0;
}
