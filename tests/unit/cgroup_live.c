/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives src/cgroup against the kernel, as root, in the layout of the caller (v1 or hybrid) and,
 * in a mount namespace of its own, with v2 alone on /sys/fs/cgroup. Only cgroups named rt-test-...
 * are made, and they are removed again.
 */
#include "cgroup/cgroup.h"
#include "cgroup/kind.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- one container, as far as cgroups go ---- */

struct box {
    struct arena a;
    struct request req;
    struct oci_config cfg;
    struct oci_linux lin;
    struct oci_resources res;
    struct oci_memory memory;
    struct oci_cpu cpu;
    struct oci_pids pids;
    struct plan plan;
    struct ctx ctx;
    struct err e;
    int pidfd;
};

static bool pure_v2;
static char base_name[32];

static void box_open(struct box *b, const char *path)
{
    *b = (struct box){.pidfd = -1};
    b->req.id = base_name;
    b->req.rootless = 0;
    b->cfg.linux = &b->lin;
    b->lin.resources = &b->res;
    if (path) {
        SET(&b->lin, linux, cgroups_path);
        b->lin.cgroups_path = path;
    }
    b->plan.req = &b->req;
    b->plan.cfg = &b->cfg;
    b->plan.privileged = true;
    b->ctx.plan = &b->plan;
    b->ctx.arena = &b->a;
}

static bool said(struct box *b, int r, const char *what)
{
    ok(r >= 0, "%s", what);
    if (r < 0)
        printf("# %s: %s (%s) [%s]\n", what, b->e.text, b->e.hint, b->e.at);
    return r >= 0;
}

static bool box_make(struct box *b)
{
    return said(b, cgroup_plan(&b->plan, &b->a, &b->e), "plan") &&
           said(b, step_make_cgroup(&b->ctx, &b->e), "make");
}

/* A child born in v2 and joined to the rest, that calls fn and sleeps. */
static pid_t box_start(struct box *b, void (*fn)(void))
{
    struct sys_clone c = {.cgroup = cgroup_fd(b->plan.cgroup), .exit_signal = SIGCHLD};
    int ready[2];
    char byte;

    if (pipe(ready) < 0)
        abort();
    b->ctx.child = sys_clone3(&c, &b->pidfd);
    if (b->ctx.child == 0) {
        if (step_join_cgroup(&b->ctx, &b->e) < 0)
            _exit(9);
        if (write(ready[1], "x", 1) != 1)
            _exit(8);
        close(ready[0]);
        close(ready[1]);
        if (fn)
            fn();
        for (;;)
            pause();
    }
    close(ready[1]);
    ok(b->ctx.child > 0 && read(ready[0], &byte, 1) == 1, "a process joins");
    close(ready[0]);
    return b->ctx.child;
}

static int box_wait(struct box *b)
{
    int status = -1;

    sys_wait_pid(b->ctx.child, &status, 0);
    fd_close(&b->pidfd);
    return status;
}

static void box_close(struct box *b)
{
    cgroup_close(b->plan.cgroup);
    fd_close(&b->pidfd);
    arena_free(&b->a);
}

static struct hier *hier_at(struct box *b, unsigned i)
{
    return &b->plan.cgroup->h[i];
}

static unsigned n_dirs(struct box *b)
{
    unsigned n = 0;
    struct stat st;

    for (unsigned i = 0; i < b->plan.cgroup->n; i++)
        n += stat(hier_at(b, i)->path, &st) == 0;
    return n;
}

static const char *value(struct box *b, enum ctl c, const char *file)
{
    static char buf[4096];
    struct hier *h = hier_of(b->plan.cgroup, c);

    if (!h || cg_read(h->fd, file, buf, sizeof buf) < 0)
        return NULL;
    return buf;
}

/* ---- tests ---- */

