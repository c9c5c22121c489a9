/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under every runtime: what the kernel has to do for `run` of the benchmark's bundle, and
 * nothing else. The same namespaces, mounts, masks, capabilities and cgroup, the same program; no
 * config.json is read, nothing is checked, nothing is recorded, no failure is cleaned up after.
 *
 *   floor -g 1|2 [-T FILE] ROOTFS ID      cgroup v1 or v2; -T writes where the time goes
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> of glibc 2.36 exclude each other. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#define OLD_MS_REC     16384ul
#define OLD_MS_PRIVATE (1ul << 18)
#define OLD_MNT_DETACH 2

enum { HIERS = 9, MARKS = 64, EMPTY_PATH = 0x1000, RECURSIVE = 0x8000 };

static const char *const hiers[HIERS] = {"systemd", "pids",   "blkio",   "freezer", "devices",
                                         "memory",  "cpuset", "cpuacct", "cpu"};

struct marks {
    unsigned n;
    struct {
        const char *name;
        bool child;
        uint64_t at;
    } v[MARKS];
};

static struct marks *marks;
static bool in_child;
static int version, channel[2], cgroup_dir = -1;
static char cgroups[HIERS][160];

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The work that ends here has this name. */
static void mark(const char *name)
{
    unsigned i = marks ? __atomic_fetch_add(&marks->n, 1, __ATOMIC_RELAXED) : MARKS;

    if (i >= MARKS)
        return;
    marks->v[i].name = name;
    marks->v[i].child = in_child;
    marks->v[i].at = now();
}

