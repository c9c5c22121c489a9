/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the ioctls of nsfs. */
#include "sys/nsfs.h"

#include "sys/sys.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

int sys_ns_type(int fd)
{
    int r = ioctl(fd, NS_GET_NSTYPE);

    return r < 0 ? -errno : r;
}

int sys_ns_of(int proc, pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "%d/ns/%s", (int)pid, name);
    return sys_open(proc, path, O_RDONLY, 0);
}

int sys_socket_netns(int sock)
{
    int fd = ioctl(sock, SIOCGSKNS);

    return fd < 0 ? -errno : fd;
}

void sys_wait_forever(void)
{
    /* The parent's death must not leave us behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}
