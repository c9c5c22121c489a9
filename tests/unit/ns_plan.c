/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/ns/plan.c: who writes which id maps, who builds, time offsets, the middle process.
 */
#include "ns/ns.h"

#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 3 };

struct setup {
    struct oci_namespace namespaces[2];
    struct oci_id_mapping uids[MOST], gids[MOST];
    struct oci_linux lin;
    struct oci_config cfg;
    struct plan plan;
    struct arena arena;
    struct err e;
};

static void map(struct oci_id_mapping_list *list, uint32_t inside, uint32_t outside, uint32_t size)
{
    list->v[list->n++] =
        (struct oci_id_mapping){.container_id = inside, .host_id = outside, .size = size};
}

static void begin(struct setup *s, int type, bool privileged)
{
    *s = (struct setup){.namespaces[0].type = type};
    s->lin.namespaces.v = s->namespaces;
    s->lin.namespaces.n = 1;
    s->lin.uid_mappings.v = s->uids;
    s->lin.gid_mappings.v = s->gids;
    s->cfg.linux = &s->lin;
    s->plan.cfg = &s->cfg;
    s->plan.privileged = privileged;
}

static int plan(struct setup *s)
{
    return ns_plan(&s->plan, &s->arena, &s->e);
}

static void by_root(void)
{
    struct setup s;

    begin(&s, OCI_NAMESPACE_TYPE_USER, true);
    map(&s.lin.uid_mappings, 0, 100000, 65536);
    map(&s.lin.uid_mappings, 70000, 4294967294u, 1);
    map(&s.lin.gid_mappings, 0, 200000, 65536);
    is_int(plan(&s), 0, "root maps many");
    is_str(s.plan.id.uid_map, "0 100000 65536\n70000 4294967294 1\n", "the users, line by line");
    is_str(s.plan.id.gid_map, "0 200000 65536\n", "the groups");
    ok(s.plan.ns.need_maps && !s.plan.id.by_helper && !s.plan.id.deny_setgroups,
       "written by rt itself, and setgroups stays");
    ok(!s.plan.ns.middle && s.plan.ns.fresh == CLONE_NEWUSER, "one process makes it");
    arena_free(&s.arena);
}

static void by_a_user(void)
{
    struct setup s;

    begin(&s, OCI_NAMESPACE_TYPE_USER, false);
    map(&s.lin.uid_mappings, 0, geteuid(), 1);
    map(&s.lin.gid_mappings, 0, getegid(), 1);
    is_int(plan(&s), 0, "a user maps one id");
    ok(!s.plan.id.by_helper && s.plan.id.deny_setgroups, "its own, at the price of setgroups");
    arena_free(&s.arena);

    begin(&s, OCI_NAMESPACE_TYPE_USER, false);
    map(&s.lin.uid_mappings, 0, geteuid(), 1);
    map(&s.lin.gid_mappings, 0, getegid(), 1);
    map(&s.lin.gid_mappings, 1, 100000, 10);
    is_int(plan(&s), 0, "a user maps several groups");
    ok(s.plan.id.by_helper && !s.plan.id.deny_setgroups, "by the helpers, which keep setgroups");
    arena_free(&s.arena);

    begin(&s, OCI_NAMESPACE_TYPE_USER, false);
    map(&s.lin.uid_mappings, 0, geteuid() + 1, 1);
    map(&s.lin.gid_mappings, 0, getegid(), 1);
    is_int(plan(&s), 0, "a user maps another's id");
    ok(s.plan.id.by_helper, "by the helpers, who know whether it is granted");
    arena_free(&s.arena);
}

static void who_builds(void)
{
    struct setup s;

    begin(&s, OCI_NAMESPACE_TYPE_USER, true);
    map(&s.lin.uid_mappings, 1000, 100000, 1);
    map(&s.lin.uid_mappings, 0, 5, 1);
    map(&s.lin.gid_mappings, 7, 100000, 3);
    is_int(plan(&s), 0, "root is the second, or nobody");
    is_int(s.plan.id.uid, 0, "root builds where it is mapped");
    is_int(s.plan.id.gid, 7, "else the first that is");
    arena_free(&s.arena);

    begin(&s, OCI_NAMESPACE_TYPE_PID, true);
    is_int(plan(&s), 0, "no user namespace");
    ok(s.plan.id.uid == 0 && s.plan.id.gid == 0 && !s.plan.ns.need_maps, "root builds");
    arena_free(&s.arena);
}

static void joined(void)
{
    struct setup s;

    begin(&s, OCI_NAMESPACE_TYPE_USER, true);
    s.namespaces[0].path = "/proc/self/ns/user";
    is_int(plan(&s), 0, "our own user namespace by path");
    ok(s.plan.ns.joined == 0 && s.plan.ns.fresh == 0, "is as good as none");
    arena_free(&s.arena);

    begin(&s, OCI_NAMESPACE_TYPE_USER, true);
    s.namespaces[0].path = "/nowhere";
    is_int(plan(&s), 0, "another one");
    ok(s.plan.ns.joined == CLONE_NEWUSER && s.plan.ns.middle && !s.plan.ns.need_maps,
       "is entered by a middle process and has its maps already");
    arena_free(&s.arena);
}

static void time_offsets(void)
{
    struct oci_time_offset monotonic = {.secs = -5, .nanosecs = 7}, boottime = {.secs = 1};
    struct oci_time_offsets offsets = {.monotonic = &monotonic, .boottime = &boottime};
    struct setup s;

    begin(&s, OCI_NAMESPACE_TYPE_TIME, true);
    s.lin.time_offsets = &offsets;
    is_int(plan(&s), 0, "time is set off");
    is_str(s.plan.ns.offsets, "monotonic -5 7\nboottime 1 0\n", "both clocks");
    ok(s.plan.ns.middle, "it takes effect for children only");
    arena_free(&s.arena);

    begin(&s, OCI_NAMESPACE_TYPE_PID, true);
    s.lin.time_offsets = &offsets;
    ok(plan(&s) < 0 && strcmp(s.e.at, "/linux/timeOffsets") == 0, "not without a new namespace");
    arena_free(&s.arena);
}

int main(void)
{
    by_root();
    by_a_user();
    who_builds();
    joined();
    time_offsets();
    return done_testing();
}
