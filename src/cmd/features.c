/* SPDX-License-Identifier: Apache-2.0 */
/* rt features: what this rt can do, out of the tables that it runs on. */
#include "cmd/app.h"

#include "base/str.h"
#include "box/box.h"
#include "mount/mount.h"
#include "schema.h"
#include "sec/sec.h"

#include <stdio.h>

static struct oci_strs words(const struct oci_vocab *v)
{
    return (struct oci_strs){.n = v->n, .v = (const char **)(uintptr_t)v->words};
}

/* Those words for which `is` says yes. */
static struct oci_strs words_that(const struct oci_vocab *v, bool (*is)(int), struct arena *a)
{
    struct oci_strs s = {.v = arena_array(a, v->n, sizeof *s.v)};

    for (unsigned i = 0; i < v->n; i++)
        if (is((int)i))
            s.v[s.n++] = v->words[i];
    return s;
}

/* The keys of an object are the names of its fields. */
static struct oci_strs keys(const struct oci_desc *d, struct arena *a)
{
    struct oci_strs s = {.v = arena_array(a, d->n_fields, sizeof *s.v)};

    for (unsigned i = 0; i < d->n_fields; i++)
        s.v[s.n++] = d->fields[i].key;
    return s;
}

static struct oci_features_switch *enabled(struct arena *a)
{
    struct oci_features_switch *s = arena_new(a, struct oci_features_switch);

    s->enabled = true;
    SET(s, features_switch, enabled);
    return s;
}

static struct oci_features_cgroup *cgroup(struct arena *a)
{
    struct oci_features_cgroup *c = arena_new(a, struct oci_features_cgroup);

    *c = (struct oci_features_cgroup){.v1 = true,
                                      .v2 = true,
                                      .systemd = RT_HAVE_SYSTEMD,
                                      .systemd_user = RT_HAVE_SYSTEMD,
                                      .rdma = true};
    SET(c, features_cgroup, v1);
    SET(c, features_cgroup, v2);
    SET(c, features_cgroup, systemd);
    SET(c, features_cgroup, systemd_user);
    SET(c, features_cgroup, rdma);
    return c;
}

static struct oci_features_seccomp *seccomp(struct arena *a)
{
    struct oci_features_seccomp *s = arena_new(a, struct oci_features_seccomp);

    s->enabled = true;
    s->actions = words(&oci_vocab_seccomp_action);
    s->operators = words(&oci_vocab_seccomp_op);
    s->archs = words_that(&oci_vocab_seccomp_arch, seccomp_knows_arch, a);
    s->known_flags = words(&oci_vocab_seccomp_flag);
    s->supported_flags = words_that(&oci_vocab_seccomp_flag, seccomp_supports_flag, a);
    SET(s, features_seccomp, enabled);
    SET(s, features_seccomp, actions);
    SET(s, features_seccomp, operators);
    SET(s, features_seccomp, archs);
    SET(s, features_seccomp, known_flags);
    SET(s, features_seccomp, supported_flags);
    return s;
}

static struct oci_features_linux *linux_features(struct arena *a)
{
    struct oci_features_linux *l = arena_new(a, struct oci_features_linux);

    l->namespaces = words(&oci_vocab_namespace_type);
    l->capabilities = words(&oci_vocab_capability);
    l->cgroup = cgroup(a);
    l->seccomp = seccomp(a);
    l->apparmor = l->selinux = enabled(a);
    l->memory_policy = arena_new(a, struct oci_features_memory_policy);
    l->memory_policy->modes = words(&oci_vocab_mpol_mode);
    l->memory_policy->flags = words(&oci_vocab_mpol_flag);
    SET(l->memory_policy, features_memory_policy, modes);
    SET(l->memory_policy, features_memory_policy, flags);
    l->intel_rdt = arena_new(a, struct oci_features_rdt);
    *l->intel_rdt =
        (struct oci_features_rdt){.enabled = true, .schemata = true, .monitoring = true};
    SET(l->intel_rdt, features_rdt, enabled);
    SET(l->intel_rdt, features_rdt, schemata);
    SET(l->intel_rdt, features_rdt, monitoring);
    l->mount_extensions = arena_new(a, struct oci_features_mount_extensions);
    l->mount_extensions->idmap = enabled(a);
    SET(l->mount_extensions, features_mount_extensions, idmap);
    l->net_devices = enabled(a);
    SET(l, features_linux, namespaces);
    SET(l, features_linux, capabilities);
    SET(l, features_linux, cgroup);
    SET(l, features_linux, seccomp);
    SET(l, features_linux, apparmor);
    SET(l, features_linux, selinux);
    SET(l, features_linux, memory_policy);
    SET(l, features_linux, intel_rdt);
    SET(l, features_linux, mount_extensions);
    SET(l, features_linux, net_devices);
    return l;
}

/* Annotations that change what rt does: an engine must not pass them on from strangers. One that
 * ends in a dot stands for all that begin so. CVE-2024-3154. */
static const char *const unsafe[] = {"org.systemd.property.",        "rt.landlock",
                                     "run.oci.hooks.stderr",         "run.oci.hooks.stdout",
                                     "run.oci.keep_original_groups", "run.oci.mount_context_type"};

int cmd_features(struct app *app, int argc, char **argv, struct err *e)
{
    struct arena *a = app->arena;
    struct oci_str_pair notes[] = {
        {"org.opencontainers.runc.checkpoint.enabled", "false"},
        {"rt.landlock.abi", str_fmt(a, "%d", box_landlock_version())},
        {"rt.version", RT_VERSION_TEXT},
    };
    struct oci_features f = {
        .oci_version_min = "1.0.0",
        .oci_version_max = OCI_SPEC_VERSION,
        .hooks = keys(&oci_desc_hooks, a),
        .linux = linux_features(a),
        .annotations = {.n = sizeof notes / sizeof *notes, .v = notes},
        .potentially_unsafe_config_annotations = {sizeof unsafe / sizeof *unsafe,
                                                  (const char **)(uintptr_t)unsafe},
    };
    size_t len;

    if (command_words(app, "features", NULL, 0, 0, 0, argc, argv, e) < 0)
        return -e->code;
    f.mount_options.v = (const char **)(uintptr_t)mount_option_names(&f.mount_options.n);
    SET(&f, features, oci_version_min);
    SET(&f, features, oci_version_max);
    SET(&f, features, hooks);
    SET(&f, features, mount_options);
    SET(&f, features, linux);
    SET(&f, features, annotations);
    SET(&f, features, potentially_unsafe_config_annotations);
    printf("%s\n", oci_write(a, &oci_desc_features, &f, true, &len));
    return 0;
}
