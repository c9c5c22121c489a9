/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is and what it may do: capabilities, ids, session, keyring, limits, signals. One
 * thin wrapper per call as in sys.h: 0 or more on success, -errno on failure.
 */
#ifndef RT_SYS_CRED_H
#define RT_SYS_CRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Bit n is capability n. */
struct sys_caps {
    uint64_t effective, permitted, inheritable;
};

int sys_capget(struct sys_caps *c);
int sys_capset(const struct sys_caps *c);
int sys_capbset_read(
    unsigned cap); /* 1 in the bounding set, 0 not, -EINVAL unknown to the kernel */
int sys_capbset_drop(unsigned cap);
int sys_cap_ambient_clear(void);
int sys_cap_ambient_raise(unsigned cap);
int sys_keep_caps(bool on); /* across a change of uid; off again after exec */
int sys_no_new_privs(void);

int sys_setgroups(size_t n, const gid_t *gids);
int sys_setresgid(gid_t gid); /* real, effective and saved */
int sys_setresuid(uid_t uid);
mode_t sys_umask(mode_t mask); /* the former one */
uid_t sys_getuid(void);
pid_t sys_getpid(void);
int sys_setsid(void);
pid_t sys_getsid(void);

int sys_prlimit(int resource, const struct rlimit *set, struct rlimit *old);
int sys_personality(unsigned long persona);

/* The working directory as the kernel names it, terminated: starts with "(unreachable)" when it
 * lies outside the root of the process (getcwd(2), since Linux 2.6.36), which libc would hide. */
int sys_getcwd(char *buf, size_t size);
/* May the effective user do this (R_OK, W_OK, X_OK)? faccessat2(2), Linux 5.8. */
int sys_access(int dirfd, const char *path, int mode);

/* Open, and not CLOEXEC: what we opened ourselves always is. */
/* Are our ids those of a user namespace other than the first (user_namespaces(7))? Root in there is
 * not root on the host. */
bool sys_in_user_namespace(void);
bool sys_fd_is_inherited(int fd);
bool sys_is_terminal(int fd);

/* Every signal, also those that libc keeps for itself, back to its default action, and none
 * blocked. */
int sys_reset_signals(void);

/* keyctl(2): join the session keyring of that name, or a new nameless one (NULL). Its serial
 * number. */
int sys_join_session_keyring(const char *name);
/* "type;uid;gid;perm;description", terminated. Length, or -errno. */
int sys_keyring_describe(int serial, char *buf, size_t size);
int sys_keyring_setperm(int serial, uint32_t perm);

#endif
