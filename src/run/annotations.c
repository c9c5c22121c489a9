/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the list of annotations that are refused, with what to do instead. */
#include "run/annotations.h"

#include "base/str.h"

#include <errno.h>

static const struct refused {
    const char *key, *instead;
} refused[] = {
    {"run.oci.seccomp.receiver", "use linux.seccomp.listenerPath"},
    {"run.oci.seccomp.plugins", "use linux.seccomp.listenerPath and a program that answers"},
    {"run.oci.seccomp_bpf_data", "write the rules in linux.seccomp"},
    {"run.oci.pidfd_receiver", "use --pidfd-socket"},
    {"run.oci.systemd.force_cgroup_v1", "mount the hierarchy by an entry of mounts"},
    {"run.oci.delegate-cgroup", "make the sub-cgroup inside the container, which owns its cgroup"},
    {"run.oci.handler", "choose a runtime that has the handler"},
    {"module.wasm.image/variant", "choose a runtime that has the handler"},
};

static int refuse_one(const char *key, const char *instead, struct err *e)
{
    refuse(e, ENOTSUP, "rt does not do what the annotation %s asks for", key);
    err_hint(e, "%s", instead);
    return err_at(e, "/annotations/%s", key);
}

/* The container is in its scope itself: a leaf below is the one thing that can be asked for. */
static int check_subgroup(const struct plan *p, struct err *e)
{
    const char *key = "run.oci.systemd.subgroup", *name = plan_annotation(p, key);

    if (!name || !*name)
        return 0;
    return refuse_one(key, "leave it empty: the container is in its scope itself", e);
}

static int check_groups(const struct plan *p, struct err *e)
{
    const char *key = "run.oci.keep_original_groups";
    const struct oci_user *user = p->cfg->process ? p->cfg->process->user : NULL;

    if (!plan_annotation(p, key) || !user || !user->additional_gids.n)
        return 0;
    refuse(e, EINVAL, "to keep the caller's groups and to set others exclude each other");
    err_hint(e, "leave out the annotation, or process.user.additionalGids");
    return err_at(e, "/annotations/%s", key);
}

int annotations_plan(struct plan *p, struct arena *a, struct err *e)
{
    (void)a;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (plan_annotation(p, refused[i].key))
            return refuse_one(refused[i].key, refused[i].instead, e);
    return check_subgroup(p, e) < 0 || check_groups(p, e) < 0 ? -e->code : 0;
}