static void lives(void)
{
    struct box b;
    struct pollfd p = {.events = POLLIN};
    pid_t *pids, pid;
    size_t n;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    is_int(n_dirs(&b), b.plan.cgroup->n, "every hierarchy has the directory");
    pid = box_start(&b, NULL);
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit");
    said(&b, cgroup_pids(b.plan.cgroup, &b.a, &pids, &n, &b.e), "list");
    ok(n == 1 && pids[0] == pid, "the process is listed");
    is_int(cgroup_is_frozen(b.plan.cgroup, &b.e), 0, "not frozen");
    said(&b, cgroup_freeze(b.plan.cgroup, true, &b.e), "freeze");
    is_int(cgroup_is_frozen(b.plan.cgroup, &b.e), 1, "frozen");
    said(&b, cgroup_signal_all(b.plan.cgroup, SIGKILL, &b.e), "kill while frozen");
    p.fd = b.pidfd;
    is_int(poll(&p, 1, 20000), 1, "the process ends");
    box_wait(&b);
    is_int(cgroup_is_frozen(b.plan.cgroup, &b.e) && !pure_v2, 0, "no freeze is left on v1");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    is_int(n_dirs(&b), 0, "nothing is left");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove again");
    box_close(&b);
}

/* All hierarchies name the directory in /proc/PID/cgroup. */
static void is_everywhere(void)
{
    struct box b;
    char file[32], buf[4096], *line, *rest = buf;
    unsigned in = 0, out = 0;

    box_open(&b, "rt-test-rel/x");
    if (!box_make(&b))
        return;
    snprintf(file, sizeof file, "/proc/%d/cgroup", box_start(&b, NULL));
    ok(cg_read(AT_FDCWD, file, buf, sizeof buf) > 0, "read it");
    while ((line = strsep(&rest, "\n")))
        if (strstr(line, "rt-test-rel/x"))
            in++;
        else if (!pure_v2 || str_starts(line, "0::"))
            out++, printf("# %s\n", line);
    ok(in >= 1 && out == 0, "the process is in all %u hierarchies", in);
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove kills what is left");
    ok(WIFSIGNALED(box_wait(&b)), "by a signal");
    is_int(n_dirs(&b), 0, "nothing is left");
    for (unsigned i = 0; i < b.plan.cgroup->n; i++) {
        char *parent = str_dup(&b.a, hier_at(&b, i)->path);
        struct stat st;
        *strrchr(parent, '/') = '\0';
        if (stat(parent, &st) == 0)
            ok(false, "the parent %s that was made went too", parent);
    }
    box_close(&b);
}

static void set_limits(struct box *b)
{
    SET(&b->res, resources, memory);
    SET(&b->memory, memory, limit);
    SET(&b->memory, memory, swap);
    b->res.memory = &b->memory;
    b->memory.limit = 64 << 20;
    b->memory.swap = 96 << 20;
    b->res.cpu = &b->cpu;
    SET(&b->cpu, cpu, shares);
    SET(&b->cpu, cpu, quota);
    SET(&b->cpu, cpu, period);
    SET(&b->cpu, cpu, cpus);
    b->cpu.shares = 512;
    b->cpu.quota = 20000;
    b->cpu.period = 50000;
    b->cpu.cpus = "0";
    b->res.pids = &b->pids;
    SET(&b->pids, pids, limit);
    b->pids.limit = 7;
}

