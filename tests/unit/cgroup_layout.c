/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/cgroup/layout.c: what is found in the texts of /proc. */
#include "cgroup/layout.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <sys/sysmacros.h>

static struct arena arena;

static struct layout parsed(const char *own, const char *mounts)
{
    struct layout l = {0};
    char *rest = str_dup(&arena, mounts), *line;

    is_int(layout_add_own(&arena, &l, own), 0, "parse");
    while ((line = strsep(&rest, "\n")))
        layout_add_mount(&arena, &l, line);
    return l;
}

static void hybrid(void)
{
    struct layout l = parsed("5:name=systemd:/a\n4:cpu,cpuacct:/a b\n3:memory:/\n0::/a\n",
                             "22 27 0:22 / /sys rw - sysfs sysfs rw\n"
                             "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
                             "40 31 0:40 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                             "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 "
                             "master:3 - cgroup cgroup rw,cpuacct,cpu\n"
                             "33 31 0:30 /x /mnt/a\\040b rw - cgroup cgroup rw,memory\n"
                             "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
                             "rw,xattr,name=systemd\n"
                             "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                             "36 31 0:32 / /elsewhere rw - cgroup2 cgroup2 rw");

    is_int(l.n, 4, "four hierarchies");
    is_str(l.v[0].mount, "/sys/fs/cgroup/systemd", "a named one");
    is_int(l.v[0].ctls, 0, "has no controllers");
    is_str(l.v[1].mount, "/sys/fs/cgroup/cpu,cpuacct", "two together, in any order");
    is_int(l.v[1].ctls, BIT(CTL_CPU) | BIT(CTL_CPUACCT), "both controllers");
    is_str(layout_own_dir(&arena, &l.v[1]), "/sys/fs/cgroup/cpu,cpuacct/a b", "our own there");
    ok(l.v[1].dev == makedev(0, 29), "its device");
    is_str(l.v[2].mount, "/mnt/a b", "a blank in the path");
    is_str(layout_own_dir(&arena, &l.v[2]), "/mnt/a b", "our own is above what is mounted");
    is_str(l.v[3].mount, "/sys/fs/cgroup/unified", "v2, the first mount of it");
    ok(l.v[3].kind == &kind_v2 && !(l.v[3].ctls & BIT(CTL_MEMORY)) && (l.v[3].ctls & BIT(CTL_PIDS)),
       "v2 has what v1 has not");
}

static void own_directories(void)
{
    struct mounted m = {.mount = "/cg", .root = "/docker/x", .own = "/docker/x/y"};

    is_str(layout_own_dir(&arena, &m), "/cg/y", "below the root of the mount");
    m.own = "/docker/x";
    is_str(layout_own_dir(&arena, &m), "/cg", "the root itself");
    m.own = "/docker/xy";
    is_str(layout_own_dir(&arena, &m), "/cg", "not a sibling with a longer name");
    m.root = "/";
    m.own = "/../../z";
    is_str(layout_own_dir(&arena, &m), "/cg", "outside the cgroup namespace");
    m.own = NULL;
    is_str(layout_own_dir(&arena, &m), "/cg", "not known");
}

static void broken(void)
{
    static const char *const bad[] = {"5", "5:memory", "5:memory:", "5:memory:x", "a:b"};
    static const char *const lines[] = {"",
                                        "1 2 0:3 / /x rw",
                                        "1 2 0:3 / - cgroup cgroup rw,memory",
                                        "1 2 x / /x rw - cgroup c rw,memory",
                                        "1 2 0:3 / /x rw - cgroup",
                                        "- cgroup - cgroup"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct layout l = {0};
        is_int(layout_add_own(&arena, &l, bad[i]), -EINVAL, "not a line of /proc/self/cgroup");
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct layout l = {0};
        layout_add_own(&arena, &l, "3:memory:/\n");
        ok(!layout_add_mount(&arena, &l, str_dup(&arena, lines[i])) && !l.v[0].mount,
           "not a mount: \"%s\"", lines[i]);
    }
}

int main(void)
{
    hybrid();
    own_directories();
    broken();
    arena_free(&arena);
    return done_testing();
}
