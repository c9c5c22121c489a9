/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context that every step gets: who we are, the plan, and the few things that come to be on
 * the way. Each process has its own copy after the fork; what must cross goes over the wire.
 */
#ifndef RT_CORE_CTX_H
#define RT_CORE_CTX_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"
#include "fs/root.h"

enum role {
    ROLE_HOST,   /* the rt command, in the caller's namespaces */
    ROLE_MIDDLE, /* enters or makes user, time and pid namespaces, then leaves */
    ROLE_INIT,   /* becomes the container's process 1 */
    ROLES,
};

struct ctx {
    struct plan *plan; /* read-only after the first FORK */
    enum role me;
    struct arena *arena;
    int wire;         /* to the other side, -1 before the first FORK and after it closed */
    int peer_wire;    /* host, before the FORK: the other end, for the child */
    int state_dir;    /* host: the container's folder, holds the lock */
    int exe_tree;     /* host: the detached mount of our executable until we let go, or -1 */
    int proc;         /* verified /proc of this process (fs/procfs.h), or -1 */
    int start_sock;   /* create: where a later start connects; init keeps it, or -1 */
    int root_mount;   /* init: O_PATH of the container's root once it is attached */
    struct root root; /* init: the same, for lookups */
    int pty_slave;    /* init: the terminal of the container, or -1 */
    int pty_master;   /* host: received from init; init: until sent; or -1 */
    int console_sock; /* host: connected console socket, or -1 */
    int child_pidfd;  /* host: of middle or init, or -1 */
    pid_t child;      /* host: of init; of middle until init is born */
    pid_t middle;     /* host: of the middle, 0 when none */
    int middle_pidfd;
    pid_t container;               /* exec: the container's process */
    int container_pidfd;           /* exec: the same, or -1 */
    const char *exec_path;         /* init: the program as found inside */
    int notify_fd;                 /* host: the private end of NOTIFY_SOCKET, or -1 */
    struct net_maker *net_maker;   /* the network namespace in the making, or NULL */
    struct net_moves *net_moves;   /* host: network devices that went inside, for undo, or NULL */
    struct progress *progress;     /* shared page: the row each role is in, or NULL */
    int progress_fd;               /* memory behind it where a later start must read it, or -1 */
    struct trace *trace;           /* shared: timed rows, or NULL */
    struct oci_record *record;     /* host: the container as it is on disk */
    struct hook_files *hook_files; /* where annotations send the output of hooks, or NULL */
    bool hooks_begun; /* host: a hook of the creation ran, so poststop is due on failure */
    /* What a SAY row carries besides its name, set by say functions and read by hear functions. */
    int say_fd;      /* borrowed, or -1 */
    int heard_fd;    /* owned by whoever takes it, or -1 */
    pid_t heard_pid; /* sender's pid in our pid namespace where the wire passes credentials */
};

/* A step does its work completely or records why not. 0 or -errno. */
typedef int step_fn(struct ctx *, struct err *);

/* Does a row apply? Decided from the plan alone, so that both sides of a message agree. */
typedef bool when_fn(const struct plan *);

#endif