static void limits_v1(void)
{
    struct box b;
    struct oci_throttle_device bad = {.major = 250, .minor = 250, .rate = 1};
    struct oci_block_io io = {.throttle_read_bps_device = {1, &bad}};

    box_open(&b, "/rt-test-limits");
    set_limits(&b);
    if (!box_make(&b))
        return;
    is_str(value(&b, CTL_CPUSET, "cpuset.cpus"), "0", "cpuset is there before a process is");
    box_start(&b, NULL);
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit");
    is_str(value(&b, CTL_MEMORY, "memory.limit_in_bytes"), "67108864", "memory");
    is_str(value(&b, CTL_MEMORY, "memory.memsw.limit_in_bytes"), "100663296", "memory and swap");
    is_str(value(&b, CTL_CPU, "cpu.shares"), "512", "shares");
    is_str(value(&b, CTL_CPU, "cpu.cfs_quota_us"), "20000", "quota");
    is_str(value(&b, CTL_CPU, "cpu.cfs_period_us"), "50000", "period");
    is_str(value(&b, CTL_PIDS, "pids.max"), "7", "pids");
    ok(value(&b, CTL_DEVICES, "devices.list") &&
           strstr(value(&b, CTL_DEVICES, "devices.list"), "c 1:3 rwm") &&
           !strstr(value(&b, CTL_DEVICES, "devices.list"), "a *:*"),
       "devices are a list");

    b.memory.limit = 256 << 20; /* above the present memory+swap: order matters */
    b.memory.swap = 512 << 20;
    said(&b, cgroup_update(b.plan.cgroup, &b.res, &b.e), "grow");
    is_str(value(&b, CTL_MEMORY, "memory.memsw.limit_in_bytes"), "536870912", "both are larger");
    b.memory.limit = 32 << 20;
    b.memory.swap = 32 << 20;
    said(&b, cgroup_update(b.plan.cgroup, &b.res, &b.e), "shrink");
    is_str(value(&b, CTL_MEMORY, "memory.memsw.limit_in_bytes"), "33554432", "both are smaller");

    b.memory.limit = 128 << 20;
    b.memory.swap = 128 << 20;
    b.cpu.shares = 77;
    b.pids.limit = 0;
    b.res.block_io = &io;
    ok(cgroup_update(b.plan.cgroup, &b.res, &b.e) < 0, "a device that is not there is refused");
    printf("# %s: %s (%s)\n", b.e.at, b.e.text, b.e.hint);
    is_str(b.e.at, "/linux/resources/blockIO/throttleReadBpsDevice", "by its name");
    is_str(value(&b, CTL_MEMORY, "memory.limit_in_bytes"), "33554432", "memory is back");
    is_str(value(&b, CTL_MEMORY, "memory.memsw.limit_in_bytes"), "33554432", "swap is back");
    is_str(value(&b, CTL_CPU, "cpu.shares"), "512", "shares are back");
    is_str(value(&b, CTL_PIDS, "pids.max"), "7", "pids are back");
    b.res.block_io = NULL;
    said(&b, cgroup_update(b.plan.cgroup, &b.res, &b.e), "pids 0");
    is_str(value(&b, CTL_PIDS, "pids.max"), "0", "0 is a limit");
    b.pids.limit = -1;
    said(&b, cgroup_update(b.plan.cgroup, &b.res, &b.e), "pids -1");
    is_str(value(&b, CTL_PIDS, "pids.max"), "max", "-1 is none");

    SET(&b.memory, memory, check_before_update);
    b.memory.check_before_update = true;
    b.memory.limit = 1;
    b.memory.swap = 0;
    b.e = (struct err){0};
    /* The child's own pages are charged to the parent it was forked from; make sure of some. */
    if (cgroup_update(b.plan.cgroup, &b.res, &b.e) < 0)
        is_str(b.e.at, "/linux/resources/memory/limit", "a limit below the usage is refused");
    else
        skip("a limit below the usage is refused", "the cgroup uses no memory");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_wait(&b);
    box_close(&b);
}

static void open_devices(void)
{
    int denied, allowed;

    denied = open("/dev/kmsg", O_RDONLY);
    allowed = open("/dev/null", O_RDWR);
    _exit((denied < 0 && errno == ENOENT) ? 3 : (denied < 0) + 2 * (allowed >= 0) + 10);
}

static void devices_are_denied(void)
{
    struct box b;
    int status;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit before the fork");
    box_start(&b, open_devices);
    status = box_wait(&b);
    is_int(WEXITSTATUS(status), 13, "kmsg is denied, null is allowed");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_close(&b);
}

