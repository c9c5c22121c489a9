/* SPDX-License-Identifier: Apache-2.0 */
/* The container's network: loopback, and devices of the host that move in. */
#ifndef RT_NET_NET_H
#define RT_NET_NET_H

#include "core/ctx.h"

/* Can /linux/netDevices be moved at all: names, a network namespace, privilege. Makes nothing. */
int net_plan(struct plan *, struct arena *, struct err *);

step_fn step_begin_network; /* host: have a process make the network namespace beside us */
step_fn step_enter_network; /* init: enter it, once it is made; its loopback is up */
step_fn step_end_network;   /* host: collect that process */
void undo_begin_network(struct ctx *);

step_fn step_lo_up; /* init: loopback up in a network namespace that its clone made */

/* host: /linux/netDevices into the network namespace of the container, renamed, with their
 * permanent global addresses, up (runtime-spec config-linux.md, Network Devices). A name that is
 * taken there is an error, a name with %d finds a free number. */
step_fn step_move_net_devices;

/* The creation failed: bring them back. Once a container runs they are its own and go with it. */
void undo_move_net_devices(struct ctx *);

#endif
