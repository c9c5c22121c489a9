/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns making, walking and removing directories of a hierarchy. What is below the container's own
 * directory may be made by the container, deep and changing while it is read: a walk takes each
 * level by descriptor and treats what vanishes as gone.
 */
#include "cgroup/tree.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 200,   /* descriptors that a walk may hold */
    PARENT_TRIES = 16, /* another runtime may remove a shared parent just then */
};

static int make_at(const char *path, size_t len)
{
    char part[CG_PATH];

    memcpy(part, path, len);
    part[len] = '\0';
    return sys_mkdir(AT_FDCWD, part, 0755);
}

/* Make the parents, from the mount point on. */
static int make_parents(const struct hier *h)
{
    const char *slash = h->path + strlen(h->mount);

    while ((slash = strchr(slash + 1, '/'))) {
        int r = make_at(h->path, (size_t)(slash - h->path));
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

int tree_make(const struct hier *h, struct err *e)
{
    int r = sys_mkdir(AT_FDCWD, h->path, 0755);

    for (int i = 0; r == -ENOENT && i < PARENT_TRIES; i++) {
        r = make_parents(h);
        if (r < 0 && r != -ENOENT)
            break;
        r = sys_mkdir(AT_FDCWD, h->path, 0755);
    }
    if (r == -EEXIST || r == 0)
        return r;
    return fail(e, r, "make cgroup %s", h->path);
}

static void add_pid(struct arena *a, struct pid_set *s, pid_t pid)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        pid_t *v = arena_array(a, room, sizeof *v);
        if (s->n)
            memcpy(v, s->v, s->n * sizeof *v);
        s->v = v;
        s->room = room;
    }
    s->v[s->n++] = pid;
}

/* Numbers, one per line; a process outside our pid namespace is listed as 0. */
static int read_procs(int dir, struct arena *a, struct pid_set *set)
{
    auto_close int fd = sys_open(dir, "cgroup.procs", O_RDONLY, 0);
    char buf[4096];
    pid_t pid = 0;
    ssize_t r;

    if (fd < 0)
        return fd;
    while ((r = sys_read(fd, buf, sizeof buf)) > 0) {
        for (ssize_t i = 0; i < r; i++) {
            if (buf[i] != '\n') {
                pid = pid * 10 + (buf[i] - '0');
                continue;
            }
            if (pid)
                add_pid(a, set, pid);
            pid = 0;
        }
    }
    return (int)r;
}

/* Gone meanwhile, or a threaded cgroup, whose processes its domain lists (cgroups(7)). */
static bool is_nothing_to_list(int r)
{
    return r == -ENODEV || r == -ENOENT || r == -EOPNOTSUPP;
}

static bool is_subdir(const struct dirent *d)
{
    return d->d_type == DT_DIR && !str_eq(d->d_name, ".") && !str_eq(d->d_name, "..");
}

static int walk(int dir, unsigned depth, struct arena *a, struct pid_set *set)
{
    auto_closedir DIR *d = NULL;
    auto_close int fd = sys_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    struct dirent *entry;
    int r = fd < 0 ? fd : read_procs(fd, a, set);

    if (r < 0)
        return is_nothing_to_list(r) ? 0 : r;
    if (depth == DEPTH_MAX)
        return -ELOOP;
    d = fdopendir(fd);
    if (!d)
        return -errno;
    take_fd(&fd);
    while ((entry = readdir(d))) {
        auto_close int sub = -1;
        if (!is_subdir(entry))
            continue;
        sub = sys_open(dirfd(d), entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        if (sub < 0)
            continue; /* removed meanwhile */
        r = walk(sub, depth + 1, a, set);
        if (r < 0)
            return r;
    }
    return 0;
}

int tree_pids(int dir, struct arena *a, struct pid_set *set)
{
    return walk(dir, 0, a, set);
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

    return (x > y) - (x < y);
}

void pid_set_sort(struct pid_set *s)
{
    size_t n = 0;

    if (!s->n)
        return;
    qsort(s->v, s->n, sizeof *s->v, by_pid);
    for (size_t i = 1; i < s->n; i++)
        if (s->v[i] != s->v[n])
            s->v[++n] = s->v[i];
    s->n = n + 1;
}

bool pid_set_has(const struct pid_set *s, pid_t pid)
{
    return s->n && bsearch(&pid, s->v, s->n, sizeof pid, by_pid);
}

int tree_is_populated(int dir)
{
    struct arena a = {0};
    struct pid_set set = {0};
    int r = tree_pids(dir, &a, &set);

    if (r == 0)
        r = set.n > 0;
    arena_free(&a);
    return r;
}

/* The name of some directory in dir: 1, 0 none, -errno. */
static int first_subdir(int dir, char name[NAME_MAX + 1])
{
    auto_closedir DIR *d = NULL;
    auto_close int fd = sys_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    struct dirent *entry;

    if (fd < 0)
        return fd;
    d = fdopendir(fd);
    if (!d)
        return -errno;
    take_fd(&fd);
    while ((entry = readdir(d)))
        if (is_subdir(entry)) {
            strcpy(name, entry->d_name);
            return 1;
        }
    return 0;
}

static int step_to(int *dir, const char *name)
{
    int next = sys_open(*dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

    if (next < 0)
        return next;
    fd_close(dir);
    *dir = next;
    return 0;
}

/* Remove everything below `dir` (owned, moves about) without holding a descriptor per level: down
 * to a directory that can go, and up again. -EBUSY when one at the bottom cannot. */
static int empty_out(int *dir)
{
    char name[NAME_MAX + 1];
    unsigned depth = 0;
    bool came_up = false; /* without having removed anything below */

    for (;;) {
        int r = first_subdir(*dir, name);
        if (r < 0)
            return r == -ENOENT || r == -ENODEV ? 0 : r;
        if (r == 0) {
            if (depth == 0)
                return 0;
            r = step_to(dir, "..");
            depth--;
            came_up = true;
        } else if ((r = sys_unlink(*dir, name, AT_REMOVEDIR)) == 0 || r == -ENOENT) {
            came_up = false;
            r = 0;
        } else if (r == -EBUSY && !came_up) {
            r = step_to(dir, name);
            depth++;
        }
        if (r < 0)
            return r;
    }
}

/* Parents that were made for this container and that nobody else uses. */
static void remove_parents(const struct hier *h)
{
    char part[CG_PATH];
    char *slash;

    strcpy(part, h->path);
    while ((slash = strrchr(part, '/')) && (size_t)(slash - part) > h->there) {
        *slash = '\0';
        if (rmdir(part) < 0 && errno != ENOENT)
            return; /* in use */
    }
}

static int remove_below(const struct hier *h)
{
    auto_close int dir = sys_open(AT_FDCWD, h->path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    return empty_out(&dir);
}

int tree_remove(struct hier *h)
{
    int r;

    if (!h->path[h->there])
        return 0; /* it was there before */
    r = sys_unlink(AT_FDCWD, h->path, AT_REMOVEDIR);
    if (r == -EBUSY) {
        r = remove_below(h);
        if (r == 0)
            r = sys_unlink(AT_FDCWD, h->path, AT_REMOVEDIR);
    }
    if (r < 0 && r != -ENOENT)
        return r;
    remove_parents(h);
    return 0;
}
