/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef RT_NET_INTERNAL_H
#define RT_NET_INTERNAL_H

/* The loopback device up in the network namespace of a socket, of which any will do. The ioctl is
 * one call; rtnetlink would be four. */
int net_lo_up(int sock);

#endif
