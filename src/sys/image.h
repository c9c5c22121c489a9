/* SPDX-License-Identifier: Apache-2.0 */
/* The running program's own image: its mapped segments and what /proc/self/exe points to. */
#ifndef RT_SYS_IMAGE_H
#define RT_SYS_IMAGE_H

#include <stdbool.h>

/* `proc` is a trusted handle of /proc: what the name "/proc" leads to may be a container's. */

/* Is the executable on a read-only mount already? */
bool sys_image_is_read_only(int proc);

/* Map every segment of the running program again from `fd`, another mount's view of the same
 * file, and make it the executable of the process. Needs a statically linked program and
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in its user namespace (prctl(2), PR_SET_MM_MAP). On
 * failure the image is still whole. */
int sys_image_swap(int fd);

/* A new description of what an O_PATH or mount descriptor refers to. */
int sys_reopen(int proc, int fd, int flags);

#endif
