/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors as owned values: a variable is -1 or owns. `auto_close int fd = -1;` closes at
 * the end of the scope, `take_fd(&fd)` hands the descriptor over.
 */
#ifndef RT_BASE_FD_H
#define RT_BASE_FD_H

#include <dirent.h>
#include <stdio.h>

/* Close if open and set to -1. errno is preserved: cleanup never hides the reason. */
void fd_close(int *fd);

static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

void fd_closedir(DIR **d);
void fd_fclose(FILE **f);

/* Free what malloc gave: for the few library calls that return such memory. */
void mem_free(void *p);

#define auto_close    __attribute__((cleanup(fd_close)))
#define auto_closedir __attribute__((cleanup(fd_closedir)))
#define auto_fclose   __attribute__((cleanup(fd_fclose)))
#define auto_free     __attribute__((cleanup(mem_free)))

/* A result that may be dropped, with the reason why. */
#define drop(call, reason) ((void)((call), sizeof(reason)))

#endif
