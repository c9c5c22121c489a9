/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the calls that make, enter, signal and wait for processes and namespaces. */
#include "sys/sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

pid_t sys_clone3(const struct sys_clone *c, int *pidfd)
{
    struct clone_args args = {
        .flags = c->flags | CLONE_PIDFD | (c->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = (uint64_t)c->exit_signal,
        .cgroup = c->cgroup >= 0 ? (uint64_t)c->cgroup : 0,
    };

    return result(syscall(SYS_clone3, &args, sizeof args));
}

int sys_pidfd_open(pid_t pid)
{
    return result(syscall(SYS_pidfd_open, pid, 0));
}

int sys_pidfd_signal(int pidfd, int signal)
{
    return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

uint64_t sys_pidfd_inode(int pidfd)
{
    enum { PIDFS_MAGIC = 0x50494446 };
    struct stat st;
    long magic;

    if (sys_fs_type(pidfd, &magic) < 0 || magic != PIDFS_MAGIC || fstat(pidfd, &st) < 0)
        return 0;
    return st.st_ino;
}

int sys_pidfd_getfd(int pidfd, int fd)
{
    return result(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int sys_setns(int fd, int nstype)
{
    return result(setns(fd, nstype));
}

int sys_unshare(int flags)
{
    return result(unshare(flags));
}

/* The form of waitpid out of what waitid says. */
static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

int sys_wait_pidfd(int pidfd, int *status)
{
    siginfo_t info = {0};
    int r;

    do
        r = result(waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL));
    while (r == -EINTR);
    if (r == 0 && status)
        *status = status_of(&info);
    return r;
}

int sys_wait_pid(pid_t pid, int *status, int options)
{
    int r;

    do
        r = result(waitpid(pid, status, options));
    while (r == -EINTR);
    return r;
}

int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    return result(syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}

int sys_prctl(int option, unsigned long a, unsigned long b)
{
    return result(prctl(option, a, b, 0L, 0L));
}

int sys_sethostname(const char *name)
{
    return result(sethostname(name, strlen(name)));
}

int sys_setdomainname(const char *name)
{
    return result(setdomainname(name, strlen(name)));
}

int sys_chroot(const char *path)
{
    return result(chroot(path));
}

int sys_chdir(const char *path)
{
    return result(chdir(path));
}

int sys_fchdir(int fd)
{
    return result(fchdir(fd));
}

void *sys_shared_pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void *sys_map_shared(int fd, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}
