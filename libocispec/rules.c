/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the rules between the fields of one object (rules.def). Each is a small function that
 * returns 0, or records the reason with the JSON pointer of the value at fault below the object.
 */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* refuse(), with the pointer. */
static int at(struct err *e, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int at(struct err *e, const char *pointer, const char *format, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    refuse(e, EINVAL, "%s", text);
    return err_at(e, "%s", pointer);
}

/* "/LIST/i" or "/LIST/i/KEY" */
struct pointer {
    char text[80];
};

static struct pointer entry(const char *list, size_t i, const char *key)
{
    struct pointer p;

    snprintf(p.text, sizeof p.text, "%s/%zu%s", list, i, key);
    return p;
}

/* ---- config ---- */

static int root_given(const struct oci_config *c, struct err *e)
{
    return c->root ? 0 : at(e, "/root", "it is required on Linux, and missing");
}

static int version_known(const struct oci_config *c, struct err *e)
{
    if (strncmp(c->oci_version, "1.", 2) == 0)
        return 0;
    return at(e, "/ociVersion", "expected version 1.x of the specification, got \"%.60s\"",
              c->oci_version);
}

static const struct oci_namespace *find_namespace(const struct oci_linux *l, int type)
{
    for (size_t i = 0; l && i < l->namespaces.n; i++)
        if (l->namespaces.v[i].type == type)
            return &l->namespaces.v[i];
    return NULL;
}

static bool is_new(const struct oci_namespace *n)
{
    return n && !(n->path && n->path[0]);
}

static int names_need_uts(const struct oci_config *c, struct err *e)
{
    if (find_namespace(c->linux, OCI_NAMESPACE_TYPE_UTS))
        return 0;
    if (c->hostname && c->hostname[0])
        return at(e, "/hostname", "a host name needs a uts namespace of the container's own");
    if (c->domainname && c->domainname[0])
        return at(e, "/domainname", "a domain name needs a uts namespace of the container's own");
    return 0;
}

static int mappings_paired(const struct oci_mount *m, struct err *e)
{
    if (!m->uid_mappings.n == !m->gid_mappings.n)
        return 0;
    return at(e, m->uid_mappings.n ? "/gidMappings" : "/uidMappings",
              "uidMappings and gidMappings of a mount come together or not at all");
}

/* ---- process ---- */

static int args_given(const struct oci_process *p, struct err *e)
{
    if (p->args.n && p->args.v[0][0])
        return 0;
    return at(e, "/args", "a process needs a program to run");
}

static int rlimits_once(const struct oci_process *p, struct err *e)
{
    for (size_t i = 0; i < p->rlimits.n; i++)
        for (size_t j = 0; j < i; j++)
            if (p->rlimits.v[j].type == p->rlimits.v[i].type)
                return at(e, entry("/rlimits", i, "/type").text, "a second limit %s",
                          oci_word(rlimit_type, p->rlimits.v[i].type));
    return 0;
}

static int soft_below_hard(const struct oci_rlimit *r, struct err *e)
{
    return r->soft <= r->hard ? 0 : at(e, "/soft", "the soft limit is above the hard one");
}

static bool is_realtime(const struct oci_scheduler *s)
{
    return s->policy == OCI_SCHED_POLICY_FIFO || s->policy == OCI_SCHED_POLICY_RR;
}

static int priority_fits(const struct oci_scheduler *s, struct err *e)
{
    if (!is_realtime(s))
        return s->priority ? at(e, "/priority", "%s has no priority, only SCHED_FIFO and SCHED_RR",
                                oci_word(sched_policy, s->policy))
                           : 0;
    if (s->priority >= 1 && s->priority <= 99)
        return 0;
    return at(e, "/priority", "%s needs a priority from 1 to 99, got %d",
              oci_word(sched_policy, s->policy), (int)s->priority);
}

static int nice_fits(const struct oci_scheduler *s, struct err *e)
{
    if (!s->nice || s->policy == OCI_SCHED_POLICY_OTHER || s->policy == OCI_SCHED_POLICY_BATCH)
        return 0;
    return at(e, "/nice", "%s has no nice value, only SCHED_OTHER and SCHED_BATCH",
              oci_word(sched_policy, s->policy));
}

static int deadline_fits(const struct oci_scheduler *s, struct err *e)
{
    const char *pointer = s->runtime ? "/runtime" : s->deadline ? "/deadline" : "/period";

    if (s->policy == OCI_SCHED_POLICY_DEADLINE || !(s->runtime || s->deadline || s->period))
        return 0;
    return at(e, pointer, "%s has no runtime, deadline and period, only SCHED_DEADLINE",
              oci_word(sched_policy, s->policy));
}

/* ---- linux ---- */

static int namespaces_once(const struct oci_linux *l, struct err *e)
{
    for (size_t i = 0; i < l->namespaces.n; i++) {
        const struct oci_namespace *n = &l->namespaces.v[i];
        if (find_namespace(l, n->type) != n)
            return at(e, entry("/namespaces", i, "/type").text, "a second namespace of type %s",
                      oci_word(namespace_type, n->type));
    }
    return 0;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t size_a, uint32_t size_b)
{
    return a < (uint64_t)b + size_b && b < (uint64_t)a + size_a;
}

static bool ranges_meet(const struct oci_id_mapping *a, const struct oci_id_mapping *b)
{
    return overlap(a->container_id, b->container_id, a->size, b->size) ||
           overlap(a->host_id, b->host_id, a->size, b->size);
}

/* The kernel refuses such maps with a bare EINVAL, user_namespaces(7). */
static int ranges_apart(const struct oci_id_mapping_list *l, const char *list, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].size == 0)
            return at(e, entry(list, i, "/size").text, "an empty range of ids");
        for (size_t j = 0; j < i; j++)
            if (ranges_meet(&l->v[i], &l->v[j]))
                return at(e, entry(list, i, "").text, "the range overlaps that of entry %zu", j);
    }
    return 0;
}

