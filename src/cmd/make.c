/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the request of create and run. */
#include "cmd/make.h"

#include "base/num.h"
#include "base/str.h"
#include "run/record.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void make_options(struct request *r, struct option *table)
{
    const struct option rows[N_MAKE_OPTIONS] = {
        {"bundle", 'b', OPT_STRING, &r->bundle, "DIR", "folder with config.json (.)"},
        {"config", 'f', OPT_STRING, &r->config_file, "FILE", "another name for config.json"},
        {"console-socket", 0, OPT_STRING, &r->console_socket, "PATH",
         "socket that receives the terminal"},
        {"pidfd-socket", 0, OPT_STRING, &r->pidfd_socket, "PATH",
         "socket that receives a pidfd of the container"},
        {"pid-file", 0, OPT_STRING, &r->pid_file, "FILE", "file that gets the container's pid"},
        {"no-pivot", 0, OPT_FLAG, &r->no_pivot, NULL, "move the root instead of pivoting (ramfs)"},
        {"no-new-keyring", 0, OPT_FLAG, &r->no_new_keyring, NULL,
         "keep the caller's session keyring"},
        {"preserve-fds", 0, OPT_COUNT, &r->preserve_fds, "N", "pass N descriptors from 3 on"},
        {"dry-run", 0, OPT_FLAG, &r->dry_run, NULL, "stop before the first process is made"},
        {"trace", 0, OPT_STRING, &r->trace, "FILE", "write a timed trace of every step"},
        {"no-subreaper", 0, OPT_FLAG, &r->no_subreaper, NULL,
         "do not collect orphans of the container (run)"},
    };

    memcpy(table, rows, sizeof rows);
}

static int absolute(struct app *app, const char **path, const char *cwd)
{
    if (*path && (*path)[0] != '/')
        *path = str_path(app->arena, cwd, *path);
    return 0;
}

/* LISTEN_FDS counts only if it is meant for us (sd_listen_fds(3)). */
static int read_listen_fds(struct request *r, struct err *e)
{
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    uint32_t n, p;

    if (!fds || !fds[0])
        return 0;
    if (pid && (num_u32(pid, &p) < 0 || p != (uint32_t)getpid()))
        return 0;
    if (num_u32(fds, &n) < 0 || n > 4096)
        return refuse(e, EINVAL, "LISTEN_FDS: expected a number, got \"%s\"", fds);
    r->listen_fds = (int)n;
    r->listen_fdnames = getenv("LISTEN_FDNAMES");
    return 0;
}

int make_request(struct app *app, struct request *r, struct err *e)
{
    char cwd[4096];
    const char *notify = getenv("NOTIFY_SOCKET");

    if (!getcwd(cwd, sizeof cwd))
        return fail(e, errno, "find the working directory");
    if (record_check_id(r->id, e) < 0)
        return -e->code;
    if (!r->bundle)
        r->bundle = ".";
    if (str_eq(r->bundle, "."))
        r->bundle = str_dup(app->arena, cwd);
    absolute(app, &r->bundle, cwd);
    if (r->config_file && r->config_file[0] != '/' && access(r->config_file, R_OK) == 0)
        absolute(app, &r->config_file, cwd);
    if (!r->config_file)
        r->config_file = "config.json";
    absolute(app, &r->console_socket, cwd);
    absolute(app, &r->pidfd_socket, cwd);
    absolute(app, &r->pid_file, cwd);
    r->notify_socket = notify && notify[0] ? notify : NULL;
    r->root = app->root;
    r->cg_manager = app->cg_manager;
    r->rootless = app->rootless;
    return read_listen_fds(r, e);
}
