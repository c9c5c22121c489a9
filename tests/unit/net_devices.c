/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/net: a namespace of the test's own plays the host, one of its child the container.
 */
#include "base/fd.h"
#include "fs/procfs.h"
#include "net/net.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static char said[16384];

/* Run a command of the shell; what it printed is in `said`. */
static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[512];
    va_list ap;
    FILE *f;

    va_start(ap, format);
    vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    f = popen(command, "r");
    if (!f)
        return -1;
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    return pclose(f);
}

struct fixture {
    struct ctx ctx;
    struct plan plan;
    struct oci_config cfg;
    struct oci_linux linux_part;
    const char *names[4];
    struct oci_net_device devices[4];
    struct err e;
};

static void make(struct fixture *t)
{
    *t = (struct fixture){0};
    t->cfg.linux = &t->linux_part;
    t->plan = (struct plan){.cfg = &t->cfg, .ns.fresh = CLONE_NEWNET, .privileged = true};
    for (int i = 0; i < NS_KINDS; i++)
        t->plan.ns.fd[i] = -1;
    t->ctx = (struct ctx){.plan = &t->plan, .arena = &arena, .proc = procfs_open(NULL)};
    t->linux_part.net_devices.k = t->names;
    t->linux_part.net_devices.v = t->devices;
}

static void want(struct fixture *t, const char *name, const char *inner)
{
    size_t i = t->linux_part.net_devices.n++;

    t->names[i] = name;
    t->devices[i].name = inner;
}

