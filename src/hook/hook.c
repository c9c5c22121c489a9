/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the lists of hooks and the state document each of them is given. */
#include "hook/hook.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "hook/program.h"
#include "schema.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

struct kind_of_hook {
    const char *name; /* as in config.json */
    int status;       /* what the state says */
};

static char *state_json(struct ctx *ctx, int status, pid_t pid)
{
    const struct plan *p = ctx->plan;
    struct oci_state s = {
        .oci_version = p->cfg->oci_version,
        .id = p->req->id,
        .pid = pid,
        .status = status,
        .bundle = p->req->bundle,
        .rootfs = str_path(ctx->arena, p->req->bundle, p->cfg->root->path),
        .annotations = p->cfg->annotations,
    };
    size_t n;

    SET(&s, state, oci_version);
    SET(&s, state, id);
    SET(&s, state, status);
    SET(&s, state, bundle);
    SET(&s, state, rootfs);
    if (pid)
        SET(&s, state, pid);
    if (s.annotations.n)
        SET(&s, state, annotations);
    return oci_write(ctx->arena, &oci_desc_state, &s, false, &n);
}

/* ---- files that take the output ---- */

struct hook_files {
    int out, err; /* or -1 */
};

static int open_file(const struct plan *p, const char *key, int *fd, struct err *e)
{
    const char *path = plan_annotation(p, key);

    *fd = -1;
    if (!path || !path[0])
        return 0;
    *fd = sys_open(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0600);
    if (*fd >= 0)
        return 0;
    fail(e, *fd, "open %s for the output of hooks", path);
    return err_at(e, "/annotations/%s", key);
}

int step_open_hook_files(struct ctx *ctx, struct err *e)
{
    struct hook_files *f;

    if (ctx->hook_files)
        return 0;
    f = arena_new(ctx->arena, struct hook_files);
    if (open_file(ctx->plan, "run.oci.hooks.stdout", &f->out, e) < 0)
        return -e->code;
    if (open_file(ctx->plan, "run.oci.hooks.stderr", &f->err, e) < 0) {
        fd_close(&f->out);
        return -e->code;
    }
    ctx->hook_files = f;
    return 0;
}

/* ---- lists ---- */

static int run_one(struct ctx *ctx, const struct oci_hook *h, const char *state, const char *kind,
                   size_t i, struct err *e)
{
    struct program p = {
        .hook = h,
        .input = state,
        .stdout_file = ctx->hook_files->out,
        .stderr_file = ctx->hook_files->err,
    };
    int r = program_run(&p, ctx->arena, e);

    log_debug("hook %s %zu (%s) %s after %.3f ms%s%s", kind, i, h->path, r < 0 ? "failed" : "ended",
              p.ms, p.output[0] ? ": " : "", p.output);
    return r < 0 ? err_at(e, "/hooks/%s/%zu", kind, i) : 0;
}

static int run_list(struct ctx *ctx, const struct oci_hook_list *list,
                    const struct kind_of_hook *kind, pid_t pid, struct err *e)
{
    char *state = state_json(ctx, kind->status, pid);

    if (step_open_hook_files(ctx, e) < 0)
        return -e->code;
    ctx->hooks_begun = true;
    for (size_t i = 0; i < list->n; i++)
        if (run_one(ctx, &list->v[i], state, kind->name, i, e) < 0)
            return -e->code;
    return 0;
}

int step_prestart_hooks(struct ctx *ctx, struct err *e)
{
    static const struct kind_of_hook kind = {"prestart", OCI_STATE_STATUS_CREATING};

    return run_list(ctx, &ctx->plan->cfg->hooks->prestart, &kind, ctx->child, e);
}

int step_create_runtime_hooks(struct ctx *ctx, struct err *e)
{
    static const struct kind_of_hook kind = {"createRuntime", OCI_STATE_STATUS_CREATING};

    return run_list(ctx, &ctx->plan->cfg->hooks->create_runtime, &kind, ctx->child, e);
}

/* In the container's namespaces the pid is the one seen there. */
int step_create_container_hooks(struct ctx *ctx, struct err *e)
{
    static const struct kind_of_hook kind = {"createContainer", OCI_STATE_STATUS_CREATING};

    return run_list(ctx, &ctx->plan->cfg->hooks->create_container, &kind, getpid(), e);
}

int step_start_container_hooks(struct ctx *ctx, struct err *e)
{
    static const struct kind_of_hook kind = {"startContainer", OCI_STATE_STATUS_CREATED};

    return run_list(ctx, &ctx->plan->cfg->hooks->start_container, &kind, getpid(), e);
}

int step_poststart_hooks(struct ctx *ctx, struct err *e)
{
    static const struct kind_of_hook kind = {"poststart", OCI_STATE_STATUS_RUNNING};

    return run_list(ctx, &ctx->plan->cfg->hooks->poststart, &kind, ctx->child, e);
}

static void warn(const struct err *e)
{
    char line[sizeof *e];

    log_warn("%s", err_line(e, line, sizeof line));
}

void hooks_poststop(struct ctx *ctx)
{
    const struct oci_hooks *h = ctx->plan->cfg->hooks;
    struct err e = {0};
    char *state;

    if (!h || !h->poststop.n)
        return;
    state = state_json(ctx, OCI_STATE_STATUS_STOPPED, 0);
    if (step_open_hook_files(ctx, &e) < 0) {
        warn(&e);
        ctx->hook_files = arena_new(ctx->arena, struct hook_files);
        *ctx->hook_files = (struct hook_files){.out = -1, .err = -1};
    }
    for (size_t i = 0; i < h->poststop.n; i++)
        if (run_one(ctx, &h->poststop.v[i], state, "poststop", i, &e) < 0)
            warn(&e);
}