static void devices_change(void)
{
    struct box b;
    struct oci_device_rule rules[] = {
        {.allow = false, .access = "rwm"},
        {.allow = true, .type = "c", .major = 1, .minor = 11, .access = "r"},
    };
    int status;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit");
    SET(&rules[1], device_rule, major);
    SET(&rules[1], device_rule, minor);
    b.res.devices = (struct oci_device_rule_list){2, rules};
    said(&b, cgroup_update(b.plan.cgroup, &b.res, &b.e), "update");
    box_start(&b, open_devices);
    status = box_wait(&b);
    is_int(WEXITSTATUS(status), 12, "kmsg and null are allowed now");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_close(&b);
}

static void refuses_what_is_in_use(void)
{
    struct box a, b;
    char *text;
    struct cgroup *again;

    box_open(&a, "/rt-test-busy");
    if (!box_make(&a))
        return;
    box_start(&a, NULL);
    box_open(&b, "/rt-test-busy");
    ok(cgroup_plan(&b.plan, &b.a, &b.e) == 0, "plan");
    is_int(step_make_cgroup(&b.ctx, &b.e), -EBUSY, "a cgroup with a process is refused");
    printf("# %s: %s (%s)\n", b.e.at, b.e.text, b.e.hint);
    is_int(n_dirs(&a), a.plan.cgroup->n, "and left alone");
    ok(kill(a.ctx.child, 0) == 0, "with its process");
    box_close(&b);

    said(&a, cgroup_freeze(a.plan.cgroup, true, &a.e), "freeze");
    box_open(&b, "/rt-test-busy/below");
    ok(cgroup_plan(&b.plan, &b.a, &b.e) == 0, "plan below");
    is_int(step_make_cgroup(&b.ctx, &b.e), -EBUSY, "below a frozen one too");
    printf("# %s: %s (%s)\n", b.e.at, b.e.text, b.e.hint);
    is_int(n_dirs(&b), 0, "nothing was made");
    box_close(&b);

    said(&a, cgroup_save(a.plan.cgroup, &a.a, &text), "save");
    printf("# %s\n", text);
    cgroup_close(a.plan.cgroup);
    said(&a, cgroup_load(&a.a, text, &again, &a.e), "load");
    said(&a, cgroup_remove(again, &a.e), "remove what is frozen, by the record");
    ok(WIFSIGNALED(box_wait(&a)), "its process was killed");
    is_int(n_dirs(&a), 0, "it is gone");
    cgroup_close(again);
    box_close(&a);
}

/* What was there before stays, empty. */
static void leaves_what_was_there(void)
{
    struct box a, b;

    box_open(&a, "/rt-test-there");
    if (!box_make(&a))
        return;
    box_open(&b, "/rt-test-there");
    if (!box_make(&b))
        return;
    box_start(&b, NULL);
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_wait(&b);
    is_int(n_dirs(&b), b.plan.cgroup->n, "the directories stay");
    box_close(&b);
    said(&a, cgroup_remove(a.plan.cgroup, &a.e), "whoever made them removes them");
    is_int(n_dirs(&a), 0, "they are gone");
    box_close(&a);
}

/* The name was taken by another since: not ours. */
static void leaves_what_is_anothers(void)
{
    struct box a, b;
    struct cgroup *old;
    char *text;

    box_open(&a, "/rt-test-other");
    if (!box_make(&a))
        return;
    cgroup_save(a.plan.cgroup, &a.a, &text);
    said(&a, cgroup_remove(a.plan.cgroup, &a.e), "remove");
    box_open(&b, "/rt-test-other");
    if (!box_make(&b))
        return;
    box_start(&b, NULL);
    said(&a, cgroup_load(&a.a, text, &old, &a.e), "load the old record");
    said(&a, cgroup_remove(old, &a.e), "remove by it");
    ok(kill(b.ctx.child, 0) == 0 && n_dirs(&b) == b.plan.cgroup->n, "the other one is untouched");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove the other");
    box_wait(&b);
    box_close(&a);
    box_close(&b);
}

static void breed(void)
{
    for (;;)
        if (fork() < 0)
            sched_yield();
}

