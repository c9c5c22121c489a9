/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: from linux.resources to files. */
#ifndef RT_CGROUP_LIMIT_H
#define RT_CGROUP_LIMIT_H

#include "cgroup/kind.h"

/* linux.resources, or NULL. */
const struct oci_resources *limit_resources(const struct plan *p);

/* Controllers (BIT(enum ctl)) of a kind without which r cannot be honoured. */
unsigned limit_needs(const struct oci_resources *r, const struct cg_kind *kind);

/* Write what r asks for. fresh: the cgroup is new and empty, so nothing is saved for going back,
 * and the controllers that are early in their kind are left out: limit_set_early did them. */
int limit_set(struct cgroup *cg, const struct oci_resources *r, bool fresh, struct err *e);

/* Somebody else who writes these files, by rules of its own: told when all is checked and what
 * there was is kept, before any file is written, so that what r says stays. take_back on failure
 * of an update, and then the files get back what they had. */
struct limit_partner {
    int (*tell)(void *arg, struct err *e);
    void (*take_back)(void *arg);
    void *arg;
};
int limit_set_with(struct cgroup *cg, const struct oci_resources *r, bool fresh,
                   const struct limit_partner *partner, struct err *e);

/* Those limits of h that have to be there before a process is. */
int limit_set_early(struct cgroup *cg, struct hier *h, const struct oci_resources *r,
                    struct err *e);

#endif
