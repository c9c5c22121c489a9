/* SPDX-License-Identifier: Apache-2.0 */
/* Which hierarchies of cgroups are mounted, and where the caller is in each. */
#ifndef RT_CGROUP_LAYOUT_H
#define RT_CGROUP_LAYOUT_H

#include "cgroup/kind.h"

struct mounted {
    const struct cg_kind *kind;
    unsigned ctls;
    const char *options; /* "cpu,cpuacct", "name=systemd", "" on v2 */
    const char *own;     /* the caller's cgroup, as /proc/self/cgroup has it; NULL: not read */
    const char *mount;   /* NULL: not mounted, or not found yet */
    const char *root;    /* what of the hierarchy the mount shows, "/" for all */
    uint64_t dev;
};

struct layout {
    unsigned n;
    struct mounted v[HIERS];
};

/* Take the lines of /proc/self/cgroup (cgroups(7)): one entry each, not mounted yet. */
int layout_add_own(struct arena *a, struct layout *l, const char *text);

/* Take one line of /proc/self/mountinfo (proc_pid_mountinfo(5)), without its line break. The entry
 * whose hierarchy it mounts, or NULL if it mounts none or one that has its place already. */
struct mounted *layout_add_mount(struct arena *a, struct layout *l, char *line);

/* What is mounted here; wanted: BIT(enum ctl) of v2 that limits need, looked for harder. A v2
 * hierarchy on /sys/fs/cgroup is all there is: then /proc is not read and `own` stays NULL. */
int layout_find(struct arena *a, struct layout *l, unsigned wanted, struct err *e);

/* The caller's own directory below the mount point: absolute path, no trailing slash. The mount
 * point itself where the caller's cgroup is not below what the mount shows. */
const char *layout_own_dir(struct arena *a, const struct mounted *m);

/* Read `own` of a layout that layout_find made without it. */
int layout_read_own(struct arena *a, struct layout *l, struct err *e);

#endif
