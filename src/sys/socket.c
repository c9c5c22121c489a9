/* SPDX-License-Identifier: Apache-2.0 */
/* Owns sockets between rt's processes and towards engines. */
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_socketpair(int type, int fds[2])
{
    return result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

int sys_socket(int domain, int type, int protocol)
{
    return result(socket(domain, type | SOCK_CLOEXEC, protocol));
}

/* An address of at most 108 bytes for a name in a directory. The directory is named by its
 * descriptor, so that its own path may be of any length. */
static int address(struct sockaddr_un *un, int dirfd, const char *name)
{
    int n;

    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (dirfd == AT_FDCWD || name[0] == '/')
        n = snprintf(un->sun_path, sizeof un->sun_path, "%s", name);
    else
        n = snprintf(un->sun_path, sizeof un->sun_path, "/proc/self/fd/%d/%s", dirfd, name);
    return n < (int)sizeof un->sun_path ? 0 : -ENAMETOOLONG;
}

/* The parent directory of a path too long for an address, and what follows it. */
static int open_parent(const char *path, const char **base)
{
    const char *slash = strrchr(path, '/');
    char dir[4096];

    if (!slash || slash == path || (size_t)(slash - path) >= sizeof dir)
        return -ENAMETOOLONG;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    *base = slash + 1;
    return sys_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
}

typedef int named_fn(int fd, const struct sockaddr *sa, socklen_t size);

static int named_socket(int dirfd, const char *name, int type, named_fn *call)
{
    struct sockaddr_un un;
    const char *base = name;
    int parent = -1, fd, r = address(&un, dirfd, name);

    if (r < 0) {
        parent = open_parent(name, &base);
        if (parent < 0)
            return parent;
        r = address(&un, parent, base);
    }
    fd = r < 0 ? r : sys_socket(AF_UNIX, type, 0);
    if (fd >= 0 && call(fd, (const struct sockaddr *)&un, sizeof un) < 0) {
        r = -errno;
        close(fd);
        fd = r;
    }
    if (parent >= 0)
        close(parent);
    return fd;
}

int sys_unix_listen(int dirfd, const char *name, int type)
{
    int fd = named_socket(dirfd, name, type, bind);

    if (fd >= 0 && type != SOCK_DGRAM && listen(fd, 16) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int sys_unix_connect(int dirfd, const char *name, int type)
{
    return named_socket(dirfd, name, type, connect);
}

int sys_peer_pid(int sock, pid_t *pid)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    *pid = peer.pid;
    return peer.pid > 0 ? 0 : -ESRCH;
}

int sys_accept(int fd)
{
    int r;

    do
        r = result(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    while (r == -EINTR);
    return r;
}

ssize_t sys_send_fd(int sock, const void *buf, size_t n, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t r;

    if (fd >= 0) {
        struct cmsghdr *c;
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof control.bytes;
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    do
        r = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static void take_control(struct msghdr *msg, int *fd, pid_t *pid)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS) {
            int got;
            memcpy(&got, CMSG_DATA(c), sizeof got);
            if (fd && *fd < 0)
                *fd = got;
            else
                close(got);
        } else if (c->cmsg_type == SCM_CREDENTIALS && pid) {
            struct ucred cred;
            memcpy(&cred, CMSG_DATA(c), sizeof cred);
            *pid = cred.pid;
        }
    }
}

ssize_t sys_recv_fd(int sock, void *buf, size_t n, int *fd, pid_t *pid)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = {.iov_base = buf, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    ssize_t r;

    if (fd)
        *fd = -1;
    if (pid)
        *pid = 0;
    do
        r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    take_control(&msg, fd, pid);
    return r;
}

int sys_poll_in(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;

    do
        r = poll(&p, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}
