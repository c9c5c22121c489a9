/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's processes are counted and limited. One interface for cgroup v1 (one
 * hierarchy per controller, co-mounted ones, named ones), hybrid (v1 beside a v2 hierarchy) and
 * v2; each hierarchy knows its own kind (kind.h), so nothing outside asks which one it is.
 *
 * Life: cgroup_plan decides the paths and makes nothing; cgroup_save gives the line for the
 * container's record, to be stored before step_make_cgroup. Any later process gets the same object
 * back by cgroup_load. Runtime specification, config-linux.md, "Control groups".
 */
#ifndef RT_CGROUP_CGROUP_H
#define RT_CGROUP_CGROUP_H

#include "base/arena.h"
#include "core/ctx.h"
#include <stdbool.h>

/* Find the mounted hierarchies and decide the container's directory in each; fills plan->cgroup,
 * cgroup_view, cgroup_born and cgroup_place.
 *
 * linux.cgroupsPath: an absolute path starts at the mount point of each hierarchy. A relative one
 * starts at the runtime's base, and the container's ID in that base is used where none is given.
 * The base is the caller's own cgroup on v1 and hybrid; on v2 it is the mount point, and for an
 * unprivileged caller the parent of its own cgroup, as a cgroup with processes cannot pass
 * controllers on. ".." is refused, and a path through anything but plain directories of the
 * hierarchy.
 *
 * Manager disabled: plan->cgroup stays NULL and the view shows the caller's own cgroup. */
int cgroup_plan(struct plan *p, struct arena *a, struct err *e);

/* The container's cgroup as one line of printable text, without a line break. Before
 * step_make_cgroup it says what there was; after it also which directories (by inode) are ours. */
int cgroup_save(const struct cgroup *cg, struct arena *a, char **text);

/* The reverse; the text is checked. Opens nothing. */
int cgroup_load(struct arena *a, const char *text, struct cgroup **out, struct err *e);

/* Close the descriptors it holds. For processes that live on; NULL is fine. */
void cgroup_close(struct cgroup *cg);

/* ---- steps ---- */

/* host, before the clone: make the directories, pass on controllers, give cpuset v1 its values.
 * A cgroup that is frozen or has processes is refused. Directories that were there stay on undo. */
int step_make_cgroup(struct ctx *c, struct err *e);
void undo_make_cgroup(struct ctx *c);

/* host: write the limits of linux.resources, and the device rules. Before or after the fork. */
int step_limit_cgroup(struct ctx *c, struct err *e);

/* There are two ways to place init in the v1 hierarchies, one is to be chosen:
 *
 * step_join_cgroup, in init itself (while it has one thread; before it changes anything, as the
 * first thing after its birth): init writes "0" to the `tasks` files that the host opened. A thread
 * that moves itself needs no RCU grace period (Linux >= 5.8): measured 0.1 ms for nine hierarchies.
 * No message is needed: what init does next it does inside.
 *
 * step_place_cgroup, in the host: writes ctx->child to cgroup.procs. Moving a whole process waits
 * for an RCU grace period, 7 to 17 ms.
 *
 * Neither concerns v2, where init is born by CLONE_INTO_CGROUP with cgroup_fd (hybrid: both).
 * Where the caller may do neither, and systemd made the cgroup, step_place_cgroup lets systemd
 * move it (plan->cgroup_attach). */
int step_join_cgroup(struct ctx *c, struct err *e);
int step_place_cgroup(struct ctx *c, struct err *e);

/* host, once init is inside: let go of the helper that the cgroup began with (plan->cgroup_helper).
 */
int step_release_helper(struct ctx *c, struct err *e);

/* Descriptor (borrowed, O_PATH) of the v2 directory for the clone that makes init, not for a
 * middle: a pids.limit of 1 would stop it from making init. -1 where there is none: v1 only, or
 * an unprivileged caller that may not make one. */
int cgroup_fd(const struct cgroup *cg);

/* In a new child: close what is the host's alone, the connection to systemd and the directories;
 * `bears`: but for the one of cgroup_fd, as this child makes init. NULL is fine. */
void cgroup_forget_host(struct cgroup *cg, bool bears);

/* Before a container is entered: ".." of cgroup_fd leads nowhere from now on. Needs CAP_SYS_ADMIN.
 * NULL is fine. */
int cgroup_confine_fd(struct cgroup *cg, struct err *e);

/* ---- exec ---- */

/* host: choose where one more process goes, and open it for cgroup_fd and step_join_cgroup.
 * subs: the values of --cgroup: "PATH" (v2, or every hierarchy) or "CTRL[,CTRL]:PATH" (v1), each
 * below the container's cgroup, never above. Without any, v2 falls back to the present cgroup of
 * `init` where the container's own cannot hold processes as it has passed controllers on. */
int cgroup_enter(struct cgroup *cg, struct arena *a, const char *const *subs, unsigned n_subs,
                 pid_t init, struct err *e);

