/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the copying of file contents and attributes. */
#include "sys/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, NAMES = 4096, VALUE = 65536 };

int sys_copy_data(int in, int out)
{
    ssize_t n;

    do
        n = sendfile(out, in, NULL, CHUNK);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -errno : 0;
}

static void copy_xattrs(int in, int out)
{
    char names[NAMES], value[VALUE];
    ssize_t n = flistxattr(in, names, sizeof names);

    for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
        ssize_t len = fgetxattr(in, p, value, sizeof value);
        /* tmpfs has no user.* before Linux 6.6, and a user namespace may not set all kinds. */
        if (len >= 0 && fsetxattr(out, p, value, (size_t)len, 0) < 0)
            continue;
    }
}

int sys_copy_attributes(int in, int out, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    mode_t mode = st->st_mode & 07777u;

    copy_xattrs(in, out);
    if (fchown(out, st->st_uid, st->st_gid) < 0) {
        if (errno != EINVAL && errno != EPERM)
            return -errno;
        mode &= ~(mode_t)(S_ISUID | S_ISGID); /* it would run as whoever made the copy */
    }
    if (fchmod(out, mode) < 0 || futimens(out, times) < 0)
        return -errno;
    return 0;
}
