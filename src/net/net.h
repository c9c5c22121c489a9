/* SPDX-License-Identifier: Apache-2.0 */
/* The container's network: loopback, and devices of the host that move in. */
#ifndef RT_NET_NET_H
#define RT_NET_NET_H

#include "core/ctx.h"

step_fn step_lo_up; /* init: loopback up in a new network namespace */

#endif
