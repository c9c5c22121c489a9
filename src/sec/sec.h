/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's process may do: capabilities, the seccomp filter, AppArmor and SELinux
 * labels, its session keyring, no_new_privs. The *_plan functions and step_prepare_seccomp run on
 * the host before anything is made; of the steps, those marked host run there, the others in init,
 * where they allocate nothing. All of them read plan->process.cfg, which process_plan sets, and do
 * nothing where their property is absent.
 */
#ifndef RT_SEC_SEC_H
#define RT_SEC_SEC_H

#include "core/ctx.h"

/* ---- capabilities (caps.c), capabilities(7) ---- */

/* Fill plan->caps out of /process/capabilities. A name that rt or the kernel does not know, one
 * that this host cannot grant (its bounding or permitted set lacks it and no user namespace is
 * made or entered), and an ambient one that is not both permitted and inheritable is left out with
 * a warning (runtime-spec config.md, "capabilities": a warning, never an error).
 * Needs plan->ns and plan->process.cfg. */
int caps_plan(struct plan *, struct arena *, struct err *);

/* init: take away from the bounding set what the plan does not list. Needs CAP_SETPCAP, so before
 * step_set_caps. Inheritable ones that leave the bounding set are raised before, as the kernel
 * would refuse them afterwards. */
step_fn step_drop_bounding;

/* init, after step_set_user: permitted, effective, inheritable and ambient exactly as planned. */
step_fn step_set_caps;

/* init: no_new_privs, when /process/noNewPrivileges is true. */
step_fn step_set_no_new_privs;

/* ---- seccomp (seccomp.c, seccomp_load.c, seccomp_listener.c), seccomp(2) ---- */

/* For `rt check`: compile the profile, if there is one, and name each call that no architecture
 * has, by the indices of its entry and of the name in it. */
typedef void seccomp_unknown_fn(void *arg, size_t entry, size_t index, const char *name);
int seccomp_check(const struct plan *, struct arena *, seccomp_unknown_fn *, void *arg,
                  struct err *);

/* For the features document: an architecture whose system calls rt knows, a flag that this kernel
 * takes. The arguments are of enum oci_seccomp_arch and oci_seccomp_flag. */
bool seccomp_knows_arch(int word);
bool seccomp_supports_flag(int word);

/* host: plan->seccomp.late and .listener, which rows depend on. */
int seccomp_plan(struct plan *, struct arena *, struct err *);

/* A profile as a program, in the arena. An action, operator or architecture that cannot be honoured
 * is an error; a system call that no table knows is skipped. */
int seccomp_compile(const struct oci_seccomp *, struct arena *, struct sock_filter **,
                    unsigned short *len, struct err *);

/* host, before the first FORK: plan->seccomp but for the filter, for which there is room then.
 * plan->seccomp.program stays NULL where there is no profile. A dry run, which has no later steps,
 * compiles at once. */
step_fn step_prepare_seccomp;

/* host, while init makes its mounts: the filter, which init may load after a message. */
step_fn step_compile_seccomp;

/* init: load the program. Each does nothing when it is not its turn.
 * early:    when !late: without no_new_privs loading needs CAP_SYS_ADMIN, so before the
 *           capabilities go (also with a listener).
 * listener: when late && listener, after step_set_no_new_privs and before `ready`: the descriptor
 *           must be handed on while the host is there.
 * late:     when late && !listener: the very last, so that the filter need not allow what rt
 *           does. */
step_fn step_load_seccomp_early;
step_fn step_load_seccomp_listener;
step_fn step_load_seccomp_late;

/* host: take the notify descriptor out of init and send it with the state of the container to
 * /linux/seccomp/listenerPath (config-linux.md, "containerProcessState"). Needs ctx->child and
 * ctx->child_pidfd. It goes between a message of init that the filter is about to be loaded, after
 * which init says nothing (its sendmsg may be what the filter stops), and one to init that the
 * descriptor has been handed on. _late goes with step_load_seccomp_listener. */
step_fn step_hand_listener;
step_fn step_hand_listener_late;

/* ---- AppArmor and SELinux (lsm.c) ---- */

/* host: /process/apparmorProfile and /process/selinuxLabel need a kernel that has that module
 * enabled: an error that names the property otherwise. */
int lsm_plan(struct plan *, struct arena *, struct err *);

/* init, by ctx->proc: profile and label that the next exec takes on. */
step_fn step_label_exec;

/* ---- keyring (keyring.c), session-keyring(7) ---- */

/* init, as root of the container: join the session keyring "_ses.ID", so that the container does
 * not see the caller's keys; searchable by the container's processes. Does nothing with
 * --no-new-keyring. A kernel without keyrings is fine; a used up quota is a warning. */
step_fn step_new_keyring;

#endif
