/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the standard streams that rt itself starts with. */
#include "io/io.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* open takes the lowest free number, so the loop meets the holes in their order. */
int io_guard_streams(struct err *e)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int null;
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        null = sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
        if (null < 0)
            return fail(e, null, "open /dev/null for a standard stream that is closed");
        if (null != fd)
            return fail(e, EBADF, "open /dev/null as descriptor %d", fd);
        drop(sys_cloexec(fd, false), "a child then has it closed");
    }
    return sigaction(SIGCHLD, &plain, NULL) < 0 ? fail(e, errno, "ask for ends of children") : 0;
}
