/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is going to happen, decided before the first clone and read-only from then on. Every
 * process of a container's creation decides from the same frozen copy, so that a condition cannot
 * come out differently on two sides. Each folder of rank 4 fills its own part in a *_plan function
 * and reads others' parts from here, never each other.
 */
#ifndef RT_CORE_PLAN_H
#define RT_CORE_PLAN_H

#include "oci.h"
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

enum kind {
    KIND_CREATE, /* up to `ready`; a later start goes on */
    KIND_RUN,    /* create and start in one process */
    KIND_START,  /* the second half of create, in a process of its own */
    KIND_EXEC,   /* one more process in a running container */
};

enum cg_manager { CG_MANAGER_CGROUPFS, CG_MANAGER_SYSTEMD, CG_MANAGER_DISABLED };

/* What the command line and the environment asked for. Strings are borrowed from them. */
struct request {
    enum kind kind;
    const char *id;
    const char *root;        /* directory of all containers, absolute */
    const char *bundle;      /* absolute */
    const char *config_file; /* name of config.json, relative to the bundle or absolute */
    const char *console_socket, *pidfd_socket, *pid_file; /* NULL when not asked for */
    const char *notify_socket;                            /* NOTIFY_SOCKET, NULL when unset */
    const char *listen_fdnames;                           /* LISTEN_FDNAMES, NULL when unset */
    const char *trace;                                    /* file for the trace, NULL */
    int preserve_fds, listen_fds;
    const char *const *cgroups; /* exec: values of --cgroup */
    unsigned n_cgroups;
    bool ignore_paused; /* exec */
    bool no_pivot, no_new_keyring, detach, keep, no_subreaper, dry_run;
    enum cg_manager cg_manager;
    int rootless; /* 1, 0, or -1: find out */
};

/* ---- src/ns ---- */
enum { NS_KINDS = 8 };

struct ns_plan {
    uint64_t fresh;      /* CLONE_NEW* that are made */
    uint64_t joined;     /* CLONE_NEW* that are entered by path */
    int fd[NS_KINDS];    /* descriptor of a joined namespace, by enum oci_namespace_type, or -1 */
    bool middle;         /* one more process is needed between host and init */
    bool need_maps;      /* a fresh user namespace: the host writes id maps and setgroups */
    bool lo_up;          /* a fresh network namespace gets its loopback up */
    bool net_beside;     /* it is made beside the host's work, and init enters it */
    const char *offsets; /* text for /proc/PID/timens_offsets, NULL when none */
};

struct id_plan {
    const char *uid_map, *gid_map; /* text for /proc/PID/{uid,gid}_map, NULL when none */
    bool deny_setgroups;           /* an unprivileged gid_map demands it, user_namespaces(7) */
    bool by_helper;                /* newuidmap and newgidmap write the maps */
    uint32_t uid, gid;             /* of init while it builds: root inside, if that is mapped */
};

/* ---- src/mount ---- */
enum mount_kind {
    MOUNT_BIND,    /* a detached copy of a host's tree, opened before the clone */
    MOUNT_FS,      /* a file system made in init, whose namespaces it shows */
    MOUNT_CGROUP,  /* the view of the container's cgroup */
    MOUNT_REMOUNT, /* attributes of what is mounted there already */
};

struct mount_data {
    const char *key, *value; /* value NULL: a flag */
};

struct mount_item {
    unsigned index; /* in /mounts, for messages */
    enum mount_kind kind;
    const char *dest, *type, *source;
    uint64_t set, clear;         /* MOUNT_ATTR_* of the mount itself */
    uint64_t rec_set, rec_clear; /* the same, recursively */
    uint64_t propagation;        /* MS_* or 0; recursive when rec_propagation */
    bool rec_propagation, copy_up, idmap, rec_idmap;
    bool bind, rbind, remount; /* as the options say; rbind implies bind */
    bool no_follow_source, no_follow_dest, copy_symlink;
    unsigned long old_flags; /* MS_* that only mount(2) can carry */
    bool is_dir;             /* of a bind: what the source is */
    int tree;                /* detached mount of a bind, owned by the plan, or -1 */
    int userns;              /* id mapping of the mount, or -1 */
    const char *link;        /* copy_symlink: text of the link to make, else NULL */
    struct mount_data *data;
    unsigned n_data;
};

struct device_item {
    const char *path; /* inside the container, absolute */
    mode_t mode;      /* with type bits */
    dev_t dev;
    uint32_t uid, gid; /* as seen inside */
};

