/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/proc/sysctl.c: which sysctl may be set with which namespaces. */
#include "proc/proc.h"

#include "tap.h"

#include <sched.h>

static struct err e;

static int judge(const char *name, uint64_t fresh, uint64_t joined, int kind, const char *path)
{
    struct oci_namespace ns = {.type = kind, .path = path};
    struct oci_str_pair pair = {name, "1"};
    struct oci_linux lin = {.sysctl = {1, &pair}, .namespaces = {path ? 1 : 0, &ns}};
    struct oci_config cfg = {.linux = &lin};
    struct plan plan = {.cfg = &cfg, .ns = {.fresh = fresh, .joined = joined}};
    struct arena a = {0};

    e = (struct err){0};
    return sysctl_plan(&plan, &a, &e);
}

static const struct {
    const char *name;
    uint64_t needs; /* 0: never */
} table[] = {
    {"kernel.msgmax", CLONE_NEWIPC},
    {"kernel.msgmnb", CLONE_NEWIPC},
    {"kernel.msgmni", CLONE_NEWIPC},
    {"kernel.sem", CLONE_NEWIPC},
    {"kernel/shmall", CLONE_NEWIPC},
    {"kernel/shmmax", CLONE_NEWIPC},
    {"kernel.shmmni", CLONE_NEWIPC},
    {"kernel.shm_rmid_forced", CLONE_NEWIPC},
    {"fs.mqueue.msg_max", CLONE_NEWIPC},
    {"fs/mqueue/queues_max", CLONE_NEWIPC},
    {"net.ipv4.ip_forward", CLONE_NEWNET},
    {"net/ipv4/conf/eth0.1/forwarding", CLONE_NEWNET},
    {"net.ipv4.conf.eth0/1.forwarding", CLONE_NEWNET},
    {"kernel.domainname", CLONE_NEWUTS},
    {"user.max_user_namespaces", CLONE_NEWUSER},
    {"kernel.hostname", 0},
    {"kernel.panic", 0},
    {"kernel.shmmax.x", 0},
    {"kernel.core_pattern", 0},
    {"vm.swappiness", 0},
    {"fs.file-max", 0},
    {"fs.mqueuex", 0},
    {"network.x", 0},
    {"net", 0},
    {"net.", 0},
    {"", 0},
    {"/net/ipv4/x", 0},
    {"net/../kernel/panic", 0},
    {"net...kernel/panic", 0},
    {"net./..kernel.panic", 0},
    {"net//ipv4", 0},
    {"net/./ipv4", 0},
};

int main(void)
{
    const uint64_t all = CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWUSER;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *name = table[i].name;
        uint64_t needs = table[i].needs;
        if (needs) {
            ok(judge(name, needs, 0, 0, NULL) == 0, "%s with its namespace: %s", name, e.text);
            ok(judge(name, all & ~needs, 0, 0, NULL) < 0, "%s without it: %s", name, e.text);
        } else {
            ok(judge(name, all, 0, 0, NULL) < 0, "\"%s\" never: %s", name, e.text);
        }
    }
    ok(judge("net.ipv4.ip_forward", 0, CLONE_NEWNET, OCI_NAMESPACE_TYPE_NETWORK,
             "/proc/self/ns/net") < 0,
       "the caller's namespace by path is not the container's own");
    ok(judge("net.ipv4.ip_forward", 0, CLONE_NEWNET, OCI_NAMESPACE_TYPE_NETWORK,
             "/proc/self/ns/uts") == 0,
       "another one by path is");
    ok(strstr((judge("net.ipv4.x", 0, 0, 0, NULL), e.text), "network namespace"),
       "the message names the namespace: %s", e.text);
    return done_testing();
}
