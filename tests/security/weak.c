/* SPDX-License-Identifier: Apache-2.0 */
/* What `naive` cannot show, as its program is the interpreter's: a runtime whose own file can be
 * overwritten. It runs /init of the image, or a program of the container.
 *
 * weak --root DIR create|start|exec|kill|delete [--bundle DIR] ID [PROGRAM] */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int die(const char *what)
{
    perror(what);
    exit(1);
}

static FILE *pid_file(const char *root, const char *mode)
{
    char path[4096];

    snprintf(path, sizeof path, "%s.pid", root);
    return fopen(path, mode);
}

static int recorded(const char *root)
{
    FILE *f = pid_file(root, "r");
    int pid = 0;

    if (!f || fscanf(f, "%d", &pid) != 1 || pid <= 0)
        exit(1);
    fclose(f);
    return pid;
}

static int run(char *program)
{
    char *argv[] = {program, NULL};

    execv(program, argv);
    return die(program);
}

static int create(const char *root, const char *bundle)
{
    FILE *f = pid_file(root, "w");
    pid_t pid;

    if (!f || unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        die("unshare");
    pid = fork();
    if (pid) {
        fprintf(f, "%d", pid);
        return fclose(f);
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(bundle) < 0 ||
        chroot("rootfs") < 0 || chdir("/") < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
        die("enter");
    return run("/init");
}

static int exec_in(int container, char *program)
{
    static const char *const kinds[] = {"pid", "mnt"};
    char path[64];
    int fd[2], root, status = 0;

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/ns/%s", container, kinds[i]);
        fd[i] = open(path, O_RDONLY | O_CLOEXEC);
    }
    snprintf(path, sizeof path, "/proc/%d/root", container);
    root = open(path, O_RDONLY | O_CLOEXEC);
    if (setns(fd[0], 0) < 0 || setns(fd[1], 0) < 0 || fchdir(root) < 0 || chroot(".") < 0)
        die("enter");
    if (fork() == 0)
        return run(program);
    wait(&status);
    return status != 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[3] : "";

    if (strcmp(what, "create") == 0 && argc > 5)
        return create(argv[2], argv[5]);
    if (strcmp(what, "start") == 0)
        return 0;
    if (strcmp(what, "exec") == 0 && argc > 5)
        return exec_in(recorded(argv[2]), argv[5]);
    if (strcmp(what, "delete") == 0)
        return kill(recorded(argv[2]), SIGKILL);
    return 1;
}
