/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the verified handle of /proc. */
#include "fs/procfs.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int verified(int fd, struct err *e)
{
    long magic;
    struct stat st;
    int r = sys_fs_type(fd, &magic);

    if (r < 0)
        return fail(e, r, "look at the file system of /proc");
    if (magic != PROC_SUPER_MAGIC)
        return refuse(e, EXDEV, "/proc is not a proc file system (type %#lx)", magic);
    r = sys_fstat(fd, &st);
    if (r < 0)
        return fail(e, r, "look at /proc");
    /* The root of procfs is inode 1: anything else is a bind of some directory inside it. */
    if (st.st_ino != 1)
        return refuse(e, EXDEV, "/proc is not the root of a proc file system");
    return 0;
}

int procfs_open(struct err *e)
{
    auto_close int fd = sys_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    int r;

    if (fd < 0)
        return fail(e, fd, "open /proc");
    r = verified(fd, e);
    return r < 0 ? r : take_fd(&fd);
}

int procfs_file(int proc, const char *path, int flags)
{
    return sys_openat2(proc, path, (uint64_t)flags, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
}

int procfs_write(int proc, const char *path, const char *value, struct err *e)
{
    auto_close int fd = procfs_file(proc, path, O_WRONLY);
    size_t n = strlen(value);
    ssize_t r;

    if (fd < 0)
        return fail(e, fd, "open /proc/%s", path);
    r = sys_write(fd, value, n);
    if (r < 0)
        return fail(e, (int)r, "write \"%.64s\" to /proc/%s", value, path);
    if ((size_t)r != n)
        return refuse(e, EIO, "/proc/%s took %zd of %zu bytes", path, r, n);
    return 0;
}

ssize_t procfs_read(int proc, const char *path, char *buf, size_t size)
{
    auto_close int fd = procfs_file(proc, path, O_RDONLY);
    size_t n = 0;

    if (fd < 0)
        return fd;
    while (n < size - 1) {
        ssize_t r = sys_read(fd, buf + n, size - 1 - n);
        if (r < 0)
            return r;
        if (r == 0)
            break;
        n += (size_t)r;
    }
    buf[n] = '\0';
    return (ssize_t)n;
}

static const char *skip_words(const char *s, unsigned n)
{
    while (n && *s)
        n -= *s++ == ' ';
    return s;
}

/* Fields of proc_pid_stat(5), counted as there. */
enum { STATE = 3, START_TIME = 22, PENDING = 31 };

/* From the state on, in `stat`, or NULL and *r. The name in parentheses before it may hold
 * anything, also ")": the last one ends it. */
static const char *read_stat(int proc, pid_t pid, char *stat, size_t size, int *r)
{
    char path[32], *p;
    ssize_t n;

    snprintf(path, sizeof path, "%d/stat", (int)pid);
    n = procfs_read(proc, path, stat, size);
    p = n < 0 ? NULL : strrchr(stat, ')');
    *r = n < 0 ? (int)n : -EPROTO;
    return p && p[1] == ' ' && p[2] ? p + 2 : NULL;
}

static int read_number(const char *stat, unsigned field, unsigned long long *out)
{
    const char *start = skip_words(stat, field - STATE);
    char *end;

    *out = strtoull(start, &end, 10);
    return end > start ? 0 : -EPROTO;
}

int procfs_start_time(int proc, pid_t pid, unsigned long long *ticks, char *state)
{
    char text[1024];
    int r;
    const char *stat = read_stat(proc, pid, text, sizeof text, &r);

    if (!stat)
        return r;
    *state = *stat;
    return read_number(stat, START_TIME, ticks);
}

int procfs_is_killed(int proc, pid_t pid)
{
    char text[1024];
    unsigned long long pending;
    int r;
    const char *stat = read_stat(proc, pid, text, sizeof text, &r);

    if (!stat)
        return r;
    r = read_number(stat, PENDING, &pending);
    return r < 0 ? r : (int)(pending >> (SIGKILL - 1) & 1);
}

int procfs_boot_id(int proc, char id[BOOT_ID])
{
    ssize_t n = procfs_read(proc, "sys/kernel/random/boot_id", id, BOOT_ID);

    if (n < 0)
        return (int)n;
    id[strcspn(id, "\n")] = '\0';
    return *id ? 0 : -EPROTO;
}
