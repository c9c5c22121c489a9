/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: figures out of the files of one hierarchy. Each fills what its controllers
 * know and leaves the rest as it is. */
#ifndef RT_CGROUP_STAT_H
#define RT_CGROUP_STAT_H

#include "cgroup/kind.h"

int stat_v1(const struct hier *h, struct arena *a, struct cgroup_stats *s);
int stat_v2(const struct hier *h, struct arena *a, struct cgroup_stats *s);

/* All figures CG_NONE. */
void stat_clear(struct cgroup_stats *s);

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same for "full". */
void stat_parse_pressure(const char *text, struct cg_pressure *p);

#endif
