/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns sysctls. Only those that belong to a namespace of the container's own may be set: anything
 * else would change the host (runtime-spec config-linux.md, "Sysctl"). They are written through
 * the verified /proc (CVE-2025-52881) by init, which is in the namespaces they belong to.
 */
#include "proc/proc.h"

#include "base/str.h"
#include "fs/procfs.h"
#include "sys/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

enum { LONGEST = 256 };

/* What belongs to which kind of namespace. A name that ends in "/" stands for all below it. */
static const struct {
    const char *path;
    uint64_t flag;
    enum oci_namespace_type kind;
} owners[] = {
    {"kernel/msgmax", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/msgmnb", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/msgmni", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/sem", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/shmall", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/shmmax", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/shmmni", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"kernel/shm_rmid_forced", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"fs/mqueue/", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {"net/", CLONE_NEWNET, OCI_NAMESPACE_TYPE_NETWORK},
    {"kernel/domainname", CLONE_NEWUTS, OCI_NAMESPACE_TYPE_UTS},
    {"user/", CLONE_NEWUSER, OCI_NAMESPACE_TYPE_USER},
};

/* Names below /proc/<pid>/ns, by kind. */
static const char *const ns_files[OCI_NAMESPACE_TYPE_COUNT] = {
    [OCI_NAMESPACE_TYPE_IPC] = "/proc/self/ns/ipc",
    [OCI_NAMESPACE_TYPE_NETWORK] = "/proc/self/ns/net",
    [OCI_NAMESPACE_TYPE_UTS] = "/proc/self/ns/uts",
    [OCI_NAMESPACE_TYPE_USER] = "/proc/self/ns/user",
};

/* The first separator says which one separates; the other one is then part of a name, as sysctl(8)
 * reads "net.ipv4.conf.eth0/1.mtu" and "net/ipv4/conf/eth0.1/mtu". */
static int to_path(const char *name, char *path, struct err *e)
{
    const char *first = strpbrk(name, "./");
    bool dots = first && *first == '.';
    size_t n = strlen(name);

    if (n >= LONGEST)
        return refuse(e, ENAMETOOLONG, "/linux/sysctl: \"%.64s...\" is too long", name);
    for (size_t i = 0; i <= n; i++) {
        path[i] = name[i];
        if (dots && name[i] == '.')
            path[i] = '/';
        else if (dots && name[i] == '/')
            path[i] = '.';
    }
    if (!first || path[0] == '/' || path[n - 1] == '/' || strstr(path, "//") ||
        str_has_dotdot(path) || str_starts(path, "./") || strstr(path, "/./"))
        return refuse(e, EINVAL, "/linux/sysctl: \"%s\" is not the name of a sysctl", name);
    return 0;
}

static bool covers(const char *owner, const char *path)
{
    size_t n = strlen(owner);

    return owner[n - 1] == '/' ? str_starts(path, owner) : str_eq(path, owner);
}

/* A namespace that is entered by path may be the caller's by another name. */
static bool is_callers(const struct plan *p, enum oci_namespace_type kind)
{
    const struct oci_namespace_list *list = &p->cfg->linux->namespaces;
    struct stat theirs, ours;

    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i].type != (int)kind || !list->v[i].path || !list->v[i].path[0])
            continue;
        return sys_stat(AT_FDCWD, list->v[i].path, &theirs, 0) == 0 &&
               sys_stat(AT_FDCWD, ns_files[kind], &ours, 0) == 0 && theirs.st_dev == ours.st_dev &&
               theirs.st_ino == ours.st_ino;
    }
    return false;
}

static int judge(const struct plan *p, const char *name, struct err *e)
{
    char path[LONGEST];
    int r = to_path(name, path, e);

    if (r < 0)
        return r;
    if (str_eq(path, "kernel/hostname"))
        return refuse(e, EINVAL, "/linux/sysctl: %s is set by /hostname", name);
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        if (!covers(owners[i].path, path))
            continue;
        if ((p->ns.fresh & owners[i].flag) ||
            ((p->ns.joined & owners[i].flag) && !is_callers(p, owners[i].kind)))
            return 0;
        return refuse(e, EINVAL, "/linux/sysctl: %s needs a %s namespace of the container's own",
                      name, oci_word(namespace_type, owners[i].kind));
    }
    return refuse(e, EINVAL, "/linux/sysctl: %s belongs to no namespace and would change the host",
                  name);
}

int sysctl_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_linux *lin = p->cfg->linux;
    int r = 0;

    (void)a;
    for (size_t i = 0; lin && r == 0 && i < lin->sysctl.n; i++)
        r = judge(p, lin->sysctl.v[i].key, e);
    return r;
}

static int write_one(int proc, const char *name, const char *value, struct err *e)
{
    char path[LONGEST], file[LONGEST + 8];
    int r = to_path(name, path, e);

    if (r < 0)
        return r;
    snprintf(file, sizeof file, "sys/%s", path);
    r = procfs_write(proc, file, value, NULL);
    return r < 0 ? fail(e, r, "/linux/sysctl: write \"%.64s\" to /proc/%s", value, file) : 0;
}

int step_write_sysctls(struct ctx *ctx, struct err *e)
{
    const struct oci_linux *lin = ctx->plan->cfg->linux;
    int r = 0;

    for (size_t i = 0; lin && r == 0 && i < lin->sysctl.n; i++)
        r = write_one(ctx->proc, lin->sysctl.v[i].key, lin->sysctl.v[i].value, e);
    return r;
}