static void ends_a_fork_bomb(void)
{
    struct box b;

    box_open(&b, NULL);
    b.res.pids = &b.pids;
    SET(&b.pids, pids, limit);
    b.pids.limit = 60;
    if (pure_v2) {
        skip("a fork bomb ends", "there is no pids controller to keep it small");
        return;
    }
    if (!box_make(&b))
        return;
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit");
    box_start(&b, breed);
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    is_int(n_dirs(&b), 0, "a fork bomb ends");
    box_wait(&b);
    box_close(&b);
}

static void make_nested(int dir, int levels)
{
    int cur = dup(dir);

    for (int i = 0; i < levels && cur >= 0; i++) {
        int next = -1;
        mkdirat(cur, "deeper", 0755);
        mkdirat(cur, "beside", 0755);
        next = openat(cur, "deeper", O_PATH | O_DIRECTORY);
        close(cur);
        cur = next;
    }
    if (cur >= 0)
        close(cur);
}

static void removes_what_the_container_made(void)
{
    struct box b;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    for (unsigned i = 0; i < b.plan.cgroup->n; i++)
        make_nested(hier_at(&b, i)->fd, 300);
    box_start(&b, NULL);
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove 300 levels");
    box_wait(&b);
    is_int(n_dirs(&b), 0, "all sub-cgroups are gone");
    box_close(&b);
}

static void gives_figures(void)
{
    struct box b;
    struct cgroup_stats s;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    box_start(&b, NULL);
    said(&b, cgroup_stat(b.plan.cgroup, &b.a, &s, &b.e), "stat");
    ok(s.cpu.usage_ns != CG_NONE, "CPU time is known");
    if (!pure_v2) {
        is_int((intmax_t)s.pids.current, 1, "one process");
        ok(s.memory.usage != CG_NONE && s.memory.n_raw > 10, "memory is known");
        ok(s.memory.limit == CG_NONE, "and unlimited");
    }
    is_int(cgroup_oom_killed(b.plan.cgroup), 0, "nothing was killed");
    cgroup_remove(b.plan.cgroup, NULL);
    box_wait(&b);
    box_close(&b);
}

static void eat(void)
{
    usleep(100000);
    for (size_t i = 0; i < 64; i++) {
        volatile char *p = malloc(1 << 20);
        for (size_t j = 0; p && j < 1 << 20; j += 4096)
            p[j] = 1;
    }
    _exit(0);
}

static void tells_oom(void)
{
    struct box b;
    struct pollfd p;
    short events = 0;

    if (pure_v2) {
        skip("out of memory is told", "no memory controller on v2 here");
        return;
    }
    box_open(&b, NULL);
    b.res.memory = &b.memory;
    SET(&b.memory, memory, limit);
    SET(&b.memory, memory, swap);
    b.memory.limit = b.memory.swap = 16 << 20;
    if (!box_make(&b))
        return;
    said(&b, step_limit_cgroup(&b.ctx, &b.e), "limit");
    p.fd = cgroup_oom_watch(b.plan.cgroup, &events, &b.e);
    said(&b, p.fd, "watch");
    p.events = events;
    box_start(&b, eat);
    is_int(poll(&p, 1, 30000), 1, "the watch wakes");
    ok(WIFSIGNALED(box_wait(&b)), "the process was killed");
    is_int(cgroup_oom_killed(b.plan.cgroup), 1, "out of memory is told");
    close(p.fd);
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_close(&b);
}

static void refuses_bad_paths(void)
{
    static const char *const bad[] = {"..", "/a/../b", "a/..", "/", "./", "a\nb"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct box b;
        box_open(&b, bad[i]);
        is_int(cgroup_plan(&b.plan, &b.a, &b.e), -EINVAL, "a bad path is refused");
        is_str(b.e.at, "/linux/cgroupsPath", "by its name");
        box_close(&b);
    }
}

