/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/rdt and its tests. */
#ifndef RT_RDT_INTERNAL_H
#define RT_RDT_INTERNAL_H

#include "rdt/rdt.h"

struct rdt {
    const struct oci_intel_rdt *cfg; /* NULL when loaded from a record */
    const char *group;               /* absolute path of the directory */
    const char *monitor;             /* absolute path of the monitoring group, or NULL */
    bool ours;                       /* the group goes with the container */
};

/* The group below a mount point. */
int rdt_decide(struct arena *a, const char *mount, const struct oci_intel_rdt *cfg, const char *id,
               struct rdt **out, struct err *e);

/* Make what is missing, write the schemata, or compare them with those of a group that is shared.
 * On failure nothing that was made is left. */
int rdt_make(const struct rdt *r, struct err *e);

/* Put a process into the group, and into the monitoring group. */
int rdt_place(const struct rdt *r, pid_t pid, struct err *e);

/* Does a schemata file have all values of one line? The notation may differ: blanks, leading
 * zeros, order. */
bool rdt_has_line(const char *file, const char *line);

#endif
