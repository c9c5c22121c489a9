/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's view of the file system: its root, the mounts of config.json, /dev, masked and
 * read-only paths. Sources on the host are opened before the clone and inherited; inside the root
 * everything is by descriptor (fs/root.h) and by the mount API of Linux 5.2, never by a path.
 */
#ifndef RT_MOUNT_MOUNT_H
#define RT_MOUNT_MOUNT_H

#include "core/ctx.h"

/* Fill plan->mounts from /root, /mounts, /linux/devices, rootfsPropagation. Nothing is opened. */
int mount_plan(struct plan *, struct arena *, struct err *);

/* The words of the option table, for `features` and for spelling hints. */
const char *const *mount_option_names(size_t *n);

/* Where privileged: in the host, before the clone. Otherwise in init, in its user namespace. */
step_fn step_open_trees;

step_fn step_idmap_trees;      /* host: id mappings through the container's user namespace */
step_fn step_make_private;     /* init: nothing of what follows reaches the host's mounts */
step_fn step_attach_root;      /* init: the root tree becomes a mount; ctx->root is set */
step_fn step_mounts;           /* init: /mounts, in the listed order */
step_fn step_devices;          /* init: default devices and /linux/devices */
step_fn step_dev_links;        /* init: /dev/fd, stdin, stdout, stderr, core, ptmx */
step_fn step_bind_console;     /* init: /dev/console from the pty's slave */
step_fn step_mask_paths;       /* init: /linux/maskedPaths cannot be read */
step_fn step_readonly_paths;   /* init: /linux/readonlyPaths */
step_fn step_pivot;            /* init: the root becomes "/", the host's tree goes */
step_fn step_root_propagation; /* init: /linux/rootfsPropagation, once everything stands */
step_fn step_readonly_root;    /* init: /root/readonly */

/* A mount namespace that is not the container's own keeps what was attached there: take it away.
 * `rootfs` as recorded. */
int mount_detach_rootfs(const char *rootfs, struct err *);

#endif
