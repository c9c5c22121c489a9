/* SPDX-License-Identifier: Apache-2.0 */
/* rt exec: a process out of a file, or out of the container's own with changes by options. */
#include "cmd/app.h"

#include "base/num.h"
#include "base/str.h"
#include "fs/file.h"
#include "run/run.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What an engine reads as "the process could not be run", apart from any status of its own. */
enum { CANNOT_EXEC = 255 };

struct wishes {
    const char *process, *cwd, *user, *label, *profile;
    struct string_list env, caps, gids, cgroups;
    bool tty, no_new_privs;
};

static int read_file(struct app *app, const char *file, struct oci_process **out, struct err *e)
{
    struct oci_source src = {.name = file};
    char *text;
    void *process;

    if (file_read(app->arena, AT_FDCWD, file, 16 << 20, &text, &src.len, e) < 0)
        return -e->code;
    src.text = text;
    if (oci_parse(app->arena, &oci_desc_process, &src, &process, e) < 0)
        return -e->code;
    *out = process;
    return 0;
}

/* Beside the container's own. */
static int add_gids(struct app *app, struct oci_user *u, const struct wishes *w, struct err *e)
{
    size_t n = u->additional_gids.n;
    uint32_t *v = arena_array(app->arena, n + w->gids.n + 1, sizeof *v);

    for (size_t i = 0; i < n; i++)
        v[i] = u->additional_gids.v[i];
    for (size_t i = 0; i < w->gids.n; i++)
        if (num_u32(w->gids.v[i], &v[n + i]) < 0)
            return refuse(e, EINVAL, "--additional-gids: expected a number, got \"%s\"",
                          w->gids.v[i]);
    u->additional_gids.v = v;
    u->additional_gids.n = n + w->gids.n;
    SET(u, user, additional_gids);
    return 0;
}

/* "UID" or "UID:GID"; without a gid that of the container stays. */
static int set_user(struct app *app, struct oci_process *p, const struct wishes *w, struct err *e)
{
    struct oci_user *u = arena_new(app->arena, struct oci_user);
    const char *colon;
    uint32_t gid;

    if (p->user)
        *u = *p->user;
    p->user = u;
    SET(p, process, user);
    if (w->gids.n && add_gids(app, u, w, e) < 0)
        return -e->code;
    if (!w->user)
        return 0;
    colon = strchr(w->user, ':');
    if (num_u32(colon ? str_ndup(app->arena, w->user, (size_t)(colon - w->user)) : w->user,
                &u->uid) < 0)
        return refuse(e, EINVAL, "--user: expected UID[:GID] in numbers, got \"%s\"", w->user);
    SET(u, user, uid);
    if (!colon)
        return 0;
    if (num_u32(colon + 1, &gid) < 0)
        return refuse(e, EINVAL, "--user: expected UID[:GID] in numbers, got \"%s\"", w->user);
    u->gid = gid;
    SET(u, user, gid);
    return 0;
}

static struct oci_strs joined(struct arena *a, const struct oci_strs *before,
                              const struct string_list *more)
{
    struct oci_strs s = {.n = before->n + more->n};

    s.v = arena_array(a, s.n + 1, sizeof *s.v);
    for (size_t i = 0; i < before->n; i++)
        s.v[i] = before->v[i];
    for (size_t i = 0; i < more->n; i++)
        s.v[before->n + i] = more->v[i];
    return s;
}

static struct oci_strs as_strs(const struct string_list *l)
{
    return (struct oci_strs){.n = l->n, .v = l->v};
}

static bool lists(const struct oci_strs *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->v[i], name))
            return true;
    return false;
}

