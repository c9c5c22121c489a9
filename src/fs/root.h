/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a root file system. Its content is hostile and may change while rt works on it,
 * so a place inside is only ever named by a path below `struct root`, resolved by openat2 with
 * RESOLVE_IN_ROOT: symlinks, also absolute ones and "..", end at the root. There is no lookup by
 * plain path (CVE-2019-19921, CVE-2021-30465, CVE-2024-45310).
 */
#ifndef RT_FS_ROOT_H
#define RT_FS_ROOT_H

#include "base/err.h"
#include <sys/types.h>

struct root {
    int fd; /* O_PATH descriptor of the root directory, owned by whoever made the root */
};

/* Open a place inside. `flags` as of open; magic links are refused when flags write or create.
 * Descriptor, or -errno (no message: the caller knows whether absence is an error). */
int root_open(const struct root *r, const char *path, int flags, mode_t mode);

/* An O_PATH descriptor of the place. */
int root_find(const struct root *r, const char *path);

/* Make the directory and its missing parents, 0755 less the umask. O_PATH descriptor of it. */
int root_mkdir_all(const struct root *r, const char *path, struct err *e);

/* Make an empty regular file and its missing parents unless something is there. O_PATH. */
int root_make_file(const struct root *r, const char *path, struct err *e);

/* O_PATH descriptor of the directory that holds the last component of path (parents are made),
 * and that component in *base, pointing into path. "/" and names ending in ".." are refused. */
int root_parent(const struct root *r, const char *path, const char **base, struct err *e);

#endif
