/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: directories of a hierarchy, and the processes below one. */
#ifndef RT_CGROUP_TREE_H
#define RT_CGROUP_TREE_H

#include "cgroup/kind.h"

struct pid_set {
    pid_t *v;
    size_t n, room;
};

/* Make h->path and its missing parents. -EEXIST: there already; no message then. */
int tree_make(const struct hier *h, struct err *e);

/* Add the processes in the directory and below to the set. 0 also if it is gone. */
int tree_pids(int dir, struct arena *a, struct pid_set *set);

/* Sort, drop doubles. */
void pid_set_sort(struct pid_set *set);
bool pid_set_has(const struct pid_set *set, pid_t pid); /* of a sorted set */

/* Is there a process in it or below? 1, 0, -errno. */
int tree_is_populated(int dir);

/* Remove all directories below h->path, then the path and the parents that were made for it.
 * -EBUSY when processes hold on to it. */
int tree_remove(struct hier *h);

#endif
