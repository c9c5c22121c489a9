/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache and memory bandwidth: the container's group in resctrl (kernel,
 * Documentation/arch/x86/resctrl.rst), config-linux.md, "IntelRdt".
 *
 * Life: rdt_plan decides the group and makes nothing; rdt_save gives the line for the container's
 * record, to be stored before step_join_resctrl. A later process has it back by rdt_load.
 */
#ifndef RT_RDT_RDT_H
#define RT_RDT_RDT_H

#include "core/ctx.h"

/* Fill plan->rdt from /linux/intelRdt; NULL without it. Without a closID the group has the name of
 * the container and goes with it, unless it was there before. A closID alone names a group that
 * has to be there; with a schema, one that is made or has just these values. "/" is the root. */
int rdt_plan(struct plan *p, struct arena *a, struct err *e);

/* The group as one line of text; the reverse, checked. */
const char *rdt_save(const struct rdt *r, struct arena *a);
int rdt_load(struct arena *a, const char *text, struct rdt **out, struct err *e);

/* host: make the group, write its schemata, put ctx->child into it. For exec: only the last. */
step_fn step_join_resctrl;
void undo_join_resctrl(struct ctx *ctx);

/* Remove what was made for the container. Idempotent. */
int rdt_remove(const struct rdt *r, struct err *e);

/* Lines of a group's schemata file, each may be NULL. */
struct rdt_lines {
    const char *l3, *mb;
};

/* Write new lines; *old, unless NULL, are those they replaced. On failure the old ones are back. */
int rdt_update(const struct rdt *r, struct arena *a, const struct rdt_lines *lines,
               struct rdt_lines *old, struct err *e);

/* Is resctrl mounted? Its mount point, or NULL. */
const char *rdt_mount(struct arena *a);

#endif