static int user_mapped(const struct oci_linux *l, struct err *e)
{
    if (!is_new(find_namespace(l, OCI_NAMESPACE_TYPE_USER)))
        return 0;
    if (!l->uid_mappings.n)
        return at(e, "/uidMappings", "a new user namespace needs uidMappings");
    if (!l->gid_mappings.n)
        return at(e, "/gidMappings", "a new user namespace needs gidMappings");
    if (ranges_apart(&l->uid_mappings, "/uidMappings", e) < 0)
        return -EINVAL;
    return ranges_apart(&l->gid_mappings, "/gidMappings", e);
}

/* Offsets can be set before a process enters the namespace only, time_namespaces(7). */
static int offsets_need_time(const struct oci_linux *l, struct err *e)
{
    const struct oci_time_offsets *t = l->time_offsets;

    if (!t || !(t->boottime || t->monotonic))
        return 0;
    if (is_new(find_namespace(l, OCI_NAMESPACE_TYPE_TIME)))
        return 0;
    return at(e, "/timeOffsets", "offsets of clocks need a new time namespace");
}

static int numbers_given(const struct oci_device *d, struct err *e)
{
    if (d->type[0] == 'p')
        return 0;
    if (!HAS(d, device, major) || d->major < 0)
        return at(e, "/major", "a device of type %s needs a major number", d->type);
    if (!HAS(d, device, minor) || d->minor < 0)
        return at(e, "/minor", "a device of type %s needs a minor number", d->type);
    return 0;
}

static int nodes_fit(const struct oci_memory_policy *m, struct err *e)
{
    const char *mode = oci_word(mpol_mode, m->mode);
    bool given = m->nodes && m->nodes[0];

    switch (m->mode) {
    case OCI_MPOL_MODE_DEFAULT:
    case OCI_MPOL_MODE_LOCAL:
        return given ? at(e, "/nodes", "%s takes no nodes", mode) : 0;
    case OCI_MPOL_MODE_PREFERRED:
        return 0; /* without nodes: where the process runs, set_mempolicy(2) */
    default:
        return given ? 0 : at(e, "/nodes", "%s needs nodes", mode);
    }
}

