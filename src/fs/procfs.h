/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A /proc that is known to be one. Writes to sysctls, LSM attributes and id maps through a path
 * can be redirected by a mount on top (CVE-2019-16884, CVE-2025-52881); through this handle they
 * cannot: its file system type is verified, and no lookup crosses a mount or a magic link.
 */
#ifndef RT_FS_PROCFS_H
#define RT_FS_PROCFS_H

#include "base/err.h"
#include <stddef.h>
#include <sys/types.h>

/* The /proc of the caller, verified to be the root of a proc file system. In init it is taken
 * before anything of the container is mounted, from the host's table: the container cannot have
 * touched it, and its sysctl and self entries still are those of the caller's namespaces.
 * Owned O_PATH descriptor, or -errno. */
int procfs_open(struct err *e);

/* Open a file below the handle without crossing mounts or magic links. */
int procfs_file(int proc, const char *path, int flags);

/* Write a whole value in one write, as these files demand. `proc` from procfs_open. */
int procfs_write(int proc, const char *path, const char *value, struct err *e);

/* Read a small file as a terminated string. Length, or -errno. */
ssize_t procfs_read(int proc, const char *path, char *buf, size_t size);

/* Start time of a process in clock ticks since boot (proc_pid_stat(5), field 22), which together
 * with the pid names a process for good. 0 or -errno. */
int procfs_start_time(int proc, pid_t pid, unsigned long long *ticks, char *state);

/* Is a SIGKILL on its way to the process? 1, 0, or -errno. One that is frozen cannot take it. */
int procfs_is_killed(int proc, pid_t pid);

/* The kernel's name of this boot, random(4), of at most 36 characters. 0 or -errno. */
enum { BOOT_ID = 40 };
int procfs_boot_id(int proc, char id[BOOT_ID]);

#endif
