/* SPDX-License-Identifier: Apache-2.0 */
/* Copying what a file is made of. */
#ifndef RT_SYS_COPY_H
#define RT_SYS_COPY_H

#include <sys/stat.h>

/* All data from `in` to `out`, in the kernel where both file systems allow it. 0 or -errno. */
int sys_copy_data(int in, int out);

/* Extended attributes, owner, mode and times, in that order, as a change of owner clears set-id
 * bits. Attributes that the target cannot hold and owners that are not mapped are left out, the
 * latter with the set-id bits. */
int sys_copy_attributes(int in, int out, const struct stat *st);

#endif
