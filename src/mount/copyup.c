/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns tmpcopyup: a new tmpfs starts with what the directory below it holds. Everything is by
 * descriptor and nothing is followed; owner, mode, times and extended attributes are kept, hard
 * links become files of their own.
 */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/copy.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 128 };

static int copy_entries(int from, int to, int depth, struct err *e);

/* Owner and mode are those of what is open: by its name somebody who can write there might have the
 * set-user-ID bit of one file go to another. */
static int look_at(int in, mode_t type, const char *name, struct stat *st, struct err *e)
{
    int r = sys_fstat(in, st);

    if (r < 0)
        return fail(e, r, "look at %s", name);
    return (st->st_mode & S_IFMT) == type
               ? 0
               : refuse(e, ESTALE, "%s changes while it is copied", name);
}

static int copy_file(int from, int to, const char *name, struct err *e)
{
    auto_close int in = sys_open(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    auto_close int out = -1;
    struct stat st;
    int r;

    if (in < 0)
        return fail(e, in, "open %s to copy it", name);
    if (look_at(in, S_IFREG, name, &st, e) < 0)
        return -e->code;
    out = sys_open(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (out < 0)
        return fail(e, out, "create the copy of %s", name);
    r = sys_copy_data(in, out);
    if (r == 0)
        r = sys_copy_attributes(in, out, &st);
    return r < 0 ? fail(e, r, "copy %s", name) : 0;
}

static int copy_dir(int from, int to, const char *name, int depth, struct err *e)
{
    auto_close int in = sys_open(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    auto_close int out = -1;
    struct stat st;
    int r;

    if (in < 0)
        return fail(e, in, "open the directory %s to copy it", name);
    if (look_at(in, S_IFDIR, name, &st, e) < 0)
        return -e->code;
    r = sys_mkdir(to, name, 0700);
    if (r < 0)
        return fail(e, r, "make the copy of directory %s", name);
    out = sys_open(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (out < 0)
        return fail(e, out, "open the copy of directory %s", name);
    if (copy_entries(in, out, depth + 1, e) < 0)
        return -e->code;
    r = sys_copy_attributes(in, out, &st);
    return r < 0 ? fail(e, r, "copy the attributes of %s", name) : 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *st, struct err *e)
{
    char target[4096];
    ssize_t n = sys_readlink(from, name, target, sizeof target);
    int r = n < 0 ? (int)n : sys_symlink(target, to, name);

    if (r == 0)
        r = sys_chown(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? fail(e, r, "copy the link %s", name) : 0;
}

static int copy_node(int to, const char *name, const struct stat *st, struct err *e)
{
    int r = sys_mknod(to, name, st->st_mode, st->st_rdev);

    if (r == 0)
        r = sys_chown(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
    return r < 0 ? fail(e, r, "copy the node %s", name) : 0;
}

static int copy_one(int from, int to, const char *name, int depth, struct err *e)
{
    struct stat st;
    int r = sys_stat(from, name, &st, AT_SYMLINK_NOFOLLOW);

    if (r < 0)
        return fail(e, r, "look at %s", name);
    switch (st.st_mode & S_IFMT) {
    case S_IFREG:
        return copy_file(from, to, name, e);
    case S_IFDIR:
        return copy_dir(from, to, name, depth, e);
    case S_IFLNK:
        return copy_link(from, to, name, &st, e);
    case S_IFSOCK:
        return 0; /* without its process a socket means nothing */
    default:
        return copy_node(to, name, &st, e);
    }
}

static int copy_entries(int from, int to, int depth, struct err *e)
{
    int copy = depth > DEEPEST ? -ELOOP : sys_dup(from, 3);
    auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!d)
        return fail(e, copy < 0 ? copy : errno, "list a directory to copy");
    while ((entry = readdir(d)))
        if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") &&
            copy_one(from, to, entry->d_name, depth, e) < 0)
            return -e->code;
    return 0;
}

int mount_copy_up(int from, int to, struct err *e)
{
    auto_close int in = sys_open(from, ".", O_RDONLY | O_DIRECTORY, 0);
    auto_close int out = sys_open(to, ".", O_RDONLY | O_DIRECTORY, 0);
    mode_t caller = umask(0);
    struct stat st;
    int r;

    if (in < 0 || out < 0)
        r = fail(e, in < 0 ? in : out, "open the directory to copy up");
    else
        r = copy_entries(in, out, 0, e);
    if (r == 0 && sys_fstat(in, &st) == 0)
        drop(sys_chown(out, "", st.st_uid, st.st_gid, AT_EMPTY_PATH),
             "an owner that is not mapped stays the container's root");
    umask(caller);
    return r;
}
