/* SPDX-License-Identifier: Apache-2.0 */
/* Work that goes on beside ours, on another processor. */
#ifndef RT_SYS_BESIDE_H
#define RT_SYS_BESIDE_H

/*
 * A child that shares our memory, but has descriptors of its own, runs fn(arg) and leaves with its
 * result as exit status. No page table is copied, which makes it cheaper than a fork. It may call
 * wrappers of src/sys and touch what `arg` points to, which must live and stay unwritten until the
 * child has ended; it may not allocate, nor write to variables, as sys_image_swap may go on at the
 * same time. Its end raises no signal: sys_wait_pidfd collects it.
 * 0 and an owned descriptor, or -errno; -ENOSYS where rt cannot do this.
 */
int sys_beside(int (*fn)(void *), void *arg, int *pidfd);

#endif
