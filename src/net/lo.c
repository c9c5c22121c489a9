/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the loopback device of a new network namespace. */
#include "net/internal.h"
#include "net/net.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int net_lo_up(int sock)
{
    struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    return ioctl(sock, SIOCSIFFLAGS, &req) < 0 ? -errno : 0;
}

int step_lo_up(struct ctx *ctx, struct err *e)
{
    auto_close int sock = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    int r;

    (void)ctx;
    if (sock < 0)
        return fail(e, sock, "make a socket for the loopback device");
    r = net_lo_up(sock);
    return r < 0 ? fail(e, r, "bring the loopback device up") : 0;
}
