/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the question whether this kernel is new enough. */
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

/* 5.14 brings mount_setattr's nosymfollow, cgroup.kill and openat2's scoped lookups together:
 * below it rt would need emulations by path, which is where escapes come from. */
enum { NEED_MAJOR = 5, NEED_MINOR = 14 };

int sys_kernel_check(char *buf, size_t size)
{
    struct utsname u;
    unsigned long major, minor;
    char *end, *release;

    if (uname(&u) < 0)
        return -errno;
    snprintf(buf, size, "%s", u.release);
    major = strtoul(u.release, &end, 10);
    if (end == u.release || *end != '.')
        return 0;
    release = end + 1;
    minor = strtoul(release, &end, 10);
    if (end == release)
        return 0;
    if (major > NEED_MAJOR || (major == NEED_MAJOR && minor >= NEED_MINOR))
        return 0;
    return -ENOSYS;
}
