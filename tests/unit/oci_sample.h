/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A valid value, as JSON, for every field of every table, and with them a valid object of each
 * kind: what the tests of the engine break in one place at a time.
 */
#ifndef RT_TESTS_UNIT_OCI_SAMPLE_H
#define RT_TESTS_UNIT_OCI_SAMPLE_H

#include "base/str.h"
#include "schema.h"

#include <stdlib.h>

/* For each check a value that it takes and one that it refuses. */
static const struct sample_check {
    const char *name, *good, *bad;
} sample_checks[] = {
    {"abspath", "\"/a\"", "\"a\""},
    {"abspath_or_empty", "\"\"", "\"a\""},
    {"nonempty", "\"x\"", "\"\""},
    {"env", "\"A=\"", "\"=1\""},
    {"cpulist", "\"0-3,7\"", "\"0-3;7\""},
    {"hostname", "\"h\"", "\"1234567890123456789012345678901234567890123456789012345678901234x\""},
    {"filename", "\"memory.max\"", "\"../x\""},
    {"page_size", "\"2MB\"", "\"02MB\""},
    {"rule_type", "\"c\"", "\"x\""},
    {"device_type", "\"p\"", "\"cb\""},
    {"access", "\"rwm\"", "\"rx\""},
    {"one_line", "\"L3:0=f\"", "\"a\\nb\""},
    {"mb_schema", "\"MB:0=10\"", "\"L3:0=f\""},
    {"semver", "\"1.0.2-rc.1+dev\"", "\"1.0\""},
    {"u16range", "65535", "65536"},
    {"umask", "511", "512"},
    {"nice", "-20", "20"},
    {"ioprio", "7", "8"},
    {"oom_score", "-1000", "1001"},
    {"positive", "1", "0"},
    {"from_zero", "0", "-1"},
    {"percent", "100", "101"},
    {"zero_one", "1", "2"},
    {"argument", "5", "6"},
    {"file_mode", "33206", "65536"},
    {"nanosecs", "999999999", "1000000000"},
};

/* Values that a rule or another field asks for, in place of the usual ones. */
static const struct sample_field {
    const struct oci_desc *desc;
    const char *key, *json;
} sample_fields[] = {
    {&oci_desc_config, "linux", "{\"namespaces\":[{\"type\":\"uts\"}]}"},
    {&oci_desc_config, "root", "{\"path\":\"rootfs\"}"},
    {&oci_desc_mount, "uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]"},
    {&oci_desc_mount, "gidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]"},
    {&oci_desc_process, "args", "[\"sh\"]"},
    {&oci_desc_scheduler, "policy", "\"SCHED_DEADLINE\""},
    {&oci_desc_scheduler, "nice", "0"},
    {&oci_desc_scheduler, "priority", "0"},
    {&oci_desc_linux, "namespaces", "[{\"type\":\"time\"}]"},
    {&oci_desc_memory_policy, "mode", "\"MPOL_BIND\""},
    {&oci_desc_memory_policy, "nodes", "\"0\""},
    {&oci_desc_personality, "flags", "[]"},
    {&oci_desc_seccomp, "defaultAction", "\"SCMP_ACT_ERRNO\""},
    {&oci_desc_seccomp, "listenerPath", "\"/s\""},
    {&oci_desc_seccomp_syscall, "names", "[\"mkdir\"]"},
    {&oci_desc_seccomp_syscall, "action", "\"SCMP_ACT_ERRNO\""},
    {&oci_desc_weight_device, "weight", "10"},
    {&oci_desc_rdma, "hcaHandles", "1"},
};

enum {
    N_SAMPLE_CHECKS = sizeof sample_checks / sizeof *sample_checks,
    N_SAMPLE_FIELDS = sizeof sample_fields / sizeof *sample_fields
};

static const struct sample_check *sample_check(const char *name)
{
    for (size_t i = 0; i < N_SAMPLE_CHECKS; i++)
        if (str_eq(sample_checks[i].name, name))
            return &sample_checks[i];
    return NULL;
}

static const char *sample_set(const struct oci_desc *d, const struct oci_field *f)
{
    for (size_t i = 0; i < N_SAMPLE_FIELDS; i++)
        if (sample_fields[i].desc == d && str_eq(sample_fields[i].key, f->key))
            return sample_fields[i].json;
    return NULL;
}

static const char *sample_object(struct arena *a, const struct oci_desc *d, bool all,
                                 const char *key, const char *json);

/* A value for the entries of a list, or for a field that is not one. */
static const char *sample_entry(struct arena *a, const struct oci_field *f, bool all)
{
    const struct sample_check *check = f->check ? sample_check(f->check_name) : NULL;

    switch (f->type) {
    case OCI_BOOL:
        return "true";
    case OCI_WORD:
    case OCI_WORDS:
        return str_fmt(a, "\"%s\"", f->vocab->words[f->vocab->n - 1]);
    case OCI_OBJ:
    case OCI_OBJS:
    case OCI_MAP_OBJ:
        return sample_object(a, f->obj, all, NULL, NULL);
    case OCI_OTHER:
        return "{}";
    case OCI_STR:
    case OCI_STRS:
    case OCI_MAP_STR:
        return check ? check->good : "\"text\"";
    default:
        return check ? check->good : "1";
    }
}

/* A valid value of a field; with `all`, objects in it have all their fields. */
static const char *sample_value(struct arena *a, const struct oci_desc *d,
                                const struct oci_field *f, bool all)
{
    const char *set = sample_set(d, f);
    const char *one = set ? set : sample_entry(a, f, all);

    if (set)
        return set;
    switch (f->type) {
    case OCI_STRS:
    case OCI_WORDS:
    case OCI_U32S:
    case OCI_OBJS:
        return str_fmt(a, "[%s]", one);
    case OCI_MAP_STR:
        return str_fmt(a, "{%s:\"text\"}", f->check ? one : "\"key\"");
    case OCI_MAP_OBJ:
        return str_fmt(a, "{\"key\":%s}", one);
    default:
        return one;
    }
}

/* A valid object with the required fields (or all of them), and with key set to json if given;
 * json NULL leaves the key out. */
static const char *sample_object(struct arena *a, const struct oci_desc *d, bool all,
                                 const char *key, const char *json)
{
    const char *members = "";

    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct oci_field *f = &d->fields[i];
        bool here = key && str_eq(f->key, key);
        const char *value = here ? json : sample_value(a, d, f, all);

        if (!value || !(here || all || f->must || sample_set(d, f)))
            continue;
        members = str_fmt(a, "%s%s\"%s\":%s", members, members[0] ? "," : "", f->key, value);
    }
    return str_fmt(a, "{%s}", members);
}

/* Every object of the tables. */
static const struct oci_desc *const sample_objects[] = {
#define OBJ(name, doc) &oci_desc_##name,
#define F(object, need, type, sub, field, key, doc)
#define END(name)
#include "def/all.def"
#undef OBJ
#undef F
#undef END
};

enum { N_SAMPLE_OBJECTS = sizeof sample_objects / sizeof *sample_objects };

#endif
