/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the calls that name and move files and bytes. */
#include "sys/sys.h"

#include <errno.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; the same number on every architecture */
#endif

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_open(int dirfd, const char *path, int flags, mode_t mode)
{
    int r;

    do
        r = result(openat(dirfd, path, flags | O_CLOEXEC, mode));
    while (r == -EINTR);
    return r;
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};

    return result(syscall(SYS_openat2, dirfd, path, &how, sizeof how));
}

int sys_mkdir(int dirfd, const char *path, mode_t mode)
{
    return result(mkdirat(dirfd, path, mode));
}

int sys_mknod(int dirfd, const char *path, mode_t mode, dev_t dev)
{
    return result(mknodat(dirfd, path, mode, dev));
}

int sys_symlink(const char *target, int dirfd, const char *path)
{
    return result(symlinkat(target, dirfd, path));
}

int sys_unlink(int dirfd, const char *path, int flags)
{
    return result(unlinkat(dirfd, path, flags));
}

int sys_rename(int dirfd, const char *from, const char *to)
{
    return result(renameat(dirfd, from, dirfd, to));
}

int sys_stat(int dirfd, const char *path, struct stat *st, int flags)
{
    return result(fstatat(dirfd, path, st, flags));
}

int sys_fstat(int fd, struct stat *st)
{
    return result(fstat(fd, st));
}

int sys_fs_type(int fd, long *magic)
{
    struct statfs s;

    if (fstatfs(fd, &s) < 0)
        return -errno;
    *magic = (long)s.f_type;
    return 0;
}

int sys_mount_id(int fd, uint64_t *id)
{
    struct statx sx;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
        return -errno;
    *id = sx.stx_mnt_id;
    return 0;
}

ssize_t sys_readlink(int dirfd, const char *path, char *buf, size_t size)
{
    ssize_t n = readlinkat(dirfd, path, buf, size - 1);

    if (n < 0)
        return -errno;
    buf[n] = '\0';
    return n;
}

ssize_t sys_read(int fd, void *buf, size_t n)
{
    ssize_t r;

    do
        r = read(fd, buf, n);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

ssize_t sys_write(int fd, const void *buf, size_t n)
{
    ssize_t r;

    do
        r = write(fd, buf, n);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

int sys_write_all(int fd, const void *buf, size_t n)
{
    const char *p = buf;

    while (n) {
        ssize_t r = sys_write(fd, p, n);
        if (r < 0)
            return (int)r;
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

int sys_chown(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
    return result(fchownat(dirfd, path, uid, gid, flags));
}

int sys_chmod_fd(int fd, mode_t mode)
{
    char path[32];
    int r = result(syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH));

    if (r != -ENOSYS)
        return r;
    r = result(fchmod(fd, mode));
    if (r != -EBADF)
        return r;
    /* An O_PATH descriptor before Linux 6.6: only its magic link can be changed. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return result(chmod(path, mode));
}

int sys_memfd(const char *name, unsigned flags)
{
    return result(memfd_create(name, flags | MFD_CLOEXEC));
}

int sys_seal(int fd)
{
    return result(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
}

int sys_dup(int fd, int at_least)
{
    return result(fcntl(fd, F_DUPFD_CLOEXEC, at_least));
}

int sys_dup_onto(int fd, int target)
{
    if (fd == target)
        return sys_cloexec(fd, false);
    return result(dup2(fd, target));
}

int sys_flock(int fd, int operation)
{
    return result(flock(fd, operation));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    return result(syscall(SYS_close_range, first, last, flags));
}

int sys_cloexec(int fd, bool on)
{
    return result(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}
