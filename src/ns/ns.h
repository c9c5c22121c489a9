/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces: which are made, which are entered, by whom; id maps, time offsets, host names.
 */
#ifndef RT_NS_NS_H
#define RT_NS_NS_H

#include "core/ctx.h"

/* Fill plan->ns and plan->id from /linux/namespaces, the mappings and timeOffsets. Opens nothing
 * but /proc/self for comparing a named namespace with our own, which then counts as not listed. */
int ns_plan(struct plan *, struct arena *, struct err *);

/* plan->id.uid and .gid alone, for a process that joins a container. */
void ns_plan_builder(struct plan *);

/* CLONE_NEW* for the clone of init, and of the middle. */
uint64_t ns_init_flags(const struct plan *);

step_fn step_open_namespaces; /* host: those named by path, type checked */
step_fn step_enter_middle;    /* middle: join or make what needs another process after it */
step_fn step_write_maps;      /* host: setgroups, id maps, time offsets of ctx->child */
step_fn step_open_mappings;   /* host: user namespaces that carry the id mappings of mounts */
step_fn step_join_namespaces; /* init: the others named by path */
step_fn step_enter_cgroup_namespace; /* init: behind a middle, once it is in its cgroup */
step_fn step_become_root;    /* init: root, or who else is mapped, with full capabilities inside */
step_fn step_unshare_cgroup; /* init: once it is placed, so that the namespace is rooted there */
step_fn step_set_hostname;
step_fn step_set_domainname;

#endif
