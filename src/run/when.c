/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the conditions of the script's rows. */
#include "run/when.h"

#include <sched.h>

#define WHEN(name, expression)                                                                     \
    bool name(const struct plan *p)                                                                \
    {                                                                                              \
        (void)p;                                                                                   \
        return (expression);                                                                       \
    }

static const struct oci_process *process(const struct plan *p)
{
    return p->process.cfg;
}

static const struct oci_linux *lin(const struct plan *p)
{
    return p->cfg->linux;
}

static const struct oci_hooks *hooks(const struct plan *p)
{
    return p->cfg->hooks;
}

static bool set(const char *s)
{
    return s && s[0];
}

/* A mount with an id mapping of its own or through the container's user namespace. */
static bool any_idmap(const struct plan *p)
{
    for (size_t i = 0; i < p->cfg->mounts.n; i++)
        if (p->cfg->mounts.v[i].uid_mappings.n || p->mounts.v[i].idmap || p->mounts.v[i].rec_idmap)
            return true;
    return false;
}

WHEN(always, true)
WHEN(if_privileged, p->privileged)
WHEN(unless_privileged, !p->privileged)
WHEN(if_create, p->req->kind == KIND_CREATE || p->req->kind == KIND_START)
WHEN(if_two_commands, if_create(p))
WHEN(if_poststop, hooks(p) && hooks(p)->poststop.n)
WHEN(if_console_socket, set(p->req->console_socket))
WHEN(if_joins, p->ns.joined != 0)
WHEN(if_init_joins, p->ns.joined && !p->ns.middle)
WHEN(if_notify_socket, p->notify_dir != NULL)
WHEN(if_seccomp, lin(p) && lin(p)->seccomp)
WHEN(if_cgroup, p->cgroup != NULL)
WHEN(if_middle, p->ns.middle)
WHEN(unless_middle, !p->ns.middle)
WHEN(if_middle_maps, p->ns.middle && (p->ns.need_maps || p->ns.offsets))
WHEN(if_maps_middle, if_middle_maps(p))
WHEN(if_maps_init, !p->ns.middle && p->ns.need_maps)
WHEN(if_idmap, any_idmap(p))
WHEN(if_mapped, if_maps_init(p) || if_idmap(p))
WHEN(if_place, p->cgroup && p->cgroup_place)
WHEN(if_attach, p->cgroup && p->cgroup_attach)
WHEN(if_helper, p->cgroup && p->cgroup_helper)
WHEN(if_rdt, p->rdt != NULL)
WHEN(if_net_devices, lin(p) && lin(p)->net_devices.n)
WHEN(if_exec_affinity, process(p) && process(p)->exec_cpu_affinity)
WHEN(if_userns, (p->ns.fresh | p->ns.joined) & CLONE_NEWUSER)
WHEN(if_net_beside, p->ns.net_beside)
WHEN(if_lo, p->ns.lo_up && !p->ns.net_beside)
WHEN(if_hostname, set(p->cfg->hostname))
WHEN(if_domainname, set(p->cfg->domainname))
WHEN(if_sysctl, lin(p) && lin(p)->sysctl.n)
WHEN(if_late_cgroupns, (p->ns.fresh & CLONE_NEWCGROUP) && (p->cgroup_place || p->cgroup_attach))
WHEN(if_late_cgroupns_join, p->ns.middle && (p->ns.joined & CLONE_NEWCGROUP))
WHEN(if_mount_ns, p->ns.fresh &CLONE_NEWNS)
WHEN(if_mounts, p->mounts.n)
WHEN(if_devices, p->mounts.n_devices)
WHEN(if_own_dev, p->mounts.own_dev)
WHEN(if_terminal, process(p) && process(p)->terminal)
WHEN(if_console, if_terminal(p) && p->mounts.own_dev)
WHEN(if_prestart, hooks(p) && hooks(p)->prestart.n)
WHEN(if_create_runtime, hooks(p) && hooks(p)->create_runtime.n)
WHEN(if_create_container, hooks(p) && hooks(p)->create_container.n)
WHEN(if_start_container, hooks(p) && hooks(p)->start_container.n)
WHEN(if_poststart, hooks(p) && hooks(p)->poststart.n)
WHEN(if_early_hooks, if_prestart(p) || if_create_runtime(p))
WHEN(if_masked, lin(p) && lin(p)->masked_paths.n)
WHEN(if_readonly_paths, lin(p) && lin(p)->readonly_paths.n)
WHEN(if_propagation, p->mounts.propagation != 0)
WHEN(if_readonly_root, p->mounts.read_only)
WHEN(if_keyring, !p->req->no_new_keyring)
WHEN(if_process, process(p) != NULL)
WHEN(unless_process, process(p) == NULL)
WHEN(if_oom_middle, p->ns.middle &&process(p) && HAS(process(p), process, oom_score_adj))
WHEN(if_oom_score, !p->ns.middle && process(p) && HAS(process(p), process, oom_score_adj))
WHEN(if_own_stdio_outside, p->privileged &&process(p) && lin(p) && lin(p)->uid_mappings.n)
WHEN(if_rlimits, process(p) && process(p)->rlimits.n)
WHEN(if_scheduler, process(p) && process(p)->scheduler)
WHEN(if_io_priority, process(p) && process(p)->io_priority)
WHEN(if_memory_policy, lin(p) && lin(p)->memory_policy)
WHEN(if_personality, lin(p) && lin(p)->personality)
WHEN(if_label, process(p) && (set(process(p)->apparmor_profile) || set(process(p)->selinux_label)))
WHEN(if_seccomp_early, if_seccomp(p) && !p->seccomp.late)
WHEN(if_seccomp_late, if_seccomp(p) && p->seccomp.late && !p->seccomp.listener)
WHEN(if_listener_early, if_seccomp_early(p) && p->seccomp.listener)
WHEN(if_listener_late, if_seccomp(p) && p->seccomp.late && p->seccomp.listener)
WHEN(if_caps, process(p) && p->caps.given)
WHEN(if_no_new_privs, process(p) && process(p)->no_new_privileges)
WHEN(if_landlock, p->landlock.given)
WHEN(if_umask, process(p) && process(p)->user && HAS(process(p)->user, user, umask))
WHEN(if_pid_file, set(p->req->pid_file))
WHEN(if_pidfd_socket, set(p->req->pidfd_socket))

/* The host has something to do that may fail and must be done before the program begins. What it
 * does before `limited` is known to be done: a creation with a cgroup needs no other word. */
static bool host_has_more(const struct plan *p)
{
    return if_pid_file(p) || if_pidfd_socket(p) || if_notify_socket(p) || if_terminal(p) ||
           (if_seccomp(p) && p->seccomp.listener);
}

/* A scope that nobody is in any more is gone at once, so its helper stays until init has joined. */
static bool helper_waits(const struct plan *p)
{
    return if_helper(p) && if_place(p);
}

WHEN(if_ready, if_create(p) || host_has_more(p) || helper_waits(p) ||
                   (p->req->kind == KIND_RUN && !if_cgroup(p)))
