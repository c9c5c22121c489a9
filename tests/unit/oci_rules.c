/* SPDX-License-Identifier: Apache-2.0 */
/* libocispec/rules.c: for each rule what breaks it, the place that is named, and what does not. */
#include "base/str.h"
#include "check.h"
#include "schema.h"
#include "tap.h"

#include <errno.h>

#define UID_MAP(c, h, n) "{\"containerID\":" #c ",\"hostID\":" #h ",\"size\":" #n "}"
#define USERNS           "\"namespaces\":[{\"type\":\"user\"}]"
#define ROOT             "\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"}"
#define CWD              "\"cwd\":\"/\""
#define HUGE(s)          "{\"pageSize\":\"" s "\",\"limit\":0}"
#define LIMIT(t)         "{\"type\":\"RLIMIT_" t "\",\"soft\":0,\"hard\":0}"

static const struct {
    const char *rule;
    const struct oci_desc *desc;
    const char *json;
    const char *pointer; /* NULL: it is fine */
} cases[] = {
    {"root_given", &oci_desc_config, "{\"ociVersion\":\"1.0.0\"}", "/root"},
    {"root_given", &oci_desc_config, "{" ROOT "}", NULL},
    {"version_known", &oci_desc_config, "{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}",
     "/ociVersion"},
    {"version_known", &oci_desc_config, "{\"ociVersion\":\"1.9.0-x\",\"root\":{\"path\":\"r\"}}",
     NULL},
    {"names_need_uts", &oci_desc_config, "{" ROOT ",\"hostname\":\"h\"}", "/hostname"},
    {"names_need_uts", &oci_desc_config, "{" ROOT ",\"domainname\":\"h\",\"linux\":{}}",
     "/domainname"},
    {"names_need_uts", &oci_desc_config, "{" ROOT ",\"hostname\":\"\"}", NULL},
    {"names_need_uts", &oci_desc_config,
     "{" ROOT ",\"hostname\":\"h\",\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}}", NULL},
    {"mappings_paired", &oci_desc_mount,
     "{\"destination\":\"/a\",\"uidMappings\":[" UID_MAP(0, 0, 1) "]}", "/gidMappings"},
    {"mappings_paired", &oci_desc_mount,
     "{\"destination\":\"/a\",\"gidMappings\":[" UID_MAP(0, 0, 1) "]}", "/uidMappings"},
    {"mappings_paired", &oci_desc_mount, "{\"destination\":\"a\"}", NULL},
    {"args_given", &oci_desc_process, "{" CWD "}", "/args"},
    {"args_given", &oci_desc_process, "{" CWD ",\"args\":[]}", "/args"},
    {"args_given", &oci_desc_process, "{" CWD ",\"args\":[\"\"]}", "/args"},
    {"args_given", &oci_desc_process, "{" CWD ",\"args\":[\"a\",\"\"]}", NULL},
    {"rlimits_once", &oci_desc_process,
     "{" CWD ",\"args\":[\"a\"],\"rlimits\":[" LIMIT("CPU") "," LIMIT("AS") "," LIMIT("CPU") "]}",
     "/rlimits/2/type"},
    {"rlimits_once", &oci_desc_process,
     "{" CWD ",\"args\":[\"a\"],\"rlimits\":[" LIMIT("CPU") "," LIMIT("AS") "]}", NULL},
    {"soft_below_hard", &oci_desc_rlimit, "{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}",
     "/soft"},
    {"soft_below_hard", &oci_desc_rlimit, "{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}", NULL},
    {"priority_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
     "/priority"},
    {"priority_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_FIFO\"}", "/priority"},
    {"priority_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_RR\",\"priority\":100}",
     "/priority"},
    {"priority_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_RR\",\"priority\":99}", NULL},
    {"nice_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_IDLE\",\"nice\":1}", "/nice"},
    {"nice_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_BATCH\",\"nice\":-1}", NULL},
    {"deadline_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_OTHER\",\"runtime\":1}",
     "/runtime"},
    {"deadline_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_OTHER\",\"deadline\":1}",
     "/deadline"},
    {"deadline_fits", &oci_desc_scheduler, "{\"policy\":\"SCHED_OTHER\",\"period\":1}", "/period"},
    {"deadline_fits", &oci_desc_scheduler,
     "{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,\"period\":3}", NULL},
    {"namespaces_once", &oci_desc_linux,
     "{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"pid\",\"path\":\"/p\"}]}",
     "/namespaces/2/type"},
    {"user_mapped", &oci_desc_linux, "{" USERNS "}", "/uidMappings"},
    {"user_mapped", &oci_desc_linux, "{" USERNS ",\"uidMappings\":[" UID_MAP(0, 0, 1) "]}",
     "/gidMappings"},
    {"user_mapped", &oci_desc_linux,
     "{" USERNS ",\"uidMappings\":[" UID_MAP(0, 0, 0) "],\"gidMappings\":[" UID_MAP(0, 0, 1) "]}",
     "/uidMappings/0/size"},
    {"user_mapped", &oci_desc_linux,
     "{" USERNS ",\"uidMappings\":[" UID_MAP(0, 0, 1) "],\"gidMappings\":[" UID_MAP(
         0, 1000, 10) "," UID_MAP(9, 2000, 1) "]}",
     "/gidMappings/1"},
    {"user_mapped", &oci_desc_linux,
     "{" USERNS ",\"gidMappings\":[" UID_MAP(0, 0, 1) "],\"uidMappings\":[" UID_MAP(
         0, 1000, 10) "," UID_MAP(10, 1009, 4294967295) "]}",
     "/uidMappings/1"},
    {"user_mapped", &oci_desc_linux,
     "{" USERNS ",\"gidMappings\":[" UID_MAP(0, 0, 1) "],\"uidMappings\":[" UID_MAP(
         0, 1000, 10) "," UID_MAP(10, 1010, 1) "]}",
     NULL},
    {"user_mapped", &oci_desc_linux, "{\"namespaces\":[{\"type\":\"user\",\"path\":\"/p\"}]}",
     NULL},
    {"offsets_need_time", &oci_desc_linux, "{\"timeOffsets\":{\"boottime\":{\"secs\":1}}}",
     "/timeOffsets"},
    {"offsets_need_time", &oci_desc_linux,
     "{\"namespaces\":[{\"type\":\"time\",\"path\":\"/p\"}],\"timeOffsets\":{\"monotonic\":{}}}",
     "/timeOffsets"},
    {"offsets_need_time", &oci_desc_linux,
     "{\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"monotonic\":{\"secs\":-1}}}", NULL},
    {"numbers_given", &oci_desc_device, "{\"type\":\"c\",\"path\":\"/d\",\"minor\":1}", "/major"},
    {"numbers_given", &oci_desc_device, "{\"type\":\"b\",\"path\":\"/d\",\"major\":1}", "/minor"},
    {"numbers_given", &oci_desc_device, "{\"type\":\"u\",\"path\":\"/d\",\"major\":-1,\"minor\":1}",
     "/major"},
    {"numbers_given", &oci_desc_device, "{\"type\":\"p\",\"path\":\"/d\"}", NULL},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_BIND\"}", "/nodes"},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"\"}",
     "/nodes"},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_DEFAULT\",\"nodes\":\"0\"}", "/nodes"},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}", "/nodes"},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_PREFERRED\"}", NULL},
    {"nodes_fit", &oci_desc_memory_policy, "{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"\"}", NULL},
    {"no_flags", &oci_desc_personality, "{\"domain\":\"LINUX\",\"flags\":[\"X\"]}", "/flags/0"},
    {"no_flags", &oci_desc_personality, "{\"domain\":\"LINUX\",\"flags\":[]}", NULL},
    {"default_errno_fits", &oci_desc_seccomp,
     "{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}", "/defaultErrnoRet"},
    {"default_errno_fits", &oci_desc_seccomp,
     "{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":1}", NULL},
    {"metadata_has_listener", &oci_desc_seccomp,
     "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}", "/listenerMetadata"},
    {"metadata_has_listener", &oci_desc_seccomp,
     "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/s\",\"listenerMetadata\":\"x\"}",
     NULL},
    {"names_given", &oci_desc_seccomp_syscall, "{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}",
     "/names"},
    {"errno_fits", &oci_desc_seccomp_syscall,
     "{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1}", "/errnoRet"},
    {"errno_fits", &oci_desc_seccomp_syscall,
     "{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1}", NULL},
    {"weight_given", &oci_desc_block_io, "{\"weightDevice\":[{\"major\":8,\"minor\":0}]}",
     "/weightDevice/0"},
    {"weight_given", &oci_desc_weight_device, "{\"major\":8,\"minor\":0,\"leafWeight\":10}", NULL},
    {"limit_given", &oci_desc_resources, "{\"rdma\":{\"a/b\":{}}}", "/rdma/a~1b"},
    {"limit_given", &oci_desc_rdma, "{\"hcaObjects\":0}", NULL},
    {"page_sizes_once", &oci_desc_resources,
     "{\"hugepageLimits\":[" HUGE("2MB") "," HUGE("1GB") "," HUGE("2MB") "]}",
     "/hugepageLimits/2/pageSize"},
    {"page_sizes_once", &oci_desc_resources,
     "{\"hugepageLimits\":[" HUGE("2MB") "," HUGE("20MB") "]}", NULL},
    {"burst_below_quota", &oci_desc_cpu, "{\"quota\":1000,\"burst\":1001}", "/burst"},
    {"burst_below_quota", &oci_desc_cpu, "{\"quota\":-1,\"burst\":1001}", NULL},
};

