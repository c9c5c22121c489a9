/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the running of helper programs. */
#include "sys/spawn.h"

#include "sys/sys.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int sys_run(const char *program, char *const argv[], int *status)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int r;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    r = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r)
        return -r;
    r = sys_wait_pid(pid, status, 0);
    return r < 0 ? r : 0;
}

static int spawn_on(const char *program, char *const argv[], int stdin_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int r;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    r = posix_spawn(pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

int sys_spawn_peer(const char *program, char *const argv[], int *sock, pid_t *pid)
{
    int pair[2], r = sys_socketpair(SOCK_SEQPACKET, pair);

    if (r < 0)
        return r;
    r = spawn_on(program, argv, pair[1], pid);
    close(pair[1]);
    if (r < 0)
        close(pair[0]);
    else
        *sock = pair[0];
    return r;
}