/* After cgroup_enter: does systemd have to move the process, by step_place_cgroup? */
bool cgroup_attaches(const struct cgroup *cg);

/* ---- a container that is there; cg from cgroup_plan or cgroup_load ---- */

/* Signal every process in it and below. SIGKILL also takes effect on a frozen container, and
 * processes forked meanwhile are found; it does not wait for their end. 0 also when empty. */
int cgroup_signal_all(struct cgroup *cg, int sig, struct err *e);

/* Freeze or thaw, and wait until that is done. A freeze that does not succeed within ten seconds
 * is taken back: -EAGAIN. */
int cgroup_freeze(struct cgroup *cg, bool frozen, struct err *e);

/* 1, 0, -errno; 0 if it is gone. */
int cgroup_is_frozen(struct cgroup *cg, struct err *e);

/* All processes in it and below, in the caller's pid namespace, ascending, each once. */
int cgroup_pids(struct cgroup *cg, struct arena *a, pid_t **pids, size_t *n, struct err *e);

/* Kill what is left in it, remove it with all sub-cgroups and those parents that were made for it
 * and are empty now. What existed before is left. Idempotent. */
int cgroup_remove(struct cgroup *cg, struct err *e);

/* Change limits: what r has is set, what it has not stays. On failure the old values are back. */
int cgroup_update(struct cgroup *cg, const struct oci_resources *r, struct err *e);

/* Has the memory controller killed something in it? 1, 0; 0 too where nobody counts. For a scope
 * that systemd has removed already, the answer is that of the directory around it: 1 also when a
 * neighbour was killed since the container was made. */
int cgroup_oom_killed(struct cgroup *cg);
/* How often so far. -ENOENT where nobody counts; -ENOENT or -ENODEV when the cgroup is gone. */
int cgroup_oom_kills(struct cgroup *cg, uint64_t *n);

/* ---- figures ---- */

#define CG_NONE UINT64_MAX /* the kernel does not say (controller missing) */

struct cg_pressure {
    bool known;
    struct {
        double avg10, avg60, avg300; /* percent of time */
        uint64_t total;              /* microseconds */
    } some, full;
};

/* Names of entries are NUL terminated. Every uint64_t may be CG_NONE. */
struct cgroup_stats {
    struct {
        uint64_t usage_ns, user_ns, system_ns; /* since the cgroup was made */
        uint64_t periods, throttled_periods, throttled_ns;
        uint64_t *percpu_ns, *percpu_user_ns, *percpu_system_ns; /* v1 */
        size_t n_percpu, n_percpu_parts;
        struct cg_pressure pressure;
    } cpu;
    struct {
        const char *cpus, *mems; /* lists as the kernel writes them, NULL without the controller */
        const char *relax_level; /* a number, also a negative one (v1), or NULL */
        uint64_t cpu_exclusive, mem_exclusive, mem_hardwall, migrate, pressure, spread_page,
            spread_slab, load_balance; /* v1 */
    } cpuset;
    struct {
        uint64_t usage, max_usage, failcnt, limit; /* bytes; limit CG_NONE: unlimited */
        uint64_t swap_usage, swap_max_usage, swap_failcnt, swap_limit; /* v1: with memory */
        uint64_t kernel_usage, kernel_max_usage, kernel_failcnt, kernel_limit;
        uint64_t tcp_usage, tcp_max_usage, tcp_failcnt, tcp_limit;
        uint64_t cache, oom_kills;
        bool swap_is_sum; /* v1: the swap figures are memory+swap */
        bool use_hierarchy;
        struct cg_stat_pair {
            char name[48];
            uint64_t value;
        } * raw; /* every line of memory.stat */
        size_t n_raw;
        struct cg_pressure pressure;
    } memory;
    struct {
        uint64_t current, limit; /* limit CG_NONE: unlimited */
    } pids;
    struct {
        struct cg_io_entry {
            const char *table; /* "io_service_bytes_recursive", "io_serviced_recursive", ... */
            uint64_t major, minor;
            char op[16]; /* "Read", "Write", ... */
            uint64_t value;
        } * v;
        size_t n;
        struct cg_pressure pressure;
    } io;
    struct {
        struct cg_huge_entry {
            char size[16]; /* "2MB" */
            uint64_t usage, max_usage, failcnt;
        } * v;
        size_t n;
    } hugetlb;
    struct {
        struct cg_rdma_entry {
            char device[48];
            uint64_t handles, objects, handles_limit, objects_limit;
        } * v;
        size_t n;
    } rdma;
};

int cgroup_stat(struct cgroup *cg, struct arena *a, struct cgroup_stats *out, struct err *e);

/* A descriptor that polls ready (POLLPRI on v2, POLLIN on v1, as *events says) when something in
 * the container ran out of memory. Owned. -ENOENT where nobody counts. */
int cgroup_oom_watch(struct cgroup *cg, short *events, struct err *e);

#endif