static void enters_below(void)
{
    struct box b;
    const char *sub = "inner";
    struct cgroup *cg;
    char *text;

    box_open(&b, NULL);
    if (!box_make(&b))
        return;
    box_start(&b, NULL);
    for (unsigned i = 0; i < b.plan.cgroup->n; i++)
        mkdirat(hier_at(&b, i)->fd, sub, 0755);
    cgroup_save(b.plan.cgroup, &b.a, &text);
    said(&b, cgroup_load(&b.a, text, &cg, &b.e), "load");
    is_int(cgroup_enter(cg, &b.a, (const char *[]){"../x"}, 1, b.ctx.child, &b.e), -EINVAL,
           "upwards is refused");
    cgroup_close(cg);
    cgroup_load(&b.a, text, &cg, &b.e);
    is_int(cgroup_enter(cg, &b.a, (const char *[]){"nothere"}, 1, b.ctx.child, &b.e), -ENOENT,
           "what is not there is refused");
    cgroup_close(cg);
    cgroup_load(&b.a, text, &cg, &b.e);
    if (pure_v2) {
        said(&b, cgroup_enter(cg, &b.a, &sub, 1, b.ctx.child, &b.e), "enter");
        ok(strstr(cg->h[0].path, "/inner") != NULL && cgroup_fd(cg) >= 0, "below");
    } else {
        sub = "memory:inner";
        said(&b, cgroup_enter(cg, &b.a, (const char *[]){"cpuset,nonsense:/"}, 1, 0, &b.e),
             "a controller by name");
        said(&b, cgroup_enter(cg, &b.a, &sub, 1, b.ctx.child, &b.e), "one hierarchy");
        ok(strstr(hier_of(cg, CTL_MEMORY)->path, "/inner") &&
               !strstr(hier_of(cg, CTL_PIDS)->path, "/inner"),
           "only that one goes below");
    }
    cgroup_close(cg);
    cgroup_remove(b.plan.cgroup, NULL);
    box_wait(&b);
    box_close(&b);
}

static void hands_over(void)
{
    struct box b;
    struct mount_item m = {.kind = MOUNT_CGROUP, .dest = "/sys/fs/cgroup"};
    struct oci_id_mapping map = {.container_id = 0, .host_id = 123456, .size = 1000};
    struct stat st;

    if (!pure_v2) {
        skip("the cgroup is handed over", "only a v2 cgroup is");
        return;
    }
    box_open(&b, NULL);
    b.lin.uid_mappings = (struct oci_id_mapping_list){1, &map};
    b.plan.ns.fresh = CLONE_NEWCGROUP | CLONE_NEWUSER;
    said(&b, cgroup_plan(&b.plan, &b.a, &b.e), "plan");
    b.plan.mounts.v = &m;
    b.plan.mounts.n = 1;
    said(&b, step_make_cgroup(&b.ctx, &b.e), "make");
    stat(hier_at(&b, 0)->path, &st);
    is_int(st.st_uid, 123456, "the directory is the container's root's");
    fstatat(hier_at(&b, 0)->fd, "cgroup.procs", &st, 0);
    is_int(st.st_uid, 123456, "cgroup.procs too");
    fstatat(hier_at(&b, 0)->fd, "cgroup.freeze", &st, 0);
    is_int(st.st_uid, 0, "cgroup.freeze not");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_close(&b);
}

static void names_what_v2_lacks(void)
{
    struct box b;

    if (!pure_v2) {
        skip("a missing controller is named", "here v1 has it");
        return;
    }
    box_open(&b, NULL);
    b.res.pids = &b.pids;
    SET(&b.pids, pids, limit);
    b.pids.limit = 5;
    said(&b, cgroup_plan(&b.plan, &b.a, &b.e), "plan");
    is_int(step_make_cgroup(&b.ctx, &b.e), -ENOENT, "a missing controller is refused");
    printf("# %s (%s)\n", b.e.text, b.e.hint);
    ok(strstr(b.e.text, "pids"), "by its name");
    is_int(n_dirs(&b), 0, "nothing is left");
    box_close(&b);
}

/* ---- without privilege ---- */

