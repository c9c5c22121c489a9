/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the search for the program, as execvp(3) makes it, and the words of its failure: engines
 * tell from them whether a command was not found (127) or not executable (126).
 */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What execvp looks through when there is no PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* Can the user run it? 0, -EISDIR, -EACCES, or what stat said, with *missing true. */
static int judge(const char *path, bool *missing)
{
    struct stat st;
    int r = sys_stat(AT_FDCWD, path, &st, 0);

    *missing = r < 0;
    if (r < 0)
        return r;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
        return -EACCES;
    return sys_access(AT_FDCWD, path, X_OK);
}

static int find_named(const char *name, char *path, struct err *e)
{
    char word[64];
    bool missing;
    int r = strlen(name) < PATH_MAX ? judge(name, &missing) : -ENAMETOOLONG;

    if (r == -ENAMETOOLONG)
        return refuse(e, r, "exec: \"%.64s...\": file name too long", name);
    if (r == -EISDIR)
        return refuse(e, EACCES, "exec: \"%.160s\": is a directory: permission denied", name);
    if (r < 0 && missing)
        return refuse(e, r, "exec: \"%.160s\": stat %.160s: %s", name, name,
                      errno_word(r, word, sizeof word));
    if (r < 0)
        return refuse(e, r, "exec: \"%.160s\": %s", name, errno_word(r, word, sizeof word));
    strcpy(path, name);
    return 0;
}

/* One folder of PATH; an empty one is the working directory. */
static bool find_in(const char *folder, int length, const char *name, char *path)
{
    int n = snprintf(path, PATH_MAX, "%.*s%s%s", length, folder, length ? "/" : "./", name);
    bool missing;

    return n < PATH_MAX && judge(path, &missing) == 0;
}

static int search(const char *folders, const char *name, char *path, struct err *e)
{
    for (const char *at = folders;; at++) {
        const char *end = strchrnul(at, ':');
        if (find_in(at, (int)(end - at), name, path))
            return 0;
        at = end;
        if (*at == '\0')
            break;
    }
    return refuse(e, ENOENT, "exec: \"%.160s\": executable file not found in $PATH", name);
}

int step_find_program(struct ctx *ctx, struct err *e)
{
    const struct process_plan *process = &ctx->plan->process;
    const char *folders, *name;
    int r;

    if (!process->cfg)
        return 0;
    name = process->argv[0];
    if (!name || !name[0])
        return refuse(e, EINVAL, "process.args: there is no program to run");
    folders = environment_get(process->env, "PATH");
    if (strchr(name, '/'))
        r = find_named(name, process->program, e);
    else
        r = search(folders ? folders : DEFAULT_PATH, name, process->program, e);
    if (r == 0)
        ctx->exec_path = process->program;
    return r;
}
