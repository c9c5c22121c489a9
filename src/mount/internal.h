/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. All of it runs in init. */
#ifndef RT_MOUNT_INTERNAL_H
#define RT_MOUNT_INTERNAL_H

#include "mount/mount.h"

/* Is `path` the directory `dir` or something below it? By their words alone. */
bool mount_is_below(const char *path, const char *dir);

/* The place of a mount inside the root, made if it is missing. Owned O_PATH descriptor. */
int mount_target(const struct root *, const struct mount_item *, struct err *);

/* Attach a detached tree on an O_PATH descriptor; both stay with the caller. */
int mount_attach(int tree, int target, const struct mount_item *, struct err *);

/* A file system of its own: proc, sysfs, tmpfs, devpts, mqueue, overlay and whatever the kernel
 * knows. */
int mount_new_fs(struct ctx *, struct mount_item *, struct err *);

/* The container's view of its cgroup. */
int mount_cgroup(struct ctx *, struct mount_item *, struct err *);

/* A detached, not yet attached file system of a type without data. Owned descriptor. */
int mount_detached(const char *type, const char *source, const struct mount_data *data, unsigned n,
                   uint64_t attributes, struct err *);

/* Fill the root of a new file system with what the directory `from` holds (tmpcopyup). */
int mount_copy_up(int from, int to, struct err *);

#endif
