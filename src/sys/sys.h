/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel as rt sees it: one thin wrapper per call. Every wrapper returns 0 or more on success
 * and -errno on failure, every descriptor it makes is CLOEXEC, and an interrupted call is made
 * again where the kernel allows that. Raw system calls and conditional compilation live in this
 * folder only. The minimum is Linux 5.14.
 */
#ifndef RT_SYS_SYS_H
#define RT_SYS_SYS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- files (file.c) ---- */
int sys_open(int dirfd, const char *path, int flags, mode_t mode);
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_mkdir(int dirfd, const char *path, mode_t mode);
int sys_mknod(int dirfd, const char *path, mode_t mode, dev_t dev);
int sys_symlink(const char *target, int dirfd, const char *path);
int sys_unlink(int dirfd, const char *path, int flags);
int sys_rename(int dirfd, const char *from, const char *to);
int sys_stat(int dirfd, const char *path, struct stat *st, int flags);
int sys_fstat(int fd, struct stat *st);
int sys_fs_type(int fd, long *magic); /* statfs f_type */
int sys_mount_id(int fd, uint64_t *id);
ssize_t sys_readlink(int dirfd, const char *path, char *buf, size_t size); /* terminated */
ssize_t sys_read(int fd, void *buf, size_t n);
ssize_t sys_write(int fd, const void *buf, size_t n);
int sys_write_all(int fd, const void *buf, size_t n);
int sys_chown(int dirfd, const char *path, uid_t uid, gid_t gid, int flags);
int sys_chmod_fd(int fd,
                 mode_t mode); /* O_PATH descriptors too, by /proc-free fchmodat2 or chmod */
int sys_memfd(const char *name, unsigned flags);
int sys_seal(int fd); /* a memfd made with MFD_ALLOW_SEALING: nobody writes or resizes it again */
int sys_dup(int fd, int at_least);
int sys_dup_onto(int fd, int target); /* target keeps no CLOEXEC: made for 0, 1, 2 */
int sys_flock(int fd, int operation);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_cloexec(int fd, bool on);

/* ---- mounts (mount.c) ---- */
int sys_fsopen(const char *type);
int sys_fsconfig_string(int fs, const char *key, const char *value);
int sys_fsconfig_flag(int fs, const char *key);
int sys_fsconfig_create(int fs);
int sys_fsmount(int fs, unsigned attr);
/* What the file system said about the last failure, one line, "" if nothing. */
void sys_fs_message(int fs, char *buf, size_t size);
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from, int to_dirfd, const char *to); /* to "" means to_dirfd itself */
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                      uint64_t propagation, int userns);
int sys_mount_old(const char *source, const char *target, const char *type, unsigned long flags,
                  const char *data);
int sys_umount(const char *target, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);

/* ---- processes (process.c) ---- */
struct sys_clone {
    uint64_t flags;  /* CLONE_*; CLONE_PIDFD is added, CLONE_INTO_CGROUP when cgroup >= 0 */
    int cgroup;      /* descriptor of a cgroup v2 directory, or -1 */
    int exit_signal; /* SIGCHLD, or 0 with CLONE_PARENT */
};
/* 0 in the child, the pid in the parent, -errno. *pidfd receives an owned descriptor. */
pid_t sys_clone3(const struct sys_clone *c, int *pidfd);
int sys_pidfd_open(pid_t pid);
int sys_pidfd_signal(int pidfd, int signal);
/* A number that no other process has or will have until the next boot: the inode of the pidfd, on
 * pidfs (Linux 6.9). 0 on older kernels, where all pidfds share one inode. */
uint64_t sys_pidfd_inode(int pidfd);
int sys_pidfd_getfd(int pidfd, int fd);
int sys_setns(int fd, int nstype);
int sys_unshare(int flags);
/* Wait until the child behind pidfd has exited; *status as of waitpid. */
int sys_wait_pidfd(int pidfd, int *status);
int sys_wait_pid(pid_t pid, int *status, int options); /* the pid, 0 with WNOHANG, -errno */
int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
int sys_prctl(int option, unsigned long a, unsigned long b);
int sys_sethostname(const char *name);
int sys_setdomainname(const char *name);
int sys_chroot(const char *path);
int sys_chdir(const char *path);
int sys_fchdir(int fd);
/* An anonymous page shared between the processes forked from here, or NULL. */
void *sys_shared_pages(size_t size);
/* The memory behind a memfd, shared with all that map it, or NULL. */
void *sys_map_shared(int fd, size_t size);

/* ---- sockets (socket.c) ---- */
int sys_socketpair(int type, int fds[2]);
int sys_socket(int domain, int type, int protocol);
/* Bind or connect an AF_UNIX socket to `name` in the directory dirfd: a path of any length, as it
 * goes by /proc/self/fd. dirfd AT_FDCWD with an absolute path works too.
 * A SOCK_DGRAM socket is bound and does not listen. */
int sys_unix_listen(int dirfd, const char *name, int type);
int sys_unix_connect(int dirfd, const char *name, int type);
int sys_accept(int fd);
int sys_peer_pid(int sock,
                 pid_t *pid); /* of who listens or is connected; 0 -ESRCH: not ours to see */
/* One message with an optional descriptor (-1: none). Bytes sent, or -errno; never SIGPIPE. */
ssize_t sys_send_fd(int sock, const void *buf, size_t n, int fd);
/* One message; *fd receives an owned descriptor or -1; *pid the sender's pid if SO_PASSCRED is on,
 * else 0. Either may be NULL. 0 bytes: the peer is gone. */
ssize_t sys_recv_fd(int sock, void *buf, size_t n, int *fd, pid_t *pid);
int sys_poll_in(int fd, int timeout_ms); /* 1 readable or hung up, 0 timeout */

/* ---- what this kernel is (probe.c) ---- */
/* 0, or -ENOSYS with the running version in buf when the kernel is older than 5.14. */
int sys_kernel_check(char *buf, size_t size);

#endif
