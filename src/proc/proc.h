/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process itself: environment, program, session, limits, scheduling, user, working directory,
 * standard streams, and the exec. The *_plan functions run on the host before anything is made;
 * the steps run in init, for a container's first process and for `exec` alike, read
 * plan->process.cfg and do nothing where their property is absent.
 */
#ifndef RT_PROC_PROC_H
#define RT_PROC_PROC_H

#include "core/ctx.h"

/* Where src/io shows the notify socket inside; NOTIFY_SOCKET is rewritten to it. */
#define PROC_NOTIFY_SOCKET "/run/notify/notify.sock"

/* Fill plan->process. cfg: kept when the caller set it (exec), else /process of the configuration.
 * env: of duplicates the last one stays, order kept; LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES and
 * NOTIFY_SOCKET as the request says. Fails for what can be known now to be wrong: a memory policy,
 * scheduler, I/O priority or limit that the kernel could not take. */
int process_plan(struct plan *, struct arena *, struct err *);

/* host: every sysctl must belong to a namespace that is the container's own; names with '.' or
 * '/' between the parts. Needs plan->ns. The error names the sysctl and the missing namespace. */
int sysctl_plan(struct plan *, struct arena *, struct err *);

/* init, after the namespaces are joined and before pivot_root: by ctx->proc. */
step_fn step_write_sysctls;

/* init: setsid. A process that leads a session already keeps it. */
step_fn step_new_session;

/* init, after pivot_root: what only the inside knows of the environment: HOME from /etc/passwd of
 * the container for the uid (else "/") when it is absent or empty, LISTEN_PID. */
step_fn step_finish_environment;

/* init, after pivot_root: find args[0] as execvp(3) would, in PATH of the container's environment,
 * relative to its working directory. Sets ctx->exec_path. Errors are worded as engines match them:
 * "executable file not found in $PATH", "no such file or directory", "permission denied". */
step_fn step_find_program;

/* init by ctx->proc, as its first work, or where there is a middle process that one (_early): after
 * a change of ids the file belongs to the host's root, whom a user namespace does not reach. */
step_fn step_set_oom_score;
step_fn step_set_oom_score_early;

step_fn step_set_rlimits;       /* only what differs from what is there */
step_fn step_set_scheduler;     /* sched_setattr(2) */
step_fn step_set_io_priority;   /* ioprio_set(2) */
step_fn step_set_memory_policy; /* set_mempolicy(2) */
step_fn step_set_personality;   /* personality(2) */

/* init: every CPU, so that the cpuset decides and not what the caller was bound to. */
step_fn step_reset_affinity;

/* exec: /process/execCPUAffinity. host, for its child to inherit before it is in the cgroup; and
 * init, once it is. What is not given is left alone. */
step_fn step_initial_affinity, step_final_affinity;

/* init: give pipes, sockets and terminals among the descriptors 0 to 2 to the user. Files are left
 * alone, and so is every device that is not a terminal. */
step_fn step_own_stdio;

/* host, with privilege and a new user namespace: the same for pipes and sockets, to the user's id
 * on the host. Inside, an owner without a mapping could not give them away. */
step_fn step_own_stdio_outside;

/* init: groups, gid, uid. Keeps the permitted capabilities for step_set_caps when some are
 * planned. setgroups is left out where the user namespace denies it and no group was asked for. */
step_fn step_set_user;

/* init, after step_set_user: make the directory if it is missing (that part as root: see
 * step_make_cwd), change to it, and verify that it lies inside the root. */
step_fn step_enter_cwd;

/* init, after pivot_root and before step_set_user: enter the cwd as root. Missing, it is created,
 * 0755; but not by an exec, whose caller may have mistyped. */
step_fn step_make_cwd;

step_fn step_set_umask; /* only when given */

/* init, last but one: every descriptor beyond those kept becomes CLOEXEC, every signal default and
 * unblocked. */
step_fn step_clean_fds_and_signals;

/* init: become the program. Returns only on failure. */
step_fn step_exec_program;

#endif
