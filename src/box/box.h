/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second wall under the mounts: Landlock, landlock(7), by which processes of the container give
 * up rights to files, ports and other processes for good, whatever is mounted or becomes root.
 */
#ifndef RT_BOX_BOX_H
#define RT_BOX_BOX_H

#include "core/ctx.h"

/* Fill plan->landlock out of the annotation rt.landlock (libocispec/def/landlock.def); not given
 * without it. An error when the kernel lacks what is asked for, unless bestEffort is said, and
 * without process.noNewPrivileges, which the kernel demands. Needs plan->process.cfg. */
int box_plan(struct plan *, struct arena *, struct err *);

/* init, with the container's root as its own and no_new_privs set, before any filter of system
 * calls that might stop it. What runs inside afterwards, startContainer hooks too, is confined. */
step_fn step_confine;

/* For the features document: the version of the kernel's Landlock, 0 where there is none. */
int box_landlock_version(void);

#endif
