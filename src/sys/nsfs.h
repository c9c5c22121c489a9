/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about namespaces, by descriptor. */
#ifndef RT_SYS_NSFS_H
#define RT_SYS_NSFS_H

#include <sys/types.h>

/* CLONE_NEW* of a namespace descriptor; -ENOTTY when it is none. ioctl_ns(2) */
int sys_ns_type(int fd);

/* Open /proc/PID/ns/NAME below a verified /proc. */
int sys_ns_of(int proc, pid_t pid, const char *name);

/* A descriptor of the network namespace that a socket is of. Needs CAP_NET_ADMIN there. */
int sys_socket_netns(int sock);

/* For a child whose only use is to exist: sleeps until it is killed. */
void sys_wait_forever(void) __attribute__((noreturn));

#endif
