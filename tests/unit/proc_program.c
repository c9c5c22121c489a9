/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/proc/find_program.c, in a folder of its own. */
#include "proc/internal.h"
#include "proc/proc.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/rt-unit-program-XXXXXX";
static char program[PATH_MAX];
static struct err e;

static void make_file(const char *name, mode_t mode)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0 || fchmod(fd, mode) < 0 || close(fd) < 0) {
        printf("Bail out! %s\n", name);
        exit(1);
    }
}

static int find(const char *name, const char *path_entry)
{
    const char *env[] = {path_entry, NULL}, *argv[] = {name, NULL};
    struct oci_process cfg = {0};
    struct plan plan = {.process = {.cfg = &cfg, .argv = argv, .env = env, .program = program}};
    struct ctx ctx = {.plan = &plan};
    int r;

    e = (struct err){0};
    r = step_find_program(&ctx, &e);
    if (r == 0 && ctx.exec_path != program)
        return -EPROTO;
    return r;
}

static void in_path(void)
{
    struct arena a = {0};
    const char *path = str_fmt(&a, "PATH=/none:%s/plain:%s/good:%s/later", dir, dir, dir);

    is_int(find("tool", path), 0, "found");
    is_str(program, str_fmt(&a, "%s/good/tool", dir), "past folders, a file and a directory");
    is_int(find("absent", path), -ENOENT, "not found");
    is_str(e.text, "exec: \"absent\": executable file not found in $PATH", "as engines match it");
    is_int(find("only-plain", path), -ENOENT, "a file that nobody may execute is none");
    is_int(find("tool", "PATH=good"), 0, "a relative folder");
    is_str(program, "good/tool", "stays relative to the working directory");
    is_int(find("here", "PATH=/none:"), 0, "an empty folder is the working directory");
    is_str(program, "./here", "and no search");
    is_int(find("tool", "PATH="), -ENOENT, "an empty PATH");
    is_int(find("sh", "NOPATH=x"), 0, "without PATH the default one");
    arena_free(&a);
}

static void by_path(void)
{
    is_int(find("./here", "PATH=/none"), 0, "a relative path");
    is_str(program, "./here", "as it is");
    is_int(find("/x/y", "PATH=/bin"), -ENOENT, "missing");
    is_str(e.text, "exec: \"/x/y\": stat /x/y: no such file or directory", "as engines match it");
    is_int(find("./here/below", "PATH=/bin"), -ENOTDIR, "below a file");
    is_int(find("good/", "PATH=/bin"), -EACCES, "a directory");
    is_str(e.text, "exec: \"good/\": is a directory: permission denied", "as engines match it");
    is_int(find("plain/only-plain", "PATH=/bin"), -EACCES, "not executable");
    is_str(e.text, "exec: \"plain/only-plain\": permission denied", "as engines match it");
    is_int(find("./fifo", "PATH=/bin"), -EACCES, "a pipe");
}

static void no_name(void)
{
    static char longest[2 * PATH_MAX];

    is_int(find("", "PATH=/bin"), -EINVAL, "an empty name");
    is_int(find(NULL, "PATH=/bin"), -EINVAL, "no name");
    memset(longest, 'a', sizeof longest - 1);
    is_int(find(longest, "PATH=/bin"), -ENOENT, "a name longer than any path");
    longest[0] = '/';
    is_int(find(longest, "PATH=/bin"), -ENAMETOOLONG, "a path longer than any");
}

static void clean_up(void)
{
    static const char *const all[] = {"plain/only-plain", "plain/tool", "good/tool", "here",
                                      "fifo"};
    static const char *const folders[] = {"plain", "good", "later/tool", "later"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        unlink(all[i]);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        rmdir(folders[i]);
    rmdir(dir);
}

int main(void)
{
    if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("plain", 0755) < 0 || mkdir("good", 0755) < 0 ||
        mkdir("later", 0755) < 0 || mkdir("later/tool", 0755) < 0 || mkfifo("fifo", 0777) < 0) {
        printf("Bail out! no folder\n");
        return 1;
    }
    make_file("plain/tool", 0644);
    make_file("plain/only-plain", 0644);
    make_file("good/tool", 0755);
    make_file("here", 0755);
    in_path();
    by_path();
    no_name();
    clean_up();
    return done_testing();
}
