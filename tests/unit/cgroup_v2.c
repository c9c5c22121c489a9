/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/cgroup/v2.c and limit.c on directories of plain files that look like cgroups: few
 * machines have every controller on v2, and no test may change the host's own.
 */
#include "cgroup/kind.h"
#include "cgroup/limit.h"
#include "cgroup/scope.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static char top[] = "/tmp/rt-test-cgroup-XXXXXX";
static struct arena arena;
static struct err e;

static const char *path(const char *name)
{
    return str_fmt(&arena, "%s/%s", top, name);
}

static void put(const char *name, const char *text)
{
    auto_close int fd = sys_open(AT_FDCWD, path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || sys_write_all(fd, text, strlen(text)) < 0)
        abort();
}

static const char *get(const char *name)
{
    char *buf = arena_alloc(&arena, 4096);

    return cg_read(AT_FDCWD, path(name), buf, 4096) < 0 ? NULL : buf;
}

static struct cgroup one(unsigned ctls)
{
    struct cgroup cg = {.manager = &manager_fs, .n = 1};

    cg.h[0] = (struct hier){.kind = &kind_v2,
                            .ctls = ctls,
                            .options = "",
                            .mount = top,
                            .path = path("a/b"),
                            .there = strlen(path("a")),
                            .tasks = -1};
    cg.h[0].fd = sys_open(AT_FDCWD, cg.h[0].path, O_PATH | O_DIRECTORY, 0);
    return cg;
}

static struct oci_memory memory = {.limit = 4096};
static struct oci_pids pids = {.limit = 5};
static struct oci_cpu cpu;
static struct oci_resources res = {.memory = &memory, .pids = &pids, .cpu = &cpu};
static struct oci_linux lin = {.resources = &res};
static struct oci_config cfg = {.linux = &lin};
static struct plan plan = {.cfg = &cfg};

#define PRESENT (BIT(CTL_CPU) | BIT(CTL_MEMORY) | BIT(CTL_IO) | BIT(CTL_PIDS) | BIT(CTL_CPUSET))

static void tree(const char *at_top, const char *on_top, const char *in_a, const char *on_a,
                 const char *in_b)
{
    put("cgroup.controllers", at_top);
    put("cgroup.subtree_control", on_top);
    put("a/cgroup.controllers", in_a);
    put("a/cgroup.subtree_control", on_a);
    put("a/b/cgroup.controllers", in_b);
    e = (struct err){0};
}

static int ready(void)
{
    struct cgroup cg = one(PRESENT);
    int r = cg.h[0].kind->ready(&cg, &cg.h[0], &plan, &e);

    cgroup_close(&cg);
    return r;
}

static void passes_controllers_on(void)
{
    tree("cpu io memory pids cpuset", "", "cpu io memory pids", "", "cpu io memory pids");
    is_int(ready(), 0, "all are there");
    is_str(get("cgroup.subtree_control"), "", "so nothing is written");

    tree("cpu io memory pids cpuset", "cpu", "cpu io memory pids", "", "");
    is_int(ready(), 0, "none is there");
    is_str(get("cgroup.subtree_control"), "+memory +io +pids ", "only what is missing");
    is_str(get("a/cgroup.subtree_control"), "+cpu +memory +io +pids ", "on each level");

    tree("memory pids", "", "memory pids", "memory pids", "memory pids");
    is_int(ready(), 0, "what is only counted may be missing");
    is_str(get("cgroup.subtree_control"), "+memory +pids ", "and is not asked for");

    tree("cpu io memory", "", "", "", "");
    is_int(ready(), -ENOENT, "what a limit needs may not");
    ok(strstr(e.text, "pids") && strstr(e.text, top), "it is named: %s", e.text);
    is_str(e.at, "/linux/resources/pids/limit", "with the property");
    ok(strstr(e.hint, "Delegate=pids"), "and what to do: %s", e.hint);
    is_str(get("cgroup.subtree_control"), "", "nothing was changed");
}

static void give(void)
{
    SET(&res, resources, memory);
    SET(&res, resources, pids);
    SET(&memory, memory, limit);
    SET(&pids, pids, limit);
}

static void writes_limits(void)
{
    struct cgroup cg = one(PRESENT);

    put("a/b/memory.max", "");
    put("a/b/memory.swap.max", "");
    put("a/b/pids.max", "");
    is_int(limit_set(&cg, &res, true, &e), 0, "limits of a new cgroup");
    is_str(get("a/b/memory.max"), "4096", "memory");
    is_str(get("a/b/pids.max"), "5", "processes");

    memory.limit = 8192;
    pids.limit = 6;
    SET(&cpu, cpu, shares);
    cpu.shares = 1024;
    e = (struct err){0};
    is_int(limit_set(&cg, &res, false, &e), -ENOENT, "a file that is not there");
    is_str(e.at, "/linux/resources/cpu/shares", "is named by its property");
    ok(strstr(e.text, "cpu.weight") && e.hint[0], "and as a file: %s (%s)", e.text, e.hint);
    is_str(get("a/b/memory.max"), "4096", "the old values are back");
    is_str(get("a/b/pids.max"), "5", "all of them");

    put("a/b/cpu.weight", "");
    is_int(limit_set(&cg, &res, false, &e), 0, "once it is there");
    is_str(get("a/b/memory.max"), "8192", "all are set");
    is_str(get("a/b/cpu.weight"), "100", "the last too");
    put("a/b/memory.current", "5000\n");
    memory.limit = 4999;
    memory.check_before_update = true;
    e = (struct err){0};
    is_int(limit_set(&cg, &res, false, &e), -EBUSY, "less than is in use");
    is_str(e.at, "/linux/resources/memory/limit", "is named");
    cgroup_close(&cg);
}