/* Ambient is only what is inheritable already: capabilities(7). */
static void add_ambient(struct app *app, struct oci_capabilities *c, const struct string_list *caps)
{
    struct string_list more = {.v = arena_array(app->arena, caps->n + 1, sizeof *more.v)};

    for (size_t i = 0; i < caps->n; i++)
        if (lists(&c->inheritable, caps->v[i]))
            more.v[more.n++] = caps->v[i];
    c->ambient = joined(app->arena, &c->ambient, &more);
    if (more.n)
        SET(c, capabilities, ambient);
}

/* Never inheritable (CVE-2022-29162). */
static void add_caps(struct app *app, struct oci_process *p, const struct wishes *w)
{
    struct oci_capabilities *c = arena_new(app->arena, struct oci_capabilities);

    if (!w->caps.n)
        return;
    if (p->capabilities)
        *c = *p->capabilities;
    c->bounding = joined(app->arena, &c->bounding, &w->caps);
    c->permitted = joined(app->arena, &c->permitted, &w->caps);
    c->effective = joined(app->arena, &c->effective, &w->caps);
    add_ambient(app, c, &w->caps);
    SET(c, capabilities, bounding);
    SET(c, capabilities, permitted);
    SET(c, capabilities, effective);
    p->capabilities = c;
    SET(p, process, capabilities);
}

static int check_env(const struct wishes *w, struct err *e)
{
    for (size_t i = 0; i < w->env.n; i++)
        if (w->env.v[i][0] == '=' || !strchr(w->env.v[i], '='))
            return refuse(e, EINVAL, "--env: expected NAME=VALUE, got \"%s\"", w->env.v[i]);
    return 0;
}

/* The container's process with what the options change. */
static int change(struct app *app, struct oci_process *p, const struct wishes *w,
                  const struct string_list *args, struct err *e)
{
    p->args = as_strs(args);
    p->terminal = w->tty;
    p->console_size = NULL;
    p->env = joined(app->arena, &p->env, &w->env);
    if (w->cwd)
        p->cwd = w->cwd;
    if (p->cwd[0] != '/')
        return refuse(e, EINVAL, "--cwd: expected an absolute path, got \"%s\"", p->cwd);
    if (w->label)
        p->selinux_label = w->label;
    if (w->profile)
        p->apparmor_profile = w->profile;
    if (w->no_new_privs)
        p->no_new_privileges = true;
    add_caps(app, p, w);
    if (check_env(w, e) < 0)
        return -e->code;
    return w->user || w->gids.n ? set_user(app, p, w, e) : 0;
}

static int own_process(struct app *app, struct container *c, struct oci_process **out,
                       struct err *e)
{
    struct request req = record_request(c, KIND_EXEC);
    struct plan plan = {.req = &req};

    if (run_read_config(&plan, app->arena, e) < 0)
        return -e->code;
    c->cfg = plan.cfg;
    *out = arena_new(app->arena, struct oci_process);
    if (plan.cfg->process)
        **out = *plan.cfg->process;
    else
        **out = (struct oci_process){.cwd = "/"};
    return 0;
}

static int complete(struct request *r, struct app *app, struct err *e)
{
    const char **paths[] = {&r->console_socket, &r->pidfd_socket, &r->pid_file};
    char cwd[PATH_MAX];

    if (!getcwd(cwd, sizeof cwd))
        return fail(e, errno, "find the working directory");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (*paths[i] && (*paths[i])[0] != '/')
            *paths[i] = str_path(app->arena, cwd, *paths[i]);
    return 0;
}

/* Of a container that is being made, or removed, the configuration may be missing. */
static int tell_why(const struct container *c, struct err *e)
{
    enum container_status status = e->code == ENOENT ? record_status(c) : CONTAINER_RUNNING;

    if (status == CONTAINER_STOPPED)
        return refuse(e, ESRCH, "container not running: %s", c->id);
    if (status == CONTAINER_CREATING)
        return refuse(e, EBUSY, "cannot exec in container %s: it is still being created", c->id);
    return -e->code;
}