enum { N_CASES = sizeof cases / sizeof *cases };

static void test_case(size_t i)
{
    struct oci_source src = {.text = cases[i].json, .len = strlen(cases[i].json), .name = "t"};
    const char *pointer = cases[i].pointer, *at;
    struct arena a = {0};
    struct err e = {0};
    void *out;
    int r = oci_parse(&a, cases[i].desc, &src, &out, &e);

    at = strstr(e.at, ": ");
    if (!ok(pointer ? r == -EINVAL && at && str_eq(at + 2, pointer) : r == 0, "%s: %s %s",
            cases[i].rule, pointer ? "not" : "fine:", cases[i].json))
        printf("# %s: %s\n", e.at, e.text);
    arena_free(&a);
}

static bool has_case(const char *rule)
{
    for (size_t i = 0; i < N_CASES; i++)
        if (str_eq(cases[i].rule, rule) && cases[i].pointer)
            return true;
    return false;
}

/* A rule that is broken deep inside has the whole pointer, and its own line and column. */
static void test_place(void)
{
    static const char text[] =
        "{" ROOT ",\n\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\n"
        "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\"},\n"
        " {\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1}]}}}";
    struct oci_config *c = NULL;
    struct arena a = {0};
    struct err e = {0};

    oci_parse_config(&a, text, strlen(text), "/x/config.json", &c, &e);
    is_str(e.at, "config.json:4:54: /linux/seccomp/syscalls/1/errnoRet", "place of a broken rule");
    is_str(e.text, "SCMP_ACT_ALLOW cannot return a number", "and its reason");
    arena_free(&a);
}

int main(void)
{
    for (size_t i = 0; i < N_CASES; i++)
        test_case(i);
#define RULE(object, name, doc) ok(has_case(#name), "rule %s is broken by a case", #name);
#define CLOSED(object, doc)
#include "rules.def"
#undef RULE
#undef CLOSED
    test_place();
    return done_testing();
}
