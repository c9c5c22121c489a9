/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a container away, from whatever state its creation had reached. */
#ifndef RT_RUN_DESTROY_H
#define RT_RUN_DESTROY_H

#include "core/ctx.h"
#include "run/record.h"

/* A context with nothing open. */
void run_ctx_init(struct ctx *, struct plan *, struct arena *);

/* The container that this process made and has unlocked since: everything of it is removed, then
 * poststop runs. 0 too when another command has done so. */
int destroy_ctx(struct ctx *, struct err *);

/* A container out of its record, locked by the caller. Processes are killed, the cgroup and own
 * mounts removed, the folder goes, poststop runs with the private copy of the configuration. */
int destroy_container(struct container *, struct arena *, struct err *);

#endif
