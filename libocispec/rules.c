/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the rules between fields. Each is a small function that returns 0 or records the JSON
 * pointer of the value at fault with the reason.
 */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* refuse(), with the JSON pointer in front. */
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

/* "PREFIX/i" or "PREFIX/i/SUFFIX" */
struct pointer {
    char text[160];
};

static struct pointer entry(const char *prefix, size_t i, const char *suffix)
{
    struct pointer p;

    snprintf(p.text, sizeof p.text, "%s/%zu%s%s", prefix, i, suffix[0] ? "/" : "", suffix);
    return p;
}

static int root_given(const struct oci_config *c, struct err *e)
{
    return c->root ? 0 : at(e, "/root", "\"root\" is required on Linux");
}

static int version_known(const struct oci_config *c, struct err *e)
{
    if (strncmp(c->oci_version, "1.", 2) == 0)
        return 0;
    return at(e, "/ociVersion", "rt implements version 1.x of the specification, not %s",
              c->oci_version);
}

static const struct oci_namespace *find_namespace(const struct oci_config *c, int type)
{
    for (size_t i = 0; c->linux && i < c->linux->namespaces.n; i++)
        if (c->linux->namespaces.v[i].type == type)
            return &c->linux->namespaces.v[i];
    return NULL;
}

static int namespaces_once(const struct oci_config *c, struct err *e)
{
    for (size_t i = 0; c->linux && i < c->linux->namespaces.n; i++) {
        const struct oci_namespace *n = &c->linux->namespaces.v[i];
        if (find_namespace(c, n->type) != n)
            return at(e, entry("/linux/namespaces", i, "type").text,
                      "a second namespace of type %s", oci_word(namespace_type, n->type));
    }
    return 0;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t size_a, uint32_t size_b)
{
    return a < (uint64_t)b + size_b && b < (uint64_t)a + size_a;
}

static int ranges_apart(const struct oci_id_mapping_list *l, const char *pointer, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct oci_id_mapping *a = &l->v[i];
        if (a->size == 0)
            return at(e, entry(pointer, i, "size").text, "an empty range of ids");
        for (size_t j = 0; j < i; j++) {
            const struct oci_id_mapping *b = &l->v[j];
            if (overlap(a->container_id, b->container_id, a->size, b->size) ||
                overlap(a->host_id, b->host_id, a->size, b->size))
                return at(e, entry(pointer, i, "").text, "the range overlaps an earlier one");
        }
    }
    return 0;
}

static int userns_mapped(const struct oci_config *c, struct err *e)
{
    const struct oci_namespace *n = find_namespace(c, OCI_NAMESPACE_TYPE_USER);

    if (!n || (n->path && n->path[0]))
        return 0;
    if (!c->linux->uid_mappings.n)
        return at(e, "/linux/uidMappings", "a new user namespace needs uidMappings");
    if (!c->linux->gid_mappings.n)
        return at(e, "/linux/gidMappings", "a new user namespace needs gidMappings");
    if (ranges_apart(&c->linux->uid_mappings, "/linux/uidMappings", e) < 0)
        return -e->code;
    return ranges_apart(&c->linux->gid_mappings, "/linux/gidMappings", e);
}

static int uts_for_names(const struct oci_config *c, struct err *e)
{
    bool uts = find_namespace(c, OCI_NAMESPACE_TYPE_UTS);

    if (!uts && c->hostname && c->hostname[0])
        return at(e, "/hostname", "a host name needs a uts namespace of the container's own");
    if (!uts && c->domainname && c->domainname[0])
        return at(e, "/domainname", "a domain name needs a uts namespace of the container's own");
    return 0;
}

static int mount_mappings_paired(const struct oci_config *c, struct err *e)
{
    for (size_t i = 0; i < c->mounts.n; i++) {
        const struct oci_mount *m = &c->mounts.v[i];
        if (!m->uid_mappings.n != !m->gid_mappings.n)
            return at(e,
                      entry("/mounts", i, m->uid_mappings.n ? "gidMappings" : "uidMappings").text,
                      "uidMappings and gidMappings must come together");
    }
    return 0;
}