static int exec_in(struct app *app, struct request *options, const struct wishes *w, const char *id,
                   const struct string_list *args, struct err *e)
{
    struct container c;
    struct oci_process *process = NULL;
    struct request r;

    if (record_find(app->root, id, app->arena, &c, e) < 0 || complete(options, app, e) < 0)
        return -e->code;
    if (!c.record)
        return refuse(e, ESRCH, "container not running: %s", id);
    r = record_request(&c, KIND_EXEC);
    options->kind = KIND_EXEC;
    options->id = r.id;
    options->root = r.root;
    options->bundle = r.bundle;
    options->config_file = r.config_file;
    options->cgroups = w->cgroups.v;
    options->n_cgroups = (unsigned)w->cgroups.n;
    options->rootless = app->rootless;
    if (w->process)
        read_file(app, w->process, &process, e);
    else if (own_process(app, &c, &process, e) == 0)
        change(app, process, w, args, e);
    if (e->code)
        return tell_why(&c, e);
    if (!process->args.n || !process->args.v[0][0]) {
        refuse(e, EINVAL, "there is no command to run");
        return err_hint(e, "usage: rt exec [OPTIONS] ID COMMAND [ARGUMENT ...]");
    }
    return run_exec(options, &c, process, &app->exit_code, e);
}

int cmd_exec(struct app *app, int argc, char **argv, struct err *e)
{
    struct request r = {.kind = KIND_EXEC, .rootless = -1};
    struct wishes w = {0};
    const struct option table[] = {
        {"process", 'p', OPT_STRING, &w.process, "FILE", "the process as JSON"},
        {"cwd", 0, OPT_STRING, &w.cwd, "DIR", "working directory"},
        {"env", 'e', OPT_LIST, &w.env, "N=V", "add to the environment"},
        {"tty", 't', OPT_FLAG, &w.tty, NULL, "give it a terminal"},
        {"user", 'u', OPT_STRING, &w.user, "UID[:GID]", "ids of the process"},
        {"additional-gids", 'g', OPT_LIST, &w.gids, "GID", "supplementary group"},
        {"cap", 'c', OPT_LIST, &w.caps, "CAP", "add a capability"},
        {"process-label", 0, OPT_STRING, &w.label, "LABEL", "SELinux label"},
        {"apparmor", 0, OPT_STRING, &w.profile, "PROFILE", "AppArmor profile"},
        {"no-new-privs", 0, OPT_FLAG, &w.no_new_privs, NULL, "set no_new_privs"},
        {"cgroup", 0, OPT_LIST, &w.cgroups, "[CTRL:]PATH", "sub-cgroup of the container's"},
        {"detach", 'd', OPT_FLAG, &r.detach, NULL, "return as soon as it runs"},
        {"console-socket", 0, OPT_STRING, &r.console_socket, "PATH", "receives the terminal"},
        {"pidfd-socket", 0, OPT_STRING, &r.pidfd_socket, "PATH", "receives a pidfd of it"},
        {"pid-file", 0, OPT_STRING, &r.pid_file, "FILE", "gets its pid"},
        {"preserve-fds", 0, OPT_COUNT, &r.preserve_fds, "N", "pass N descriptors from 3 on"},
        {"ignore-paused", 0, OPT_FLAG, &r.ignore_paused, NULL, "also when it is paused"},
    };
    struct string_list args;
    int first = command_words(app, "exec", table, N_OPTIONS(table), 1, INT_MAX, argc, argv, e);

    if (first < 0)
        return first;
    args.n = (size_t)(argc - first - 1);
    args.v = arena_array(app->arena, args.n + 1, sizeof *args.v);
    for (size_t i = 0; i < args.n; i++)
        args.v[i] = argv[first + 1 + (int)i];
    if (args.n && str_eq(args.v[0], "--")) {
        args.v++;
        args.n--;
    }
    if (exec_in(app, &r, &w, argv[first], &args, e) == 0)
        return 0;
    app->exit_code = CANNOT_EXEC;
    return -e->code;
}
