/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of the script's rows. Each is a question to the plan and nothing else. */
#ifndef RT_RUN_WHEN_H
#define RT_RUN_WHEN_H

#include "core/ctx.h"

when_fn always, if_poststop, if_console_socket, if_privileged, unless_privileged, if_joins,
    if_init_joins, if_notify_socket, if_seccomp, if_cgroup, if_middle, unless_middle,
    if_middle_maps, if_maps_middle, if_maps_init, if_idmap, if_mapped, if_place, if_attach,
    if_helper, if_rdt, if_late_cgroupns_join, if_net_devices, if_exec_affinity, if_userns, if_lo,
    if_net_beside, if_hostname, if_domainname, if_sysctl, if_late_cgroupns, if_mount_ns, if_mounts,
    if_devices, if_own_dev, if_terminal, if_console, if_early_hooks, if_prestart, if_create_runtime,
    if_create_container, if_masked, if_readonly_paths, if_propagation, if_readonly_root, if_keyring,
    if_oom_score, if_oom_middle, if_own_stdio_outside, if_rlimits, if_scheduler, if_io_priority,
    if_memory_policy, if_personality, if_process, unless_process, if_label, if_seccomp_early,
    if_seccomp_late, if_listener_early, if_listener_late, if_caps, if_no_new_privs, if_landlock,
    if_umask, if_create, if_two_commands, if_pid_file, if_pidfd_socket, if_start_container,
    if_ready, if_poststart;

#endif
