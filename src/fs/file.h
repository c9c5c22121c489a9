/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: reading, and writing so that a reader or a crash never sees half of one. */
#ifndef RT_FS_FILE_H
#define RT_FS_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include <stddef.h>

/* Read a file of at most `most` bytes into the arena, terminated; *len its length.
 * EFBIG beyond `most`. */
int file_read(struct arena *a, int dirfd, const char *path, size_t most, char **text, size_t *len,
              struct err *e);

/* Write by a temporary name in the same directory and rename. mode less the umask. */
int file_write_atomic(int dirfd, const char *path, const void *data, size_t len, unsigned mode,
                      struct err *e);

/* Remove a directory with all below, not crossing mount points, never following a link.
 * 0 also if it is not there. */
int file_remove_tree(int dirfd, const char *name, struct err *e);

#endif
