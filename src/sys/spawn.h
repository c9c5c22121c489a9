/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program of the host and waiting for it. */
#ifndef RT_SYS_SPAWN_H
#define RT_SYS_SPAWN_H

#include <sys/types.h>

/* Run `program`, found in PATH, with our environment, stdin from /dev/null, and wait.
 * 0 with *status as of waitpid, or -errno when it could not be run. */
int sys_run(const char *program, char *const argv[], int *status);

/* Start `program`, an absolute path, with our environment and one end of a SOCK_SEQPACKET pair as
 * its standard input; its output goes to /dev/null. *sock: the other end, owned; *pid: our child.
 */
int sys_spawn_peer(const char *program, char *const argv[], int *sock, pid_t *pid);

#endif
