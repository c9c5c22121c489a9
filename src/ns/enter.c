/* SPDX-License-Identifier: Apache-2.0 */
/* Owns entering and making namespaces, in middle and init. */
#include "ns/ns.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/cred.h"
#include "sys/nsfs.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>

static const uint64_t late_flags = CLONE_NEWCGROUP;
static const uint64_t middle_flags = CLONE_NEWUSER | CLONE_NEWTIME;

static uint64_t flag_of(int type)
{
    return (uint64_t)oci_word_value(namespace_type, type);
}

/* Made by the clone of init: all that is not made already or beside it. A cgroup namespace is
 * rooted where its maker is, so where init has to join a cgroup first it comes later. */
uint64_t ns_init_flags(const struct plan *p)
{
    uint64_t flags = p->ns.fresh;

    if (p->ns.middle)
        flags &= ~middle_flags;
    if (p->cgroup_place || p->cgroup_attach)
        flags &= ~late_flags;
    if (p->ns.net_beside)
        flags &= ~(uint64_t)CLONE_NEWNET;
    return flags;
}

static int open_one(const struct oci_namespace *n, int *fd, struct err *e)
{
    int type, want = (int)flag_of(n->type);

    *fd = sys_open(AT_FDCWD, n->path, O_RDONLY, 0);
    if (*fd < 0)
        return fail(e, *fd, "open the namespace %s", n->path);
    type = sys_ns_type(*fd);
    if (type < 0)
        return refuse(e, EINVAL, "%s is not a namespace", n->path);
    if (type != want)
        return refuse(e, EINVAL, "%s is not a namespace of type %s", n->path,
                      oci_word(namespace_type, n->type));
    return 0;
}

int step_open_namespaces(struct ctx *ctx, struct err *e)
{
    const struct oci_namespace_list *list = &ctx->plan->cfg->linux->namespaces;

    for (size_t i = 0; i < list->n; i++)
        if ((flag_of(list->v[i].type) & ctx->plan->ns.joined) &&
            open_one(&list->v[i], &ctx->plan->ns.fd[list->v[i].type], e) < 0)
            return err_at(e, "/linux/namespaces/%zu/path", i);
    return 0;
}

static int join(struct ctx *ctx, int type, struct err *e)
{
    int r = sys_setns(ctx->plan->ns.fd[type], (int)flag_of(type));

    return r < 0 ? fail(e, r, "enter the %s namespace", oci_word(namespace_type, type)) : 0;
}

/* The middle leaves the cgroup namespace to init: step_enter_cgroup_namespace. */
static bool joins_now(const struct plan *p, int type)
{
    return p->ns.fd[type] >= 0 && !(p->ns.middle && type == OCI_NAMESPACE_TYPE_CGROUP);
}

/* Some belong to the user namespace that is entered and open up only behind it, others to the
 * host's and are out of reach then: so all are tried before, and the refused ones again after. */
static int join_all(struct ctx *ctx, struct err *e)
{
    int *fd = ctx->plan->ns.fd;

    for (int type = 0; type < NS_KINDS; type++)
        if (joins_now(ctx->plan, type) && type != OCI_NAMESPACE_TYPE_USER &&
            type != OCI_NAMESPACE_TYPE_MOUNT && sys_setns(fd[type], (int)flag_of(type)) == 0)
            fd_close(&fd[type]);
    if (fd[OCI_NAMESPACE_TYPE_USER] >= 0 && join(ctx, OCI_NAMESPACE_TYPE_USER, e) < 0)
        return -e->code;
    fd_close(&fd[OCI_NAMESPACE_TYPE_USER]);
    for (int type = 0; type < NS_KINDS; type++) {
        if (!joins_now(ctx->plan, type))
            continue;
        if (join(ctx, type, e) < 0)
            return -e->code;
        fd_close(&fd[type]);
    }
    return 0;
}

/* Where cgroup namespaces are walls (mount option nsdelegate, which systemd sets), a process inside
 * one moves and makes processes only within it. The middle is not in the container's cgroup: once
 * it was in the namespace, its clone into that cgroup would fail (ENOENT). init is there already.
 */
int step_enter_cgroup_namespace(struct ctx *ctx, struct err *e)
{
    int r = join(ctx, OCI_NAMESPACE_TYPE_CGROUP, e);

    fd_close(&ctx->plan->ns.fd[OCI_NAMESPACE_TYPE_CGROUP]);
    return r;
}

int step_join_namespaces(struct ctx *ctx, struct err *e)
{
    return join_all(ctx, e);
}

int step_enter_middle(struct ctx *ctx, struct err *e)
{
    uint64_t make = ctx->plan->ns.fresh & middle_flags;
    int r;

    if (ctx->plan->ns.joined && join_all(ctx, e) < 0)
        return -e->code;
    r = make ? sys_unshare((int)make) : 0;
    return r < 0 ? fail(e, r, "make a new user or time namespace") : 0;
}

int step_become_root(struct ctx *ctx, struct err *e)
{
    const struct id_plan *id = &ctx->plan->id;
    int r = sys_setresgid(id->gid);

    if (r == 0)
        r = sys_setresuid(id->uid);
    return r < 0 ? fail(e, r, "become %u:%u in the user namespace", id->uid, id->gid) : 0;
}

int step_unshare_cgroup(struct ctx *ctx, struct err *e)
{
    int r = sys_unshare(CLONE_NEWCGROUP);

    (void)ctx;
    return r < 0 ? fail(e, r, "make a new cgroup namespace") : 0;
}

int step_set_hostname(struct ctx *ctx, struct err *e)
{
    int r = sys_sethostname(ctx->plan->cfg->hostname);

    if (r < 0) {
        fail(e, r, "set the host name %.64s", ctx->plan->cfg->hostname);
        return err_at(e, "/hostname");
    }
    return 0;
}

int step_set_domainname(struct ctx *ctx, struct err *e)
{
    int r = sys_setdomainname(ctx->plan->cfg->domainname);

    if (r < 0) {
        fail(e, r, "set the domain name %.64s", ctx->plan->cfg->domainname);
        return err_at(e, "/domainname");
    }
    return 0;
}
