/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the mount calls: the descriptor based API of Linux 5.2 and mount_setattr of 5.12. */
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_fsopen(const char *type)
{
    return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

int sys_fsconfig_string(int fs, const char *key, const char *value)
{
    return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0));
}

int sys_fsconfig_flag(int fs, const char *key)
{
    return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int sys_fsconfig_create(int fs)
{
    return result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int sys_fsmount(int fs, unsigned attr)
{
    return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr));
}

void sys_fs_message(int fs, char *buf, size_t size)
{
    ssize_t n = read(fs, buf, size - 1);

    if (n < 0)
        n = 0;
    while (n && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    /* The kernel prefixes "e ", "w " or "i ". */
    if (n > 2 && buf[1] == ' ')
        memmove(buf, buf + 2, (size_t)n - 1);
}

int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
    return result(syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC));
}

int sys_move_mount(int from, int to_dirfd, const char *to)
{
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (to[0] ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

    return result(syscall(SYS_move_mount, from, "", to_dirfd, to, flags));
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                      uint64_t propagation, int userns)
{
    struct mount_attr attr = {
        .attr_set = set,
        .attr_clr = clear,
        .propagation = propagation,
        .userns_fd = userns >= 0 ? (uint64_t)userns : 0,
    };

    return result(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof attr));
}

int sys_mount_old(const char *source, const char *target, const char *type, unsigned long flags,
                  const char *data)
{
    return result(mount(source, target, type, flags, data));
}

int sys_umount(const char *target, int flags)
{
    return result(umount2(target, flags));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    return result(syscall(SYS_pivot_root, new_root, put_old));
}