/* 0: as it should be, else the number of what is not. */
static int does_without(void)
{
    struct box b;

    box_open(&b, NULL);
    b.plan.privileged = false;
    b.req.rootless = -1;
    if (cgroup_plan(&b.plan, &b.a, &b.e) < 0 || step_make_cgroup(&b.ctx, &b.e) < 0)
        return 1;
    if (n_dirs(&b) != 0 || cgroup_fd(b.plan.cgroup) != -1 || step_limit_cgroup(&b.ctx, &b.e) < 0)
        return 2;
    if (cgroup_remove(b.plan.cgroup, &b.e) < 0 || cgroup_is_frozen(b.plan.cgroup, &b.e) != 0)
        return 3;
    box_open(&b, "/rt-test-asked");
    b.plan.privileged = false;
    b.req.rootless = -1;
    if (cgroup_plan(&b.plan, &b.a, &b.e) < 0 || step_make_cgroup(&b.ctx, &b.e) != -EACCES)
        return 4;
    box_open(&b, NULL);
    b.plan.privileged = false;
    b.req.rootless = -1;
    set_limits(&b);
    if (cgroup_plan(&b.plan, &b.a, &b.e) < 0 || step_make_cgroup(&b.ctx, &b.e) != -EACCES)
        return 5;
    return n_dirs(&b) == 0 ? 0 : 6;
}

/* In a directory that was given to the caller, all works. */
static int does_in_its_own(const char *dir)
{
    struct box b;

    box_open(&b, str_fmt(&(struct arena){0}, "%s/mine", dir));
    b.plan.privileged = false;
    b.req.rootless = -1;
    if (cgroup_plan(&b.plan, &b.a, &b.e) < 0 || step_make_cgroup(&b.ctx, &b.e) < 0)
        return 1;
    if (n_dirs(&b) != b.plan.cgroup->n || step_limit_cgroup(&b.ctx, &b.e) < 0)
        return 2;
    return cgroup_remove(b.plan.cgroup, &b.e) == 0 && n_dirs(&b) == 0 ? 0 : 3;
}

static int as_nobody(int (*fn)(const char *), const char *arg)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
            _exit(99);
        _exit(fn ? fn(arg) : does_without());
    }
    sys_wait_pid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void without_privilege(void)
{
    struct box b;

    is_int(as_nobody(NULL, NULL), 0, "nobody does without, unless a limit or a path is asked for");
    box_open(&b, "/rt-test-nobody");
    if (!box_make(&b))
        return;
    for (unsigned i = 0; i < b.plan.cgroup->n; i++)
        ok(chown(hier_at(&b, i)->path, 65534, 65534) == 0, "give a cgroup away");
    is_int(as_nobody(does_in_its_own, "/rt-test-nobody"), 0, "nobody has cgroups where allowed");
    said(&b, cgroup_remove(b.plan.cgroup, &b.e), "remove");
    box_close(&b);
}

static void all(void)
{
    without_privilege();
    lives();
    is_everywhere();
    if (pure_v2)
        skip("limits of v1", "v2 alone");
    else
        limits_v1();
    devices_are_denied();
    devices_change();
    refuses_what_is_in_use();
    leaves_what_was_there();
    leaves_what_is_anothers();
    ends_a_fork_bomb();
    removes_what_the_container_made();
    gives_figures();
    tells_oom();
    refuses_bad_paths();
    enters_below();
    hands_over();
    names_what_v2_lacks();
}

/* From here on this process sees v2 alone. */
static bool enter_pure_v2(void)
{
    return sys_unshare(CLONE_NEWNS) == 0 &&
           sys_mount_old(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           sys_mount_old("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0;
}

int main(void)
{
    long magic = 0;

    snprintf(base_name, sizeof base_name, "rt-test-%d", (int)getpid());
    if (geteuid() != 0 || sys_path_fs_type("/sys/fs/cgroup", &magic) < 0) {
        skip("cgroups", "this takes root and cgroups");
        return done_testing();
    }
    if (magic != CGROUP2_SUPER_MAGIC) {
        printf("# layout of the caller\n");
        all();
    }
    if (enter_pure_v2()) {
        printf("# v2 alone\n");
        pure_v2 = true;
        all();
    } else {
        skip("v2 alone", "no mount namespace can be made");
    }
    return done_testing();
}
