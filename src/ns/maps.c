/* SPDX-License-Identifier: Apache-2.0 */
/* Owns id maps and time offsets, which the host writes for its child. */
#include "ns/ns.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "fs/procfs.h"
#include "sys/nsfs.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* newuidmap PID INSIDE OUTSIDE COUNT ...: set-uid programs of the distribution, which check
 * /etc/subuid and /etc/subgid. */
static int map_by_helper(const char *program, pid_t pid, const struct oci_id_mapping_list *maps,
                         struct arena *a, struct err *e)
{
    char **argv = arena_array(a, maps->n * 3 + 3, sizeof *argv);
    int status = 0, r;
    size_t n = 0;

    argv[n++] = str_dup(a, program);
    argv[n++] = str_fmt(a, "%d", (int)pid);
    for (size_t i = 0; i < maps->n; i++) {
        argv[n++] = str_fmt(a, "%u", maps->v[i].container_id);
        argv[n++] = str_fmt(a, "%u", maps->v[i].host_id);
        argv[n++] = str_fmt(a, "%u", maps->v[i].size);
    }
    r = sys_run(program, argv, &status);
    if (r < 0) {
        fail(e, r, "run %s", program);
        return err_hint(e, "install the package uidmap");
    }
    if (status == 0)
        return 0;
    refuse(e, EPERM, "%s refused the id mappings", program);
    return err_hint(e, "do /etc/subuid and /etc/subgid grant this user the ids?");
}

static int write_ids(struct ctx *ctx, const char *map, struct err *e)
{
    const struct id_plan *id = &ctx->plan->id;
    bool uids = str_eq(map, "uid_map");
    const struct oci_linux *l = ctx->plan->cfg->linux;
    char path[48];

    if (id->by_helper)
        return map_by_helper(uids ? "newuidmap" : "newgidmap", ctx->child,
                             uids ? &l->uid_mappings : &l->gid_mappings, ctx->arena, e);
    snprintf(path, sizeof path, "%d/%s", (int)ctx->child, map);
    return procfs_write(ctx->proc, path, uids ? id->uid_map : id->gid_map, e);
}

static int deny_setgroups(struct ctx *ctx, struct err *e)
{
    char path[48];

    /* Dropping a group could give access that the group was denied (CVE-2014-8989). */
    snprintf(path, sizeof path, "%d/setgroups", (int)ctx->child);
    return procfs_write(ctx->proc, path, "deny", e);
}

int step_write_maps(struct ctx *ctx, struct err *e)
{
    const struct plan *p = ctx->plan;
    char path[48];

    if (p->id.deny_setgroups && deny_setgroups(ctx, e) < 0)
        return err_at(e, "/linux/gidMappings");
    if (p->ns.need_maps && write_ids(ctx, "gid_map", e) < 0)
        return err_at(e, "/linux/gidMappings");
    if (p->ns.need_maps && write_ids(ctx, "uid_map", e) < 0)
        return err_at(e, "/linux/uidMappings");
    if (!p->ns.offsets)
        return 0;
    snprintf(path, sizeof path, "%d/timens_offsets", (int)ctx->child);
    return procfs_write(ctx->proc, path, p->ns.offsets, e) < 0 ? err_at(e, "/linux/timeOffsets")
                                                               : 0;
}

static char *mount_map(struct arena *a, const struct oci_id_mapping_list *maps)
{
    char *text = str_dup(a, "");

    for (size_t i = 0; i < maps->n; i++)
        text = str_fmt(a, "%s%u %u %u\n", text, maps->v[i].container_id, maps->v[i].host_id,
                       maps->v[i].size);
    return text;
}

/* A user namespace that exists only to carry a mapping: a child is born in it, gets the maps, its
 * namespace is opened, and it leaves. */
static int mapping_namespace(struct ctx *ctx, const struct oci_mount *m, struct err *e)
{
    struct sys_clone clone = {.flags = CLONE_NEWUSER, .cgroup = -1, .exit_signal = SIGCHLD};
    auto_close int pidfd = -1, ns = -1;
    char path[48];
    pid_t pid = sys_clone3(&clone, &pidfd);

    if (pid == 0)
        sys_wait_forever();
    if (pid < 0)
        return fail(e, pid, "make a user namespace for an id mapping");
    snprintf(path, sizeof path, "%d/uid_map", (int)pid);
    if (procfs_write(ctx->proc, path, mount_map(ctx->arena, &m->uid_mappings), e) == 0) {
        snprintf(path, sizeof path, "%d/gid_map", (int)pid);
        if (procfs_write(ctx->proc, path, mount_map(ctx->arena, &m->gid_mappings), e) == 0)
            ns = sys_ns_of(ctx->proc, pid, "user");
    }
    drop(sys_pidfd_signal(pidfd, SIGKILL), "the wait below is what counts");
    drop(sys_wait_pidfd(pidfd, NULL), "it was ours alone");
    if (ns < 0 && !e->code)
        return fail(e, ns, "open the user namespace of an id mapping");
    return ns < 0 ? -e->code : take_fd(&ns);
}

int step_open_mappings(struct ctx *ctx, struct err *e)
{
    struct mount_plan *mp = &ctx->plan->mounts;

    for (unsigned i = 0; i < mp->n && i < ctx->plan->cfg->mounts.n; i++) {
        const struct oci_mount *c = &ctx->plan->cfg->mounts.v[i];
        struct mount_item *m = &mp->v[i];

        if (c->uid_mappings.n)
            m->userns = mapping_namespace(ctx, c, e);
        else if (m->idmap || m->rec_idmap)
            m->userns = sys_ns_of(ctx->proc, ctx->child, "user");
        else
            continue;
        if (m->userns < 0 && !e->code)
            fail(e, m->userns, "open the container's user namespace");
        if (m->userns < 0)
            return err_at(e, "/mounts/%u", m->index);
    }
    return 0;
}