/* A child in a network namespace of its own, until it is stopped. */
static pid_t container(void)
{
    int up[2];
    char c;
    pid_t pid;

    if (pipe2(up, O_CLOEXEC) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNET) < 0 || write(up[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(up[1]);
    if (read(up[0], &c, 1) != 1)
        pid = -1;
    close(up[0]);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool has(const char *part)
{
    bool found = strstr(said, part);

    if (!found)
        printf("# not in: %.2000s\n", said);
    return found;
}

static void inside(pid_t pid, const char *command)
{
    shell("nsenter --net=/proc/%d/ns/net ip %s 2>&1", (int)pid, command);
}

static void moving(void)
{
    struct fixture t;
    pid_t pid = container();
    bool v6;

    make(&t);
    t.ctx.child = pid;
    shell("ip link add rtv0 type veth peer name rtv1; ip addr add 10.9.8.7/24 brd + dev rtv0;"
          "ip addr add 10.9.8.9/24 dev rtv0; ip addr add 10.7.0.1 peer 10.7.0.2/32 dev rtv0;"
          "ip addr add 10.6.0.1/24 dev rtv0 valid_lft 3600 preferred_lft 3600;"
          "ip addr add 10.5.0.1/24 scope link dev rtv0; ip link set rtv0 up");
    v6 = shell("ip -6 addr add fd00:a::1/64 dev rtv0 2>&1") == 0;
    want(&t, "rtv0", "eth0");
    want(&t, "rtv1", NULL);
    is_int(net_plan(&t.plan, &arena, &t.e), 0, "the plan is fine");
    is_int(step_move_net_devices(&t.ctx, &t.e), 0, "two devices move");
    if (t.e.code)
        printf("# %s\n", t.e.text);
    inside(pid, "-o link");
    ok(has(" eth0@") && has(" rtv1@"), "they have their names");
    inside(pid, "-o link show up");
    ok(has(" eth0@") && has(" rtv1@"), "they are up");
    inside(pid, "-o addr show eth0");
    ok(has("10.9.8.7/24 brd 10.9.8.255 scope global eth0"),
       "an address and its broadcast are kept");
    ok(has("10.9.8.9/24 scope global secondary"), "the order of addresses is kept");
    ok(has("10.7.0.1 peer 10.7.0.2/32"), "the address of the peer is kept");
    if (v6)
        ok(has("fd00:a::1/64 scope global"), "an address of IPv6 is kept");
    else
        skip("an address of IPv6 is kept", "this kernel has no IPv6");
    ok(!strstr(said, "10.6.0.1"), "an address that ends is not kept");
    ok(!strstr(said, "10.5.0.1"), "an address of the link is not kept");
    shell("ip -o link");
    ok(!strstr(said, "rtv0") && !strstr(said, "eth0"), "the host has them no more");

    undo_move_net_devices(&t.ctx);
    shell("ip -o addr; ip -o link");
    ok(has("rtv0") && has("rtv1"), "undo brings them back");
    ok(has("10.9.8.7/24 brd 10.9.8.255"), "with their addresses");
    shell("ip -o link show up");
    ok(has("rtv0@") && !strstr(said, "rtv1@"), "up or down as they were");
    shell("ip link del rtv0");
    fd_close(&t.ctx.proc);
    stop(pid);
}

static void clashes(void)
{
    struct fixture t;
    pid_t pid = container();

    shell("ip link add rtv0 type veth peer name rtv1");
    inside(pid, "link add eth0 type veth peer name rtv1");

    make(&t);
    t.ctx.child = pid;
    want(&t, "rtv1", "other");
    want(&t, "rtv0", "eth0");
    is_int(step_move_net_devices(&t.ctx, &t.e), -EEXIST, "a name that is taken is an error");
    is_str(t.e.at, "/linux/netDevices/rtv0", "that says which");
    shell("ip -o link");
    ok(has(" rtv0@") && has(" rtv1@"), "nothing has moved then");
    ok(!t.ctx.net_moves, "nothing is left to undo");
    fd_close(&t.ctx.proc);

    make(&t);
    t.ctx.child = pid;
    want(&t, "rtv0", "eth%d");
    want(&t, "rtv1", "rt%d");
    is_int(step_move_net_devices(&t.ctx, &t.e), 0, "templates find free names");
    inside(pid, "-o link show up");
    ok(has(" eth1@"), "the next number");
    ok(has("@eth1:"), "even where the old name is taken");
    inside(pid, "link del eth1");
    fd_close(&t.ctx.proc);

    make(&t);
    t.ctx.child = pid;
    want(&t, "rt-none", NULL);
    is_int(step_move_net_devices(&t.ctx, &t.e), -ENODEV, "a device that is not there is an error");
    ok(strstr(t.e.text, "rt-none") != NULL, "that names it: %s", t.e.text);
    fd_close(&t.ctx.proc);

    make(&t);
    t.ctx.child = pid;
    want(&t, "lo", "rtlo");
    ok(step_move_net_devices(&t.ctx, &t.e) < 0, "the loopback device does not move: %s", t.e.text);
    fd_close(&t.ctx.proc);
    stop(pid);
}

/* A namespace that is joined by path is the target, not that of the child. */
static void joined(void)
{
    struct fixture t;
    pid_t pid = container();
    char path[64];

    make(&t);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    t.ctx.child = getpid();
    t.plan.ns.fd[OCI_NAMESPACE_TYPE_NETWORK] = sys_open(AT_FDCWD, path, O_RDONLY, 0);
    shell("ip link add rtv0 type veth peer name rtv1");
    want(&t, "rtv0", "eth0");
    is_int(step_move_net_devices(&t.ctx, &t.e), 0, "into a named namespace");
    inside(pid, "-o link show up");
    ok(has(" eth0@"), "it is there");
    shell("ip link del rtv1");
    fd_close(&t.plan.ns.fd[OCI_NAMESPACE_TYPE_NETWORK]);
    fd_close(&t.ctx.proc);
    stop(pid);
}

static int plan_of(const char *name, const char *inner, struct err *e)
{
    struct fixture t;
    int r;

    make(&t);
    want(&t, "fine0", NULL);
    want(&t, name, inner);
    r = net_plan(&t.plan, &arena, &t.e);
    *e = t.e;
    fd_close(&t.ctx.proc);
    return r;
}

static void planning(void)
{
    static const char *const bad[] = {"",   ".",     "..", "a/b", "a:b", "a b", "sixteen-bytes-xx",
                                      "%s", "a%d%d", "a%"};
    struct fixture t;
    struct err e;

    is_int(plan_of("veth0", "eth%d", &e), 0, "a template is fine inside");
    is_int(plan_of("eth%d", "eth0", &e), -EINVAL, "and not on the host");
    is_int(plan_of("veth0", "", &e), 0, "an empty name is the old one");
    is_int(plan_of("fifteen-bytes-x", NULL, &e), 0, "fifteen bytes are fine");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_int(plan_of(i ? "veth0" : "", bad[i], &e), -EINVAL, "a bad name is refused");
        ok(strstr(e.at, "/linux/netDevices/") == e.at, "at %s", e.at);
    }
    is_int(plan_of("veth0", "fine0", &e), -EEXIST, "two of one name are refused");
    make(&t);
    is_int(net_plan(&t.plan, &arena, &t.e), 0, "no devices, no demands");
    want(&t, "veth0", NULL);
    t.plan.ns.fresh = 0;
    is_int(net_plan(&t.plan, &arena, &t.e), -EINVAL, "they need a namespace to go to");
    t.plan.ns.joined = CLONE_NEWNET;
    is_int(net_plan(&t.plan, &arena, &t.e), 0, "which may be a named one");
    t.plan.privileged = false;
    is_int(net_plan(&t.plan, &arena, &t.e), -EPERM, "and root");
    fd_close(&t.ctx.proc);
}

static void loopback(void)
{
    struct ctx ctx = {0};
    struct err e = {0};

    shell("ip -o link show up");
    ok(!strstr(said, "lo:"), "the loopback device is down at first");
    is_int(step_lo_up(&ctx, &e), 0, "it is set up");
    shell("ip -o addr show lo");
    ok(has("127.0.0.1/8"), "and has its address");
}

int main(void)
{
    planning();
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || shell("ip -V 2>&1 && nsenter -V") != 0) {
        skip("devices that move", "needs root, ip and nsenter");
        return done_testing();
    }
    loopback();
    if (shell("ip link add rtv0 type veth peer name rtv1 2>&1 && ip link del rtv0") != 0) {
        skip("devices that move", "this kernel has no veth");
        return done_testing();
    }
    moving();
    clashes();
    joined();
    arena_free(&arena);
    return done_testing();
}
