/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the lists of hooks and the state document each of them is given. */
#include "hook/hook.h"

#include "base/log.h"
#include "base/str.h"
#include "hook/program.h"
#include "schema.h"

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

static const char *annotation(const struct plan *p, const char *key)
{
    for (size_t i = 0; i < p->cfg->annotations.n; i++)
        if (str_eq(p->cfg->annotations.v[i].key, key))
            return p->cfg->annotations.v[i].value;
    return NULL;
}

static int run_one(struct ctx *ctx, const struct oci_hook *h, const char *state, const char *kind,
                   size_t i, struct err *e)
{
    struct program p = {
        .hook = h,
        .input = state,
        .stdout_file = annotation(ctx->plan, "run.oci.hooks.stdout"),
        .stderr_file = annotation(ctx->plan, "run.oci.hooks.stderr"),
    };
    int r = program_run(&p, ctx->arena, e);

    if (r == 0 && p.output && p.output[0])
        log_debug("hook %s %zu (%s): %s", kind, i, h->path, p.output);
    return r < 0 ? err_at(e, "/hooks/%s/%zu", kind, i) : 0;
}

static int run_list(struct ctx *ctx, const struct oci_hook_list *list,
                    const struct kind_of_hook *kind, pid_t pid, struct err *e)
{
    char *state = state_json(ctx, kind->status, pid);

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

void hooks_poststop(struct ctx *ctx)
{
    const struct oci_hooks *h = ctx->plan->cfg->hooks;
    char *state;

    if (!h || !h->poststop.n)
        return;
    state = state_json(ctx, OCI_STATE_STATUS_STOPPED, 0);
    for (size_t i = 0; i < h->poststop.n; i++) {
        struct err e = {0};
        char line[1024];
        if (run_one(ctx, &h->poststop.v[i], state, "poststop", i, &e) < 0)
            log_warn("%s", err_line(&e, line, sizeof line));
    }
}
