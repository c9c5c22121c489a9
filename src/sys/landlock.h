/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, landlock(7); wrappers as in sys.h. The numbers are the kernel's, of which headers that
 * rt builds with may lack the newer ones. */
#ifndef RT_SYS_LANDLOCK_H
#define RT_SYS_LANDLOCK_H

#include <stdint.h>

/* LANDLOCK_ACCESS_FS_*; those up to LL_MAKE_SYM are of version 1 of the interface. */
enum {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_CHAR = 1 << 6,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_MAKE_SOCK = 1 << 9,
    LL_MAKE_FIFO = 1 << 10,
    LL_MAKE_BLOCK = 1 << 11,
    LL_MAKE_SYM = 1 << 12,
    LL_REFER = 1 << 13,     /* 2 */
    LL_TRUNCATE = 1 << 14,  /* 3 */
    LL_IOCTL_DEV = 1 << 15, /* 5 */
};

/* LANDLOCK_ACCESS_NET_*, version 4; LANDLOCK_SCOPE_*, version 6, are in the table of words. */
enum { LL_BIND_TCP = 1 << 0, LL_CONNECT_TCP = 1 << 1 };

/* Version of the kernel's interface, 1 or more; -ENOSYS or -EOPNOTSUPP where there is none. */
int sys_landlock_version(void);

/* A set of rules that denies these rights but for what is added. Owned descriptor, or -errno. */
int sys_landlock_make(uint64_t fs, uint64_t net, uint64_t scope);
/* Allow rights below an O_PATH descriptor of a directory, or on a file. */
int sys_landlock_allow_path(int rules, int fd, uint64_t rights);
int sys_landlock_allow_port(int rules, uint16_t port, uint64_t rights);
/* For this process and its children from now on; needs no_new_privs or CAP_SYS_ADMIN. */
int sys_landlock_restrict(int rules);

#endif