static void takes_the_file_that_exists(void)
{
    static struct oci_block_io io = {.weight = 500};
    struct oci_resources r = {.block_io = &io};
    struct cgroup cg = one(PRESENT);

    SET(&io, block_io, weight);
    put("a/b/io.weight", "");
    is_int(limit_set(&cg, &r, true, &e), 0, "a weight");
    is_str(get("a/b/io.weight"), "4950", "converted");
    put("a/b/io.bfq.weight", "");
    is_int(limit_set(&cg, &r, true, &e), 0, "with BFQ");
    is_str(get("a/b/io.bfq.weight"), "500", "as it is");
    cgroup_close(&cg);
}

static void needs_a_controller(void)
{
    struct cgroup cg = one(PRESENT & ~BIT(CTL_PIDS));

    e = (struct err){0};
    memory.check_before_update = false;
    memory.limit = 8192;
    is_int(limit_set(&cg, &res, true, &e), -ENODEV, "no hierarchy with the controller");
    is_str(e.at, "/linux/resources/pids/limit", "the property is named");
    ok(strstr(e.text, "pids"), "the controller too: %s", e.text);
    cgroup_close(&cg);
}

static void tells_state(void)
{
    struct cgroup cg = one(PRESENT);
    uint64_t n = 0;

    put("a/b/cgroup.events", "populated 1\nfrozen 1\n");
    put("a/b/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
    is_int(kind_v2.frozen(&cg.h[0]), 1, "frozen");
    is_int(kind_v2.wait_empty(&cg.h[0], 1), 0, "not empty");
    put("a/b/cgroup.events", "populated 0\nfrozen 0\n");
    is_int(kind_v2.frozen(&cg.h[0]), 0, "not frozen");
    is_int(kind_v2.wait_empty(&cg.h[0], 1), 1, "empty");
    ok(kind_v2.oom_kills(&cg.h[0], &n) == 0 && n == 2, "killed for memory");
    is_int(kind_v2.kill(&cg.h[0]), -EOPNOTSUPP, "no cgroup.kill");
    put("a/b/cgroup.kill", "");
    is_int(kind_v2.kill(&cg.h[0]), 0, "kill");
    is_str(get("a/b/cgroup.kill"), "1", "is written");
    cgroup_close(&cg);
}

static void gives_figures(void)
{
    struct cgroup cg = one(PRESENT);
    struct cgroup_stats s;

    put("a/b/cpu.stat", "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_periods 2\nnr_throttled 1\n"
                        "throttled_usec 5\n");
    put("a/b/memory.max", "max\n");
    put("a/b/memory.current", "5000\n");
    put("a/b/memory.stat", "anon 1\nfile 2\nslab 3\n");
    put("a/b/pids.current", "4\n");
    put("a/b/pids.max", "5\n");
    put("a/b/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 rbytes=9\n");
    put("a/b/cpu.pressure", "some avg10=1.50 avg60=2.00 avg300=3.00 total=77\n"
                            "full avg10=0.25 avg60=0.00 avg300=0.00 total=5\n");
    manager_fs.stat(&cg, &arena, &s, &e);
    ok(s.cpu.usage_ns == 7000 && s.cpu.throttled_ns == 5000 && s.cpu.periods == 2, "CPU");
    ok(s.memory.limit == CG_NONE && s.memory.usage == 5000 && s.memory.cache == 2, "memory");
    ok(s.memory.n_raw == 3 && strcmp(s.memory.raw[2].name, "slab") == 0, "each line of it");
    ok(s.pids.current == 4 && s.pids.limit == 5, "processes");
    is_int((intmax_t)s.io.n, 7, "block I/O");
    ok(s.io.v[6].major == 8 && s.io.v[6].minor == 16 && s.io.v[6].value == 9, "by device");
    ok(s.cpu.pressure.known && s.cpu.pressure.some.avg10 == 1.5 && s.cpu.pressure.full.total == 5,
       "pressure");
    ok(!s.memory.pressure.known && s.memory.oom_kills == 2 && s.memory.swap_usage == CG_NONE,
       "what is not there is not known");
    cgroup_close(&cg);
}

static void clean_up(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", top);
    if (system(command) != 0)
        printf("# %s is left\n", top);
}

/* systemd removes an empty scope when it likes: then the directory around it answers. */
static void oom_of_a_scope(void)
{
    struct cgroup cg = one(BIT(CTL_MEMORY));
    struct scope scope = {0};

    put("a/memory.events", "oom 3\noom_kill 2\n");
    is_int((long)scope_kills_around(&cg.h[0]), 2, "killed around it");
    put("a/b/memory.events", "oom 0\noom_kill 0\n");
    cg.scope = &scope;
    is_int(cgroup_oom_killed(&cg), 0, "as long as it is there, its own figure counts");
    unlink(path("a/b/memory.events"));
    is_int(cgroup_oom_killed(&cg), 1, "afterwards the one of those above");
    scope.kills_before = 2;
    is_int(cgroup_oom_killed(&cg), 0, "but for what was before");
    cg.scope = NULL;
    is_int(cgroup_oom_killed(&cg), 0, "without systemd nobody else removes it");
    unlink(path("a/memory.events"));
    is_int((long)scope_kills_around(&cg.h[0]), 0, "nobody counts");
    fd_close(&cg.h[0].fd);
}

int main(void)
{
    if (!mkdtemp(top) || mkdir(path("a"), 0755) < 0 || mkdir(path("a/b"), 0755) < 0)
        return 1;
    give();
    passes_controllers_on();
    writes_limits();
    takes_the_file_that_exists();
    needs_a_controller();
    tells_state();
    gives_figures();
    oom_of_a_scope();
    clean_up();
    arena_free(&arena);
    return done_testing();
}
