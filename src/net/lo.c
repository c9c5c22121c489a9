/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the loopback device of a new network namespace. */
#include "net/net.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int step_lo_up(struct ctx *ctx, struct err *e)
{
    struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    /* The ioctl is one call; rtnetlink would be four. Any socket of the namespace will do. */
    auto_close int sock = sys_socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)ctx;
    if (sock < 0)
        return fail(e, sock, "make a socket for the loopback device");
    if (ioctl(sock, SIOCSIFFLAGS, &req) < 0)
        return fail(e, errno, "bring the loopback device up");
    return 0;
}