static int rlimits_once(const struct oci_config *c, struct err *e)
{
    for (size_t i = 0; c->process && i < c->process->rlimits.n; i++) {
        const struct oci_rlimit *r = &c->process->rlimits.v[i];
        if (r->soft > r->hard)
            return at(e, entry("/process/rlimits", i, "soft").text,
                      "the soft limit is above the hard one");
        for (size_t j = 0; j < i; j++)
            if (c->process->rlimits.v[j].type == r->type)
                return at(e, entry("/process/rlimits", i, "type").text, "a second limit %s",
                          oci_word(rlimit_type, r->type));
    }
    return 0;
}

static int args_given(const struct oci_config *c, struct err *e)
{
    if (!c->process || (c->process->args.n && c->process->args.v[0][0]))
        return 0;
    return at(e, "/process/args", "a process needs a program to run");
}

static int scheduler_fits(const struct oci_config *c, struct err *e)
{
    const struct oci_scheduler *s = c->process ? c->process->scheduler : NULL;
    bool realtime, fair, deadline;

    if (!s)
        return 0;
    realtime = s->policy == OCI_SCHED_POLICY_FIFO || s->policy == OCI_SCHED_POLICY_RR;
    fair = s->policy == OCI_SCHED_POLICY_OTHER || s->policy == OCI_SCHED_POLICY_BATCH;
    deadline = s->policy == OCI_SCHED_POLICY_DEADLINE;
    if (s->priority && !realtime)
        return at(e, "/process/scheduler/priority", "only SCHED_FIFO and SCHED_RR have a priority");
    if (realtime && (s->priority < 1 || s->priority > 99))
        return at(e, "/process/scheduler/priority", "%s needs a priority from 1 to 99",
                  oci_word(sched_policy, s->policy));
    if (s->nice && !fair)
        return at(e, "/process/scheduler/nice",
                  "only SCHED_OTHER and SCHED_BATCH have a nice value");
    if ((s->runtime || s->deadline || s->period) && !deadline)
        return at(e, "/process/scheduler/runtime",
                  "only SCHED_DEADLINE has runtime, deadline and period");
    return 0;
}

static int devices_numbered(const struct oci_config *c, struct err *e)
{
    for (size_t i = 0; c->linux && i < c->linux->devices.n; i++) {
        const struct oci_device *d = &c->linux->devices.v[i];
        if (d->type[0] == 'p')
            continue;
        if (!HAS(d, device, major) || d->major < 0)
            return at(e, entry("/linux/devices", i, "major").text, "a device of type %s needs it",
                      d->type);
        if (!HAS(d, device, minor) || d->minor < 0)
            return at(e, entry("/linux/devices", i, "minor").text, "a device of type %s needs it",
                      d->type);
    }
    return 0;
}

static int mempolicy_fits(const struct oci_config *c, struct err *e)
{
    const struct oci_memory_policy *m = c->linux ? c->linux->memory_policy : NULL;
    bool given = m && m->nodes && m->nodes[0];

    if (!m)
        return 0;
    switch (m->mode) {
    case OCI_MPOL_MODE_DEFAULT:
    case OCI_MPOL_MODE_LOCAL:
        return given ? at(e, "/linux/memoryPolicy/nodes", "%s takes no nodes",
                          oci_word(mpol_mode, m->mode))
                     : 0;
    case OCI_MPOL_MODE_PREFERRED:
        return 0; /* without nodes: where the process runs, set_mempolicy(2) */
    default:
        return given ? 0
                     : at(e, "/linux/memoryPolicy/nodes", "%s needs nodes",
                          oci_word(mpol_mode, m->mode));
    }
}

static int personality_plain(const struct oci_config *c, struct err *e)
{
    if (!c->linux || !c->linux->personality || !c->linux->personality->flags.n)
        return 0;
    return at(e, "/linux/personality/flags/0", "\"%s\" is no flag: there are none today",
              c->linux->personality->flags.v[0]);
}

static bool carries_errno(int action)
{
    return action == OCI_SECCOMP_ACTION_ERRNO || action == OCI_SECCOMP_ACTION_TRACE;
}

