/* SPDX-License-Identifier: Apache-2.0 */
/* Owns whole-file reading and writing on the host's side. */
#include "fs/file.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_read(struct arena *a, int dirfd, const char *path, size_t most, char **text, size_t *len,
              struct err *e)
{
    auto_close int fd = sys_open(dirfd, path, O_RDONLY, 0);
    struct stat st;
    size_t room, n = 0;
    char *buf;
    int r;

    if (fd < 0)
        return fail(e, fd, "open %s", path);
    r = sys_fstat(fd, &st);
    if (r < 0)
        return fail(e, r, "look at %s", path);
    if (S_ISDIR(st.st_mode))
        return fail(e, EISDIR, "read %s", path);
    /* Pipes and kernel files have no size: then up to `most` is read. */
    room = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : most;
    if (room > most)
        return refuse(e, EFBIG, "%s is larger than %zu bytes", path, most);
    buf = arena_alloc(a, room + 1);
    while (n < room) {
        ssize_t got = sys_read(fd, buf + n, room - n);
        if (got < 0)
            return fail(e, (int)got, "read %s", path);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *text = buf;
    *len = n;
    return 0;
}

int file_write_atomic(int dirfd, const char *path, const void *data, size_t len, unsigned mode,
                      struct err *e)
{
    char tmp[4096];
    const char *slash = strrchr(path, '/');
    int dir = slash ? (int)(slash - path) + 1 : 0;
    int n = snprintf(tmp, sizeof tmp, "%.*s.%s.%d", dir, path, path + dir, (int)getpid());
    auto_close int fd = -1;
    int r;

    if (n < 0 || n >= (int)sizeof tmp)
        return fail(e, ENAMETOOLONG, "write %.64s...", path);
    fd = sys_open(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd == -EEXIST) {
        /* Left behind by a killed process that had this pid. */
        drop(sys_unlink(dirfd, tmp, 0), "the open below says what is wrong");
        fd = sys_open(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    }
    if (fd < 0)
        return fail(e, fd, "create %s", tmp);
    r = sys_write_all(fd, data, len);
    if (r == 0)
        r = sys_rename(dirfd, tmp, path);
    if (r < 0) {
        drop(sys_unlink(dirfd, tmp, 0), "the first failure is the one to report");
        return fail(e, r, "write %s", path);
    }
    return 0;
}

static int remove_entries(int dir, dev_t dev, struct err *e);

static int remove_one(int dir, const char *name, dev_t dev, struct err *e)
{
    struct stat st;
    int r = sys_unlink(dir, name, 0);

    if (r == 0 || r == -ENOENT)
        return 0;
    if (r != -EISDIR && r != -EPERM)
        return fail(e, r, "remove %s", name);
    {
        auto_close int sub = sys_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (sub < 0)
            return fail(e, r, "remove %s", name);
        r = sys_fstat(sub, &st);
        if (r == 0 && st.st_dev == dev && remove_entries(sub, dev, e) < 0)
            return -e->code;
    }
    r = sys_unlink(dir, name, AT_REMOVEDIR);
    return r < 0 && r != -ENOENT ? fail(e, r, "remove directory %s", name) : 0;
}

static int remove_entries(int dir, dev_t dev, struct err *e)
{
    int copy = sys_dup(dir, 3);
    auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!d)
        return fail(e, errno, "list a directory");
    while ((entry = readdir(d)))
        if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") &&
            remove_one(dir, entry->d_name, dev, e) < 0)
            return -e->code;
    return 0;
}

int file_remove_tree(int dirfd, const char *name, struct err *e)
{
    struct stat st;
    int r = sys_stat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return fail(e, r, "look at %s", name);
    return remove_one(dirfd, name, st.st_dev, e);
}
