/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that belong to no single concern: the container's folder, the processes, the wire. */
#ifndef RT_RUN_STEPS_H
#define RT_RUN_STEPS_H

#include "core/script.h"

/* self.c */
step_fn step_protect_self, step_drop_view, step_protect_self_inside;

/* folder.c: the container on disk */
step_fn step_arm_poststop, step_claim_id, step_record_creating, step_record_child,
    step_record_created, step_record_running, step_write_pid_file, step_send_pidfd;
void undo_arm_poststop(struct ctx *);
void undo_claim_id(struct ctx *);

/* processes.c: forks and the wire */
step_fn step_make_channels, fork_middle, fork_init, fork_init_of_middle, say_born, hear_born,
    step_leave_middle, step_reap_middle, say_pty, hear_pty, say_progress, hear_progress,
    step_await_start, step_need_process, step_write_maps_init, step_open_trees_inside;
void undo_make_channels(struct ctx *);
void undo_fork_middle(struct ctx *);
void undo_fork_init(struct ctx *);

/* exec.c: into a container that is there */
step_fn step_find_container, step_enter_cgroup, step_enter_container, step_enter_container_here,
    step_enter_root;

/* The peer is gone without a word: say which process died where, and of what. */
int explain_death(struct ctx *, struct err *);

#endif
