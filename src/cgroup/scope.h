/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: the scope unit that systemd runs for a container. */
#ifndef RT_CGROUP_SCOPE_H
#define RT_CGROUP_SCOPE_H

#include "cgroup/bus.h"
#include "cgroup/kind.h"
#include "cgroup/layout.h"

struct scope {
    const char *unit;       /* "PREFIX-NAME.scope" */
    const char *slice;      /* "machine.slice"; NULL in a cgroup from a record */
    const char *id;         /* of the container; NULL in a cgroup from a record */
    const char *properties; /* lines (bus.h) of the annotations' properties, "" if there are none */
    const char *program;    /* rt-systemd, or NULL: not found */
    bool user;              /* the user's systemd, not the system's */
    bool attach;            /* we may not move a process there, systemd has to */
    uint64_t kills_before;  /* what scope_kills_around told before the container was made */
    struct bus bus;
};

/* What linux.cgroupsPath as SLICE:PREFIX:NAME means. Both outputs are checked unit names. */
int scope_names(struct arena *a, const char *path, const char *id, bool user, const char **slice,
                const char **unit, struct err *e);

/* Directories of a slice, from the outermost: "a.slice/a-b.slice", "" for "-.slice". */
const char *scope_slice_path(struct arena *a, const char *slice);

/* Decide the container's scope and its directories; cg->unprivileged is set. Fills cg->scope and,
 * for the hierarchies of l, *path[i]. */
int scope_plan(struct plan *p, struct arena *a, const struct layout *l, struct cgroup *cg,
               const char **path, struct err *e);

/* Does systemd make cgroups in the hierarchy by itself? */
bool scope_manages(const struct hier *h);

/* How many processes the kernel has killed for want of memory in the innermost directory above the
 * scope that was there before it. It stays when systemd removes an empty scope, which may be before
 * anybody can ask the scope itself. 0 also where nobody counts: v1 does not count for those above.
 */
uint64_t scope_kills_around(const struct hier *h);

/* A scope from the directory of one that is there. NULL: that is no place of a scope. */
struct scope *scope_of_path(struct arena *a, const char *path, bool user);

/* ---- properties (properties.c) ---- */

/* What r asks for as properties of a unit, so that systemd writes the same when it writes the
 * cgroup's files anew. names: a line each, without repetition; resets: lines that empty those
 * that systemd adds to. Any may stay without text. */
struct scope_limits {
    struct lines set, names, resets;
};
int scope_limits(struct cgroup *cg, struct arena *a, const struct oci_resources *r, bool fresh,
                 struct scope_limits *out, struct err *e);

/* The lines of the annotations org.systemd.property.NAME, checked. */
int scope_annotations(struct arena *a, const struct oci_str_map *annotations, const char **lines,
                      struct err *e);

#endif
