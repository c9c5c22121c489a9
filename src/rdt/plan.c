/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the decision which group a container has, its line in the record, and the steps. */
#include "rdt/internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/file.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

enum { MOUNTINFO_MAX = 64 << 20 };

/* ---- the mount ---- */

/* The fifth field of mountinfo, proc_pid_mountinfo(5). */
static char *mount_of_line(char *line)
{
    if (!strstr(line, " - resctrl "))
        return NULL;
    for (int i = 0; line && i < 4; i++)
        strsep(&line, " ");
    return line ? strsep(&line, " ") : NULL;
}

const char *rdt_mount(struct arena *a)
{
    char *text, *line, *found = NULL;
    size_t len;

    if (file_read(a, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len, NULL) < 0)
        return NULL;
    while (!found && (line = strsep(&text, "\n")))
        found = mount_of_line(line);
    return found;
}

/* ---- the group ---- */

/* Directories that the kernel makes in each group. */
static bool is_reserved(const char *name)
{
    static const char *const own[] = {"info", "mon_groups", "mon_data", ".", ".."};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (str_eq(name, own[i]))
            return true;
    return false;
}

static int check_name(const char *name, struct err *e)
{
    if (*name && !strchr(name, '/') && !strchr(name, '\n') && !is_reserved(name) &&
        strlen(name) < 256)
        return 0;
    refuse(e, EINVAL, "\"%.100s\" cannot be the name of a resctrl group", name);
    return err_at(e, "/linux/intelRdt/closID");
}

static bool is_there(const char *path)
{
    struct stat st;

    return sys_stat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int rdt_decide(struct arena *a, const char *mount, const struct oci_intel_rdt *cfg, const char *id,
               struct rdt **out, struct err *e)
{
    const char *name = cfg->clos_id ? cfg->clos_id : id;
    struct rdt *r = arena_new(a, struct rdt);

    r->cfg = cfg;
    if (str_eq(name, "/") && cfg->clos_id)
        r->group = mount;
    else if (check_name(name, e) < 0)
        return -e->code;
    else
        r->group = str_fmt(a, "%s/%s", mount, name);
    r->ours = !cfg->clos_id && !is_there(r->group);
    if (cfg->enable_monitoring)
        r->monitor = str_fmt(a, "%s/mon_groups/%s", r->group, id);
    *out = r;
    return 0;
}

int rdt_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_intel_rdt *cfg = p->cfg->linux ? p->cfg->linux->intel_rdt : NULL;
    const char *mount;

    if (!cfg)
        return 0;
    mount = rdt_mount(a);
    if (mount)
        return rdt_decide(a, mount, cfg, p->req->id, &p->rdt, e);
    refuse(e, ENODEV, "resctrl is not mounted, so cache and memory bandwidth cannot be given");
    err_hint(e, "mount -t resctrl resctrl /sys/fs/resctrl, on a processor and a kernel that have "
                "it");
    return err_at(e, "/linux/intelRdt");
}

/* ---- the record: FLAGS PATH [MONITOR], a line break between ---- */

const char *rdt_save(const struct rdt *r, struct arena *a)
{
    return str_fmt(a, "%s\n%s\n%s", r->ours ? "ours" : "shared", r->group,
                   r->monitor ? r->monitor : "");
}

static bool is_plain(const char *path)
{
    return *path == '/' && !str_has_dotdot(path);
}

int rdt_load(struct arena *a, const char *text, struct rdt **out, struct err *e)
{
    char *rest = str_dup(a, text), *whose = strsep(&rest, "\n"), *group = strsep(&rest, "\n");
    struct rdt *r = arena_new(a, struct rdt);

    r->ours = str_eq(whose, "ours");
    r->group = group;
    r->monitor = rest && *rest ? rest : NULL;
    if ((!r->ours && !str_eq(whose, "shared")) || !group || !is_plain(group) ||
        (r->monitor && !is_plain(r->monitor)))
        return refuse(e, EINVAL, "the container's record of its resctrl group is damaged");
    *out = r;
    return 0;
}

/* ---- steps ---- */

int step_join_resctrl(struct ctx *ctx, struct err *e)
{
    const struct rdt *r = ctx->plan->rdt;
    int done = r->cfg ? rdt_make(r, e) : 0;

    if (done == 0) {
        done = rdt_place(r, ctx->child, e);
        if (done < 0 && r->cfg)
            drop(rdt_remove(r, NULL), "the reason why is known already");
    }
    return done < 0 ? err_at(e, "/linux/intelRdt") : 0;
}

void undo_join_resctrl(struct ctx *ctx)
{
    struct err e = {0};

    if (ctx->plan->rdt->cfg && rdt_remove(ctx->plan->rdt, &e) < 0)
        log_warn("%s", e.text);
}
