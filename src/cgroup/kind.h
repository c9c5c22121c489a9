/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to src/cgroup: what a hierarchy is, the two kinds there are, and the managers on top.
 * Code that handles all hierarchies alike asks h->kind and never which version it is; what only v1
 * or v2 does is in v1.c or v2.c.
 */
#ifndef RT_CGROUP_KIND_H
#define RT_CGROUP_KIND_H

#include "base/err.h"
#include "cgroup/cgroup.h"
#include <stdbool.h>
#include <stdint.h>

enum ctl {
    CTL_CPU,
    CTL_CPUACCT,
    CTL_CPUSET,
    CTL_MEMORY,
    CTL_IO, /* "blkio" on v1 */
    CTL_PIDS,
    CTL_DEVICES, /* v1; a BPF program on v2 */
    CTL_FREEZER, /* v1; part of every cgroup on v2 */
    CTL_HUGETLB,
    CTL_NET_CLS,
    CTL_NET_PRIO,
    CTL_PERF,
    CTL_RDMA,
    CTL_MISC,
    CTL_DMEM,
    CTLS,
    CTL_NONE = CTLS, /* files of the cgroup itself */
};

#define BIT(ctl) (1U << (ctl))

enum { HIERS = 32, CG_PATH = 4096 };

/* The columns of knobs.def. */
enum backend { BACKEND_V1, BACKEND_V2, BACKEND_SYSTEMD, BACKENDS };

struct hier {
    const struct cg_kind *kind;
    unsigned ctls;       /* BIT(enum ctl) that live here */
    const char *options; /* as mounted: "cpu,cpuacct", "name=systemd", "" on v2 */
    const char *mount;   /* mount point */
    const char *path;    /* absolute directory of the container */
    size_t there;        /* that many bytes of path existed before: never less than mount */
    uint64_t ino;        /* of the directory that we made or use, 0: not known yet */
    uint64_t dev;        /* of the hierarchy's file system, 0: not known */
    int fd;              /* O_PATH of path, or -1 */
    int tasks;           /* open for init to write "0" (v1), or -1 */
    bool made;           /* by this process */
    bool given;          /* by systemd, with our helper inside */
    bool skipped;        /* may not be made by this caller, and nothing needs it */
};

struct cgroup {
    const struct manager *manager;
    unsigned n;
    struct hier h[HIERS];
    bool unprivileged;   /* what may not be made can be left out */
    bool explicit;       /* a path was asked for */
    struct scope *scope; /* systemd's unit, NULL with cgroupfs */
};

/* What differs between the versions. Functions get an open hierarchy (h->fd >= 0). */
struct cg_kind {
    const char *name;       /* in records: "v1", "v2" */
    enum backend backend;   /* its columns in knobs.def */
    const char *usage_file; /* memory in use */
    const char *const *ctl_names;
    long magic;       /* statfs f_type */
    unsigned early;   /* BIT(ctl): limits that are set before a process may be inside */
    bool device_list; /* devices are in a list, which systemd writes anew when it reloads */
    /* After the directories are there, before any process is. */
    int (*ready)(const struct cgroup *, struct hier *, const struct plan *, struct err *);
    /* 1 frozen, 0 not (or this hierarchy cannot tell), -errno */
    int (*frozen)(const struct hier *);
    int (*freeze)(const struct hier *, bool frozen, struct err *);
    /* Kill everything below at once. -EOPNOTSUPP: signal one by one. */
    int (*kill)(const struct hier *);
    /* Wait until no process is left in or below, at most ms. 1 empty, 0 not, -errno. */
    int (*wait_empty)(const struct hier *, unsigned ms);
    int (*open_join)(struct hier *, struct err *);
    /* May this process move itself into the hierarchy's directory? */
    bool (*may_join)(const struct hier *);
    int (*set_devices)(const struct cgroup *, const struct hier *, const struct oci_resources *,
                       bool fresh, struct err *);
    int (*stat)(const struct hier *, struct arena *, struct cgroup_stats *);
    int (*oom_kills)(const struct hier *, uint64_t *n);
    int (*oom_watch)(const struct hier *, short *events, struct err *);
};

extern const struct cg_kind kind_v1, kind_v2;

/* Who makes the cgroup and sets its limits: rt by cgroupfs, or systemd on request. The other verbs
 * work on files in either case. */
struct manager {
    const char *name; /* in records */
    int (*claim)(struct cgroup *, const struct plan *, struct err *);
    int (*place)(struct cgroup *, pid_t, struct err *);
    int (*limit)(struct cgroup *, const struct oci_resources *, bool fresh, struct err *);
    int (*freeze)(struct cgroup *, bool, struct err *);
    int (*signal)(struct cgroup *, int, struct err *);
    int (*stat)(struct cgroup *, struct arena *, struct cgroup_stats *, struct err *);
    int (*remove)(struct cgroup *, struct err *);
};

extern const struct manager manager_fs, manager_systemd;

/* The hierarchy that a controller lives in, or NULL. */
struct hier *hier_of(struct cgroup *cg, enum ctl c);

/* The v2 hierarchy, or NULL. */
struct hier *hier_unified(struct cgroup *cg);

/* Open h->fd if it is not. -ENOENT: the directory is gone, or another took its name. */
int hier_open(struct hier *h, struct err *e);

/* The controller's name as its kind spells it; its number by name, or -1. */
const char *ctl_name(const struct hier *h, enum ctl c);
int ctl_find(const struct cg_kind *k, const char *name, size_t len);

/* ---- files of a cgroup (files.c) ---- */

/* Read a file as a terminated string without the last line break. Length, -errno; -EFBIG. */
int cg_read(int dir, const char *file, char *buf, size_t size);
int cg_read_u64(int dir, const char *file, uint64_t *out); /* "max" is CG_NONE */
/* The number behind `key` in a file of "KEY NUMBER" lines. -ENOENT without such a line. */
int cg_read_key(int dir, const char *file, const char *key, uint64_t *out);
int cg_write(int dir, const char *file, const char *value);
/* The path of `pid` (0: our own) in the v2 hierarchy, as /proc/PID/cgroup has it. */
int cgroup_path_of(pid_t pid, char *buf, size_t size);
/* "KEY NUMBER" out of a text. */
bool cg_find_key(const char *text, const char *key, uint64_t *out);

#endif