struct mount_plan {
    const char *rootfs; /* absolute path on the host */
    int tree;           /* detached copy of rootfs, owned */
    uint64_t propagation;
    bool rec_propagation;
    bool read_only;
    bool pivot;  /* pivot_root; else move and chroot */
    bool shared; /* the mount namespace is not the container's own: attach, chroot, undo later */
    struct mount_item *v;
    unsigned n;
    int null_fd;                 /* the host's /dev/null, verified 1:3 */
    bool own_dev;                /* rt fills /dev: nothing of the host is bound over it */
    bool has_devpts;             /* /dev/pts is a devpts, so /dev/ptmx leads there */
    struct device_item *devices; /* default and own devices in order */
    unsigned n_devices;
};

/* ---- src/sec ---- */
struct caps_plan {
    bool given; /* absent: capabilities stay as they are */
    uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* A filter in memory that the host and init share: the host writes it while init does its work. */
struct seccomp_program {
    unsigned short len;
    struct sock_filter v[BPF_MAXINSNS];
};

struct seccomp_plan {
    struct seccomp_program *program; /* NULL: no filter */
    unsigned flags;                  /* SECCOMP_FILTER_FLAG_* */
    bool late;                       /* no_new_privs is set: loaded as the very last thing */
    bool listener;                   /* a notify descriptor is returned and must be handed on */
    int *number;    /* of that descriptor in init, -1 before: memory shared with the host */
    int channel[2]; /* host's and init's end of where a helper sends the descriptor, or -1 */
};

struct lsm_plan {
    const char *profile, *label; /* AppArmor profile, SELinux label of the program, or NULL */
};

/* ---- src/box ---- */

/* The rights are numbers of sys/landlock.h. */
struct landlock_path {
    const char *path; /* inside the container */
    uint64_t rights;
};

struct landlock_port {
    uint16_t port;
    uint64_t rights;
};

struct landlock_plan {
    bool given;
    uint64_t fs, net, scope; /* what is denied but for the rules */
    struct landlock_path *paths;
    struct landlock_port *ports;
    unsigned n_paths, n_ports;
};

/* ---- src/proc ---- */
struct process_plan {
    const struct oci_process *cfg; /* NULL: create without process */
    const char **env;              /* complete, NULL terminated, with HOME still to find */
    const char **argv;             /* NULL terminated */
    bool needs_home;
    int keep_fds; /* number of descriptors from 3 on that the program inherits */
    /* Room for what init writes after limits apply, PATH_MAX bytes or as said; see src/proc. */
    char *home, *program;
    char *listen_pid; /* its entry in env, NULL when no sockets are passed */
};

/* ---- src/cgroup ---- */
struct cgroup; /* private to src/cgroup: one backend and its paths */

/* What a `cgroup` mount of the container shows; src/mount builds it. */
struct cgroup_view {
    bool v2;
    unsigned n; /* of v1: hierarchies, or names that link to a co-mounted one */
    struct cgroup_view_item {
        const char *name;    /* directory below the mount: "memory", "cpu,cpuacct" */
        const char *path;    /* the container's directory in it on the host, absolute; v1 */
        const char *link;    /* not a hierarchy of its own but a link to this name, or NULL */
        const char *options; /* mount options of the hierarchy: "memory", "name=systemd" */
    } * v;
};

struct rdt; /* private to src/rdt: the resctrl group */

struct plan {
    const struct request *req;
    const struct oci_config *cfg;
    const char *config_text; /* as read, kept as the container's own copy */
    size_t config_len;
    struct ns_plan ns;
    struct id_plan id;
    struct mount_plan mounts;
    struct caps_plan caps;
    struct seccomp_plan seccomp;
    struct lsm_plan lsm;
    struct landlock_plan landlock;
    struct process_plan process;
    struct rdt *rdt;       /* NULL: none */
    struct cgroup *cgroup; /* NULL: manager disabled, or nothing to do */
    struct cgroup_view cgroup_view;
    bool cgroup_born;       /* init can be born in its cgroup (v2): no placing needed */
    bool cgroup_place;      /* init has to join by itself: v1, hybrid */
    bool cgroup_attach;     /* systemd has to move init into its cgroup, as we may not */
    bool cgroup_helper;     /* a helper keeps the cgroup until init is inside: systemd */
    const char *notify_dir; /* private folder of the notify socket, NULL when none (src/io) */
    mode_t caller_umask;
    bool in_userns;  /* the caller's ids are not the host's */
    bool privileged; /* euid 0 with CAP_SYS_ADMIN in the initial user namespace's sense */
};

/* The value of an annotation, or NULL. */
static inline const char *plan_annotation(const struct plan *p, const char *key)
{
    for (size_t i = 0; i < p->cfg->annotations.n; i++)
        if (strcmp(p->cfg->annotations.v[i].key, key) == 0)
            return p->cfg->annotations.v[i].value;
    return NULL;
}

#endif