static int no_flags(const struct oci_personality *p, struct err *e)
{
    return p->flags.n
               ? at(e, "/flags/0", "\"%.60s\" is no flag: there are none today", p->flags.v[0])
               : 0;
}

/* ---- seccomp ---- */

static bool carries_errno(int action)
{
    return action == OCI_SECCOMP_ACTION_ERRNO || action == OCI_SECCOMP_ACTION_TRACE;
}

static int default_errno_fits(const struct oci_seccomp *s, struct err *e)
{
    if (!HAS(s, seccomp, default_errno_ret) || carries_errno(s->default_action))
        return 0;
    return at(e, "/defaultErrnoRet", "%s cannot return a number",
              oci_word(seccomp_action, s->default_action));
}

static int metadata_has_listener(const struct oci_seccomp *s, struct err *e)
{
    if (!HAS(s, seccomp, listener_metadata) || (s->listener_path && s->listener_path[0]))
        return 0;
    return at(e, "/listenerMetadata", "it means nothing without listenerPath");
}

static int names_given(const struct oci_seccomp_syscall *s, struct err *e)
{
    return s->names.n ? 0 : at(e, "/names", "a rule needs at least one name");
}

static int errno_fits(const struct oci_seccomp_syscall *s, struct err *e)
{
    if (!HAS(s, seccomp_syscall, errno_ret) || carries_errno(s->action))
        return 0;
    return at(e, "/errnoRet", "%s cannot return a number", oci_word(seccomp_action, s->action));
}

/* ---- resources ---- */

static int weight_given(const struct oci_weight_device *w, struct err *e)
{
    if (HAS(w, weight_device, weight) || HAS(w, weight_device, leaf_weight))
        return 0;
    return at(e, "", "weight or leafWeight is needed");
}

static int limit_given(const struct oci_rdma *r, struct err *e)
{
    if (HAS(r, rdma, hca_handles) || HAS(r, rdma, hca_objects))
        return 0;
    return at(e, "", "hcaHandles or hcaObjects is needed");
}

static int page_sizes_once(const struct oci_resources *r, struct err *e)
{
    for (size_t i = 0; i < r->hugepage_limits.n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(r->hugepage_limits.v[i].page_size, r->hugepage_limits.v[j].page_size) == 0)
                return at(e, entry("/hugepageLimits", i, "/pageSize").text,
                          "a second limit for pages of %s", r->hugepage_limits.v[i].page_size);
    return 0;
}

static int burst_below_quota(const struct oci_cpu *c, struct err *e)
{
    if (c->quota <= 0 || c->burst <= (uint64_t)c->quota)
        return 0;
    return at(e, "/burst", "the burst is above the quota");
}

/* ---- all ---- */

struct rule {
    const struct oci_desc *desc;
    int (*holds)(const void *, struct err *);
};

#define RULE(object, name, doc)                                                                    \
    static int call_##name(const void *object, struct err *e)                                      \
    {                                                                                              \
        const struct oci_##object *typed = object;                                                 \
        return name(typed, e);                                                                     \
    }
#define CLOSED(object, doc)
#include "rules.def"
#undef RULE

static const struct rule rules[] = {
#define RULE(object, name, doc) {&oci_desc_##object, call_##name},
#include "rules.def"
#undef RULE
#undef CLOSED
};

static const struct oci_desc *const closed[] = {
#define RULE(object, name, doc)
#define CLOSED(object, doc) &oci_desc_##object,
#include "rules.def"
};

bool oci_is_closed(const struct oci_desc *desc)
{
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (closed[i] == desc)
            return true;
    return false;
}

int oci_check_rules(const struct oci_desc *desc, const void *object, struct err *e)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].desc == desc && rules[i].holds(object, e) < 0)
            return -EINVAL;
    return 0;
}
