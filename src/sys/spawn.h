/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program of the host and waiting for it. */
#ifndef RT_SYS_SPAWN_H
#define RT_SYS_SPAWN_H

/* Run `program`, found in PATH, with our environment, stdin from /dev/null, and wait.
 * 0 with *status as of waitpid, or -errno when it could not be run. */
int sys_run(const char *program, char *const argv[], int *status);

#endif