static int seccomp_errno_fits(const struct oci_config *c, struct err *e)
{
    const struct oci_seccomp *s = c->linux ? c->linux->seccomp : NULL;

    if (!s)
        return 0;
    if (HAS(s, seccomp, default_errno_ret) && !carries_errno(s->default_action))
        return at(e, "/linux/seccomp/defaultErrnoRet", "%s cannot return a number",
                  oci_word(seccomp_action, s->default_action));
    for (size_t i = 0; i < s->syscalls.n; i++) {
        const struct oci_seccomp_syscall *k = &s->syscalls.v[i];
        if (!k->names.n)
            return at(e, entry("/linux/seccomp/syscalls", i, "names").text,
                      "a rule needs at least one name");
        if (HAS(k, seccomp_syscall, errno_ret) && !carries_errno(k->action))
            return at(e, entry("/linux/seccomp/syscalls", i, "errnoRet").text,
                      "%s cannot return a number", oci_word(seccomp_action, k->action));
    }
    return 0;
}

static int seccomp_listener(const struct oci_config *c, struct err *e)
{
    const struct oci_seccomp *s = c->linux ? c->linux->seccomp : NULL;

    if (!s || !s->listener_metadata || !s->listener_metadata[0])
        return 0;
    if (s->listener_path && s->listener_path[0])
        return 0;
    return at(e, "/linux/seccomp/listenerMetadata", "it means nothing without listenerPath");
}

/* The listener is told by a message: a filter that stops that very message would hang for good. */
static int seccomp_notify(const struct oci_config *c, struct err *e)
{
    const struct oci_seccomp *s = c->linux ? c->linux->seccomp : NULL;

    if (!s)
        return 0;
    if (s->default_action == OCI_SECCOMP_ACTION_NOTIFY)
        return at(e, "/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
    for (size_t i = 0; i < s->syscalls.n; i++)
        for (size_t j = 0;
             s->syscalls.v[i].action == OCI_SECCOMP_ACTION_NOTIFY && j < s->syscalls.v[i].names.n;
             j++)
            if (strcmp(s->syscalls.v[i].names.v[j], "write") == 0 ||
                strcmp(s->syscalls.v[i].names.v[j], "sendmsg") == 0)
                return at(e, entry("/linux/seccomp/syscalls", i, "names").text,
                          "SCMP_ACT_NOTIFY cannot watch %s: it would stop its own report",
                          s->syscalls.v[i].names.v[j]);
    return 0;
}

static int block_io_complete(const struct oci_block_io *b, struct err *e)
{
    for (size_t i = 0; b && i < b->weight_device.n; i++)
        if (!HAS(&b->weight_device.v[i], weight_device, weight) &&
            !HAS(&b->weight_device.v[i], weight_device, leaf_weight))
            return at(e, entry("/linux/resources/blockIO/weightDevice", i, "").text,
                      "weight or leafWeight is needed");
    return 0;
}

static int resources_complete(const struct oci_config *c, struct err *e)
{
    const struct oci_resources *r = c->linux ? c->linux->resources : NULL;

    if (!r)
        return 0;
    if (block_io_complete(r->block_io, e) < 0)
        return -e->code;
    for (size_t i = 0; i < r->hugepage_limits.n; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(r->hugepage_limits.v[i].page_size, r->hugepage_limits.v[j].page_size))
                return at(e, entry("/linux/resources/hugepageLimits", i, "pageSize").text,
                          "a second limit for pages of %s", r->hugepage_limits.v[i].page_size);
    for (size_t i = 0; i < r->rdma.n; i++)
        if (!HAS(&r->rdma.v[i], rdma, hca_handles) && !HAS(&r->rdma.v[i], rdma, hca_objects))
            return at(e, "/linux/resources/rdma", "%s: hcaHandles or hcaObjects is needed",
                      r->rdma.k[i]);
    return 0;
}

typedef int rule_fn(const struct oci_config *, struct err *);

static rule_fn *const rules[] = {
#define RULE(name, doc) name,
#include "rules.def"
#undef RULE
};

int oci_check_rules(const struct oci_config *c, struct err *e)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i](c, e) < 0)
            return -e->code;
    return 0;
}
