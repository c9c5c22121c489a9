/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the running of helper programs. */
#include "sys/spawn.h"

#include "sys/sys.h"

#include <fcntl.h>
#include <spawn.h>
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
