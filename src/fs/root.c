/* SPDX-License-Identifier: Apache-2.0 */
/* Owns lookups inside the container's root file system. */
#include "fs/root.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A rename elsewhere in the tree during a lookup makes openat2 say EAGAIN; an attacker can do so
 * at will, hence the bound. */
enum { RETRIES = 128, LONGEST_PATH = 4096 };

static int scoped(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
    int fd = -EAGAIN;

    for (int i = 0; i < RETRIES && (fd == -EAGAIN || fd == -EINTR); i++)
        fd = sys_openat2(dirfd, path, flags, mode, RESOLVE_IN_ROOT | resolve);
    return fd;
}

int root_open(const struct root *r, const char *path, int flags, mode_t mode)
{
    int writes = flags & (O_WRONLY | O_RDWR | O_CREAT);

    return scoped(r->fd, path, (uint64_t)flags, flags & O_CREAT ? mode : 0,
                  writes ? RESOLVE_NO_MAGICLINKS : 0);
}

int root_find(const struct root *r, const char *path)
{
    return scoped(r->fd, path, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
}

static int find_dir(const struct root *r, const char *path)
{
    return scoped(r->fd, path, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS);
}

/* Cut the last component off a path in place. Returns it, NULL when there is none. */
static char *split_last(char *path)
{
    size_t n = strlen(path);
    char *slash;

    while (n && path[n - 1] == '/')
        path[--n] = '\0';
    slash = strrchr(path, '/');
    if (!n)
        return NULL;
    if (!slash)
        return path;
    *slash = '\0';
    return slash + 1;
}

/* A dangling symlink in the image is completed inside the root, as a container's own mkdir -p
 * would: the text of the link takes the place of the name. */
static int follow_dangling(int dir, const char *parent, const char *name, char *out)
{
    char target[LONGEST_PATH];
    ssize_t n = sys_readlink(dir, name, target, sizeof target);

    if (n < 0)
        return (int)n;
    if (target[0] != '/' && strlen(parent) + 1 + (size_t)n < LONGEST_PATH) {
        strcpy(out, parent);
        strcat(out, "/");
        strcat(out, target);
        return 0;
    }
    if (target[0] != '/')
        return -ENAMETOOLONG;
    strcpy(out, target);
    return 0;
}

static int make_dirs(const struct root *r, const char *path, int depth);

/* In the parent, which is `dir`: make the last component, or follow it where it is a dangling
 * link. */
static int make_last(const struct root *r, int dir, const char *parent, const char *name, int depth)
{
    char elsewhere[LONGEST_PATH];
    int made;

    if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
        return -EINVAL;
    made = sys_mkdir(dir, name, 0755);
    if (made != -EEXIST)
        return made;
    if (follow_dangling(dir, parent, name, elsewhere) < 0)
        return 0;
    return make_dirs(r, elsewhere, depth + 1);
}

/* Of a path that is not there. Mostly the last component alone is missing. */
static int make_dirs(const struct root *r, const char *path, int depth)
{
    char copy[LONGEST_PATH], *last;
    const char *parent;
    auto_close int dir = -1;
    int made = 0;

    if (depth > 40)
        return -ELOOP;
    if (strlen(path) >= sizeof copy)
        return -ENAMETOOLONG;
    strcpy(copy, path);
    last = split_last(copy);
    if (!last)
        return -ENOENT;
    parent = last == copy || !copy[0] ? "/" : copy;
    dir = find_dir(r, parent);
    if (dir == -ENOENT)
        made = make_dirs(r, parent, depth + 1);
    if (dir == -ENOENT && made == 0)
        dir = find_dir(r, parent);
    if (made < 0 || dir < 0)
        return made < 0 ? made : dir;
    return make_last(r, dir, last == copy ? "" : copy, last, depth);
}

int root_mkdir_all(const struct root *r, const char *path, struct err *e)
{
    int fd = find_dir(r, path), made;

    if (fd >= 0)
        return fd;
    made = fd == -ENOENT ? make_dirs(r, path, 0) : fd;
    if (made < 0)
        return fail(e, made, "make directory %s in the root file system", path);
    fd = find_dir(r, path);
    if (fd < 0)
        return fail(e, fd, "open directory %s in the root file system", path);
    return fd;
}

int root_parent(const struct root *r, const char *path, const char **base, struct err *e)
{
    char copy[LONGEST_PATH], *last;

    if (strlen(path) >= sizeof copy)
        return fail(e, ENAMETOOLONG, "find %.64s... in the root file system", path);
    strcpy(copy, path);
    last = split_last(copy);
    if (!last || strcmp(last, "..") == 0 || strcmp(last, ".") == 0)
        return refuse(e, EINVAL, "%s does not name a file in the root file system", path);
    *base = path + (last - copy);
    return root_mkdir_all(r, last == copy || !copy[0] ? "/" : copy, e);
}

int root_make_file(const struct root *r, const char *path, struct err *e)
{
    const char *base;
    int fd = root_find(r, path), made;
    auto_close int dir = -1;

    if (fd >= 0)
        return fd;
    if (fd != -ENOENT)
        return fail(e, fd, "open %s in the root file system", path);
    dir = root_parent(r, path, &base, e);
    if (dir < 0)
        return dir;
    /* IN_ROOT from the top again, so that a dangling link is completed inside the root. */
    made = root_open(r, path, O_CREAT | O_WRONLY, 0644);
    if (made < 0)
        return fail(e, made, "make file %s in the root file system", path);
    close(made);
    fd = root_find(r, path);
    if (fd < 0)
        return fail(e, fd, "open %s in the root file system", path);
    return fd;
}
