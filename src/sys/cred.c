/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the calls about a process's credentials, session, limits and signals. */
#include "sys/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_capget(struct sys_caps *c)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3] = {0};
    int r = result(syscall(SYS_capget, &header, half));

    if (r < 0)
        return r;
    c->effective = (uint64_t)half[1].effective << 32 | half[0].effective;
    c->permitted = (uint64_t)half[1].permitted << 32 | half[0].permitted;
    c->inheritable = (uint64_t)half[1].inheritable << 32 | half[0].inheritable;
    return 0;
}

int sys_capset(const struct sys_caps *c)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3] = {
        {(uint32_t)c->effective, (uint32_t)c->permitted, (uint32_t)c->inheritable},
        {(uint32_t)(c->effective >> 32), (uint32_t)(c->permitted >> 32),
         (uint32_t)(c->inheritable >> 32)},
    };

    return result(syscall(SYS_capset, &header, half));
}

int sys_capbset_read(unsigned cap)
{
    return result(prctl(PR_CAPBSET_READ, (unsigned long)cap, 0L, 0L, 0L));
}

int sys_capbset_drop(unsigned cap)
{
    return result(prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0L, 0L, 0L));
}

int sys_cap_ambient_clear(void)
{
    return result(prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L));
}

int sys_cap_ambient_raise(unsigned cap)
{
    return result(
        prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE, (unsigned long)cap, 0L, 0L));
}

int sys_keep_caps(bool on)
{
    return result(prctl(PR_SET_KEEPCAPS, (unsigned long)on, 0L, 0L, 0L));
}

int sys_no_new_privs(void)
{
    return result(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
}

int sys_setgroups(size_t n, const gid_t *gids)
{
    return result(setgroups(n, gids));
}

int sys_setresgid(gid_t gid)
{
    return result(setresgid(gid, gid, gid));
}

int sys_setresuid(uid_t uid)
{
    return result(setresuid(uid, uid, uid));
}

mode_t sys_umask(mode_t mask)
{
    return umask(mask);
}

uid_t sys_getuid(void)
{
    return getuid();
}

pid_t sys_getpid(void)
{
    return getpid();
}

int sys_setsid(void)
{
    return result(setsid());
}

pid_t sys_getsid(void)
{
    return getsid(0);
}

int sys_prlimit(int resource, const struct rlimit *set, struct rlimit *old)
{
    return result(prlimit(0, (enum __rlimit_resource)resource, set, old));
}

int sys_personality(unsigned long persona)
{
    return result(personality(persona));
}

int sys_getcwd(char *buf, size_t size)
{
    return result(syscall(SYS_getcwd, buf, size));
}

int sys_access(int dirfd, const char *path, int mode)
{
    return result(syscall(SYS_faccessat2, dirfd, path, mode, AT_EACCESS));
}

/* The first one maps all 2^32 - 1 ids onto themselves; no other can. */
bool sys_in_user_namespace(void)
{
    unsigned long inside, outside, size;
    char line[64], *end;
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);

    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    inside = strtoul(line, &end, 10);
    outside = strtoul(end, &end, 10);
    size = strtoul(end, &end, 10);
    return size && (inside || outside || size != UINT32_MAX);
}

bool sys_fd_is_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

bool sys_is_terminal(int fd)
{
    return isatty(fd);
}

/* The kernel's own idea of a signal action is zero for "default, no flags, empty mask" on every
 * architecture, whatever its layout; 64 bytes are more than any of them has. */
int sys_reset_signals(void)
{
    const uint64_t nothing[8] = {0};
    const size_t set_size = (_NSIG - 1) / 8;
    int r;

    for (int signal = 1; signal < _NSIG; signal++) {
        if (signal == SIGKILL || signal == SIGSTOP)
            continue;
        r = result(syscall(SYS_rt_sigaction, signal, nothing, NULL, set_size));
        if (r < 0)
            return r;
    }
    return result(syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing, NULL, set_size));
}

int sys_join_session_keyring(const char *name)
{
    return result(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name));
}

int sys_keyring_describe(int serial, char *buf, size_t size)
{
    int r = result(syscall(SYS_keyctl, KEYCTL_DESCRIBE, serial, buf, size));

    if (r > 0 && (size_t)r > size)
        return -ENAMETOOLONG;
    return r;
}

int sys_keyring_setperm(int serial, uint32_t perm)
{
    return result(syscall(SYS_keyctl, KEYCTL_SETPERM, serial, perm));
}
