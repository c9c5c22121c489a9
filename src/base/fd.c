/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the closing of things that were opened. */
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void fd_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

void fd_closedir(DIR **d)
{
    int saved = errno;

    if (*d)
        closedir(*d);
    *d = NULL;
    errno = saved;
}

void fd_fclose(FILE **f)
{
    int saved = errno;

    if (*f)
        fclose(*f);
    *f = NULL;
    errno = saved;
}

void mem_free(void *p)
{
    void **slot = p;

    free(*slot);
    *slot = NULL;
}
