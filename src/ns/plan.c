/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the decision which namespaces are made, which are entered, and by which process. */
#include "ns/ns.h"

#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* Names below /proc/self/ns, by enum oci_namespace_type. */
static const char *proc_name(int type)
{
    const char *word = oci_word(namespace_type, type);

    return str_eq(word, "network") ? "net" : str_eq(word, "mount") ? "mnt" : word;
}

/* A path that leads to the namespace we are in is as good as not listed: setns to one's own user
 * namespace would fail (setns(2)). */
static bool is_our_own(const char *path, int type)
{
    struct stat theirs, ours;
    char self[64];

    snprintf(self, sizeof self, "/proc/self/ns/%s", proc_name(type));
    return sys_stat(AT_FDCWD, path, &theirs, 0) == 0 && sys_stat(AT_FDCWD, self, &ours, 0) == 0 &&
           theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

static void take_namespace(struct ns_plan *ns, const struct oci_namespace *n)
{
    uint64_t flag = (uint64_t)oci_word_value(namespace_type, n->type);

    if (!n->path || !n->path[0])
        ns->fresh |= flag;
    else if (!is_our_own(n->path, n->type))
        ns->joined |= flag;
}

static const char *map_text(struct arena *a, const struct oci_id_mapping_list *maps)
{
    char *text = arena_alloc(a, maps->n * 36 + 1);
    size_t used = 0;

    if (!maps->n)
        return NULL;
    for (size_t i = 0; i < maps->n; i++)
        used += (size_t)snprintf(text + used, 36, "%u %u %u\n", maps->v[i].container_id,
                                 maps->v[i].host_id, maps->v[i].size);
    return text;
}

/* Who init can be while it builds: root where root is mapped; the kernel takes files, mounts and
 * processes from nobody who is not. */
static uint32_t builder(const struct oci_id_mapping_list *maps)
{
    for (size_t i = 0; i < maps->n; i++)
        if (maps->v[i].container_id == 0)
            return 0;
    return maps->n ? maps->v[0].container_id : 0;
}

static bool is_single_own(const struct oci_id_mapping_list *maps, uint32_t own)
{
    return maps->n == 1 && maps->v[0].size == 1 && maps->v[0].host_id == own;
}

void ns_plan_builder(struct plan *p)
{
    const struct oci_linux *l = p->cfg->linux;

    p->id.uid = l ? builder(&l->uid_mappings) : 0;
    p->id.gid = l ? builder(&l->gid_mappings) : 0;
}

static void plan_ids(struct plan *p, struct arena *a)
{
    const struct oci_linux *l = p->cfg->linux;
    struct id_plan *id = &p->id;

    ns_plan_builder(p);
    if (!(p->ns.fresh & CLONE_NEWUSER))
        return;
    p->ns.need_maps = true;
    id->uid_map = map_text(a, &l->uid_mappings);
    id->gid_map = map_text(a, &l->gid_mappings);
    if (p->privileged)
        return;
    /* Without privilege one may map only oneself, and only after giving up setgroups; more is up
     * to newuidmap(1) and newgidmap(1) (user_namespaces(7)). */
    id->by_helper =
        !is_single_own(&l->uid_mappings, geteuid()) || !is_single_own(&l->gid_mappings, getegid());
    id->deny_setgroups = !id->by_helper;
}

static size_t add_offset(char *text, size_t size, const char *clock,
                         const struct oci_time_offset *t)
{
    int n = t ? snprintf(text, size, "%s %lld %u\n", clock, (long long)t->secs, t->nanosecs) : 0;

    return n > 0 ? (size_t)n : 0;
}

static void plan_offsets(struct plan *p, struct arena *a)
{
    enum { ROOM = 160 };
    const struct oci_time_offsets *t = p->cfg->linux->time_offsets;
    char *text = arena_alloc(a, ROOM);
    size_t used = add_offset(text, ROOM, "monotonic", t->monotonic);

    used += add_offset(text + used, ROOM - used, "boottime", t->boottime);
    p->ns.offsets = used ? text : NULL;
}

int ns_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_linux *l = p->cfg->linux;
    struct ns_plan *ns = &p->ns;

    for (int i = 0; i < NS_KINDS; i++)
        ns->fd[i] = -1;
    for (size_t i = 0; l && i < l->namespaces.n; i++)
        take_namespace(ns, &l->namespaces.v[i]);
    if (l && l->time_offsets)
        plan_offsets(p, a);
    if (ns->offsets && !(ns->fresh & CLONE_NEWTIME)) {
        refuse(e, EINVAL, "time offsets need a new time namespace");
        return err_at(e, "/linux/timeOffsets");
    }
    plan_ids(p, a);
    /* These only take effect in a child of the process that makes or enters them; a joined user
     * namespace must be entered before namespaces that it is to own are made. */
    ns->middle = (ns->joined & (CLONE_NEWUSER | CLONE_NEWPID)) || (ns->fresh & CLONE_NEWTIME);
    ns->lo_up = ns->fresh & CLONE_NEWNET;
    /* A user namespace that is made has to own its network; devices are moved by init's pid, which
     * is not in there yet. */
    ns->net_beside = ns->lo_up && p->privileged && !ns->middle &&
                     !((ns->fresh | ns->joined) & CLONE_NEWUSER) && !(l && l->net_devices.n);
    return 0;
}