static int check(long r, const char *what)
{
    if (r >= 0)
        return (int)r;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void put(int fd, const char *text)
{
    check(write(fd, text, strlen(text)), text);
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = check(open(path, O_WRONLY | O_CLOEXEC), path);
    put(fd, text);
    close(fd);
}

/* ---- cgroups ---- */

static void name_cgroups(const char *id)
{
    if (version == 2)
        snprintf(cgroups[0], sizeof *cgroups, "/sys/fs/cgroup/%s", id);
    for (int i = 0; version == 1 && i < HIERS; i++)
        snprintf(cgroups[i], sizeof *cgroups, "/sys/fs/cgroup/%s/%s", hiers[i], id);
}

static void make_cgroups(void)
{
    for (int i = 0; i < (version == 2 ? 1 : HIERS); i++)
        check(mkdir(cgroups[i], 0755), cgroups[i]);
    if (version == 2) {
        cgroup_dir = check(open(cgroups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroups[0]);
        return;
    }
    put_file(cgroups[6], "cpuset.cpus", "0");
    put_file(cgroups[6], "cpuset.mems", "0");
}

/* Whoever moves itself, a single thread, through v1's tasks does not wait for a grace period. */
static void join_cgroups(void)
{
    for (int i = 0; i < HIERS; i++)
        put_file(cgroups[i], "tasks", "0");
    mark("join the cgroups");
}

static void allow_devices(void)
{
    static const char *const rules[] = {"c *:* m",   "b *:* m",     "c 1:3 rwm", "c 1:8 rwm",
                                        "c 1:7 rwm", "c 5:0 rwm",   "c 1:5 rwm", "c 1:9 rwm",
                                        "c 5:1 rwm", "c 136:* rwm", "c 5:2 rwm", "c 10:200 rwm"};
    char path[256];
    int fd;

    put_file(cgroups[4], "devices.deny", "a");
    snprintf(path, sizeof path, "%s/devices.allow", cgroups[4]);
    fd = check(open(path, O_WRONLY | O_CLOEXEC), path);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        put(fd, rules[i]);
    close(fd);
}

static void remove_cgroups(void)
{
    for (int i = 0; i < (version == 2 ? 1 : HIERS); i++)
        while (rmdir(cgroups[i]) < 0 && errno == EBUSY)
            sched_yield();
}

/* ---- mounts ---- */

struct option {
    const char *key, *value;
};

static int new_fs(const char *type, const struct option *options, unsigned attributes)
{
    int fs = check(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), type), m;

    for (; options && options->key; options++)
        check(syscall(SYS_fsconfig, fs, options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                      options->key, options->value, 0),
              options->key);
    check(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
    m = check(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes), type);
    close(fs);
    return m;
}

static int clone_tree(int dir, const char *path, unsigned flags)
{
    return (int)syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static void put_mount(int m, int dir, const char *path)
{
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

    check(syscall(SYS_move_mount, m, "", dir, path, flags), path);
}

static void attach(int m, int dir, const char *path)
{
    put_mount(m, dir, path);
    close(m);
}

static void set_attributes(int m, unsigned attributes, unsigned flags)
{
    struct mount_attr a = {.attr_set = attributes};

    check(syscall(SYS_mount_setattr, m, "", EMPTY_PATH | flags, &a, sizeof a), "mount_setattr");
}

enum {
    SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    SAFE_RO = SAFE | MOUNT_ATTR_RDONLY,
};

static int mount_dev(int root)
{
    static const struct option dev[] = {{"mode", "755"}, {"size", "65536k"}, {0}},
                               pts[] = {{"newinstance", NULL},
                                        {"ptmxmode", "0666"},
                                        {"mode", "0620"},
                                        {"gid", "5"},
                                        {0}},
                               shm[] = {{"mode", "1777"}, {"size", "65536k"}, {0}};
    int d = new_fs("tmpfs", dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);

    put_mount(d, root, "dev");
    check(mkdirat(d, "pts", 0755), "pts");
    attach(new_fs("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), d, "pts");
    check(mkdirat(d, "shm", 0755), "shm");
    attach(new_fs("tmpfs", shm, SAFE), d, "shm");
    check(mkdirat(d, "mqueue", 0755), "mqueue");
    attach(new_fs("mqueue", NULL, SAFE), d, "mqueue");
    return d;
}

static void wait_for_parent(void)
{
    char c;

    check(read(channel[1], &c, 1), "wait for the parent");
    mark("wait for the cgroups");
}

static void mount_cgroups(int root)
{
    static const struct option small[] = {{"size", "1024k"}, {0}};
    int top;

    if (version == 2) {
        attach(new_fs("cgroup2", NULL, SAFE_RO), root, "sys/fs/cgroup");
        return;
    }
    wait_for_parent();
    join_cgroups();
    top = new_fs("tmpfs", small, SAFE);
    put_mount(top, root, "sys/fs/cgroup");
    for (int i = 0; i < HIERS; i++) {
        int tree = check(clone_tree(AT_FDCWD, cgroups[i], 0), cgroups[i]);
        check(mkdirat(top, hiers[i], 0755), hiers[i]);
        set_attributes(tree, SAFE_RO, 0);
        attach(tree, top, hiers[i]);
    }
    set_attributes(top, SAFE_RO, 0);
    close(top);
}

static void fill_dev(int d)
{
    static const struct {
        const char *name;
        unsigned major, minor;
    } nodes[] = {{"null", 1, 3}, {"zero", 1, 5},   {"full", 1, 7},
                 {"tty", 5, 0},  {"random", 1, 8}, {"urandom", 1, 9}};
    static const char *const links[][2] = {
        {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
        {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"}};

    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        check(mknodat(d, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
              nodes[i].name);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        check(symlinkat(links[i][0], d, links[i][1]), links[i][1]);
}

static void mask(int root)
{
    static const char *const paths[] = {"proc/acpi",        "proc/asound",        "proc/kcore",
                                        "proc/keys",        "proc/latency_stats", "proc/timer_list",
                                        "proc/timer_stats", "proc/sched_debug",   "proc/scsi",
                                        "sys/firmware"};
    static const struct option least[] = {{"nr_blocks", "1"}, {"nr_inodes", "2"}, {0}};
    int empty = -1, tree;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int at = openat(root, paths[i], O_PATH | O_CLOEXEC);
        struct stat st;
        if (at < 0)
            continue;
        check(fstat(at, &st), paths[i]);
        if (!S_ISDIR(st.st_mode))
            tree = clone_tree(AT_FDCWD, "/dev/null", 0);
        else if (empty < 0)
            tree = empty = new_fs("tmpfs", least, MOUNT_ATTR_RDONLY);
        else
            tree = clone_tree(empty, "", EMPTY_PATH);
        put_mount(check(tree, paths[i]), at, "");
        if (tree != empty)
            close(tree);
        close(at);
    }
    close(empty);
}

static void make_read_only(int root)
{
    static const char *const paths[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                        "proc/sysrq-trigger"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int tree = clone_tree(root, paths[i], RECURSIVE);
        if (tree < 0)
            continue;
        set_attributes(tree, MOUNT_ATTR_RDONLY, RECURSIVE);
        attach(tree, root, paths[i]);
    }
}

static void mounts(const char *rootfs)
{
    int root = check(clone_tree(AT_FDCWD, rootfs, RECURSIVE), rootfs), d;

    check(mount(NULL, "/", NULL, OLD_MS_REC | OLD_MS_PRIVATE, NULL), "make / private");
    put_mount(root, AT_FDCWD, "/");
    attach(new_fs("proc", NULL, 0), root, "proc");
    d = mount_dev(root);
    attach(new_fs("sysfs", NULL, SAFE_RO), root, "sys");
    mark("mounts");
    mount_cgroups(root);
    mark("cgroup mount");
    fill_dev(d);
    close(d);
    mark("devices");
    mask(root);
    make_read_only(root);
    mark("masked and read-only paths");
    check(fchdir(root), "fchdir");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", OLD_MNT_DETACH), "umount");
    check(chdir("/"), "chdir");
    set_attributes(root, MOUNT_ATTR_RDONLY, 0);
    mark("pivot");
}

/* ---- the program ---- */

static void lo_up(void)
{
    int s = check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    struct ifreq f = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    check(ioctl(s, SIOCSIFFLAGS, &f), "lo up");
    close(s);
    mark("loopback up");
}

static void drop_capabilities(void)
{
    uint32_t keep = 1u << 5 | 1u << 10 | 1u << 29;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{keep, keep, 0}, {0, 0, 0}};
    struct rlimit files = {1024, 1024};

    check(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
    for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
        if (i > 31 || !(keep >> i & 1))
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    check(syscall(SYS_capset, &head, data), "capset");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    mark("capabilities");
}

static void child(const char *rootfs)
{
    static char *argv[] = {"/bin/true", NULL}, *envp[] = {"PATH=/bin", NULL};

    in_child = true;
    mark("begin");
    lo_up();
    check(sethostname("floor", 5), "sethostname");
    check(setsid(), "setsid");
    mounts(rootfs);
    drop_capabilities();
    execve(argv[0], argv, envp);
    check(-1, argv[0]);
}

static pid_t fork_child(void)
{
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };

    if (version == 2) {
        args.flags |= CLONE_INTO_CGROUP | CLONE_NEWCGROUP;
        args.cgroup = (uint64_t)cgroup_dir;
    }
    return check(syscall(SYS_clone3, &args, sizeof args), "clone3");
}

static void write_marks(const char *file)
{
    FILE *f = fopen(file, "we");

    if (!f) {
        perror(file);
        exit(99);
    }
    for (unsigned i = 0; i < marks->n && i < MARKS; i++)
        fprintf(f, "%s\t%s\t%.1f\n", marks->v[i].child ? "child" : "parent", marks->v[i].name,
                (double)(marks->v[i].at - marks->v[0].at) / 1e3);
    fclose(f);
}

static int run(const char *rootfs)
{
    int status;
    pid_t pid;

    if (version == 2)
        make_cgroups();
    mark("make the cgroup");
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), "socketpair");
    pid = fork_child();
    if (pid == 0)
        child(rootfs);
    mark("clone");
    if (version == 1) {
        make_cgroups();
        mark("make the cgroups");
        allow_devices();
        mark("device rules");
        put(channel[0], "x");
    }
    check(waitpid(pid, &status, 0), "waitpid");
    mark("wait");
    remove_cgroups();
    mark("remove the cgroup");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    const char *trace = NULL;
    int c, status;

    while ((c = getopt(argc, argv, "g:T:")) != -1)
        if (c == 'g')
            version = atoi(optarg);
        else if (c == 'T')
            trace = optarg;
        else
            return 98;
    if (argc - optind != 2 || version < 1 || version > 2) {
        fprintf(stderr, "usage: floor -g 1|2 [-T FILE] ROOTFS ID\n");
        return 98;
    }
    if (trace) {
        void *p =
            mmap(NULL, sizeof *marks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(p == MAP_FAILED ? -1 : 0, "mmap");
        marks = p;
    }
    mark("begin");
    umask(0);
    name_cgroups(argv[optind + 1]);
    status = run(argv[optind]);
    if (trace)
        write_marks(trace);
    return status;
}
