/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the work on a group's directory: making, filling, comparing, removing it. */
#include "rdt/internal.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/file.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SCHEMATA_MAX = 1 << 20, STATUS_MAX = 160 };

/* ---- comparing ---- */

static size_t zeros(const char *s, size_t n)
{
    size_t z = strspn(s, "0");

    return z >= n && n ? n - 1 : z;
}

/* "0=ff" and "0=00ff" are the same. */
static bool same_pair(const char *a, size_t an, const char *b, size_t bn)
{
    size_t az = zeros(a, an), bz = zeros(b, bn);

    if (!memchr(a, '=', an) || !memchr(b, '=', bn))
        return an == bn && memcmp(a, b, an) == 0;
    while (an && bn && *a == *b && *a != '=')
        a++, an--, b++, bn--;
    if (!an || !bn || *a != '=' || *b != '=')
        return false;
    a++, an--, b++, bn--;
    az = zeros(a, an);
    bz = zeros(b, bn);
    return an - az == bn - bz && strncasecmp(a + az, b + bz, an - az) == 0;
}

static const char *next(const char *s, const char *separators, size_t *n)
{
    s += strspn(s, separators);
    *n = strcspn(s, separators);
    return *n ? s : NULL;
}

static bool has_pair(const char *pairs, const char *pair, size_t n)
{
    size_t len, line = strcspn(pairs, "\n");

    for (const char *p = pairs; (p = next(p, "; ", &len)) && p < pairs + line; p += len) {
        if (p + len > pairs + line)
            len = (size_t)(pairs + line - p);
        if (same_pair(p, len, pair, n))
            return true;
    }
    return false;
}

/* What stands behind "L3:" in the file, or NULL. */
static const char *find_resource(const char *file, const char *name, size_t n)
{
    for (const char *line = file; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *start = line + strspn(line, " ");
        if (strncmp(start, name, n) == 0 && start[n] == ':')
            return start + n + 1;
    }
    return NULL;
}

bool rdt_has_line(const char *file, const char *line)
{
    size_t name = strcspn(line, ":"), n;
    const char *pairs = find_resource(file, line, name);

    if (!pairs || !line[name])
        return false;
    for (const char *p = line + name + 1; (p = next(p, "; ", &n)); p += n)
        if (!has_pair(pairs, p, n))
            return false;
    return true;
}

/* ---- writing ---- */

/* The kernel keeps the reason of the last refusal in a file. */
static void last_status(const char *group, char *buf, size_t size)
{
    const char *mount = strstr(group, "/sys/fs/resctrl") == group ? "/sys/fs/resctrl" : NULL;
    auto_close int fd = -1;
    char path[64];
    ssize_t n = 0;

    if (mount) {
        snprintf(path, sizeof path, "%s/info/last_cmd_status", mount);
        fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
        n = fd < 0 ? 0 : sys_read(fd, buf, size - 1);
    }
    buf[n > 0 ? n : 0] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    if (str_eq(buf, "ok"))
        buf[0] = '\0';
}

static int write_line(const char *dir, const char *file, const char *line, struct err *e)
{
    char path[4096], text[1024], status[STATUS_MAX];
    auto_close int fd = -1;
    int n = snprintf(text, sizeof text, "%s\n", line), r;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (n >= (int)sizeof text)
        return refuse(e, EINVAL, "a line for %s is too long", path);
    fd = sys_open(AT_FDCWD, path, O_WRONLY | O_TRUNC, 0);
    r = fd < 0 ? fd : sys_write_all(fd, text, (size_t)n);
    if (r >= 0)
        return 0;
    fail(e, r, "write %.100s to %s", line, path);
    last_status(dir, status, sizeof status);
    if (*status)
        err_hint(e, "the kernel says: %s", status);
    return r;
}

static int write_schemata(const char *group, const struct oci_intel_rdt *cfg, struct err *e)
{
    int r = 0;

    if (cfg->l3_cache_schema)
        r = write_line(group, "schemata", cfg->l3_cache_schema, e);
    if (r == 0 && cfg->mem_bw_schema)
        r = write_line(group, "schemata", cfg->mem_bw_schema, e);
    for (size_t i = 0; r == 0 && i < cfg->schemata.n; i++)
        r = write_line(group, "schemata", cfg->schemata.v[i], e);
    return r;
}

/* ---- making ---- */

static int make_dir(const char *path, struct err *e)
{
    int r = sys_mkdir(AT_FDCWD, path, 0755);
    char status[STATUS_MAX];

    if (r >= 0 || r == -EEXIST)
        return r;
    fail(e, r, "make the resctrl group %s", path);
    last_status(path, status, sizeof status);
    if (r == -ENOSPC)
        snprintf(status, sizeof status, "no class or monitor is left, see num_closids, num_rmids");
    if (*status)
        err_hint(e, "the kernel says: %s", status);
    return r;
}

static bool has_schema(const struct oci_intel_rdt *cfg)
{
    return cfg->l3_cache_schema || cfg->mem_bw_schema || cfg->schemata.n;
}

static int differs(const struct rdt *r, const char *line, struct err *e)
{
    refuse(e, EBUSY, "the resctrl group %s exists and does not have \"%.100s\"", r->group, line);
    err_hint(e, "choose another closID, or bring its schemata file in line");
    return err_at(e, "/linux/intelRdt");
}

/* A group that others may use is taken as it is, if it is as it should be. */
static int compare(const struct rdt *r, struct err *e)
{
    const char *lines[] = {r->cfg->l3_cache_schema, r->cfg->mem_bw_schema};
    struct arena a = {0};
    char *text;
    size_t len;
    int done = 0;

    if (!lines[0] && !lines[1])
        return 0;
    done =
        file_read(&a, AT_FDCWD, str_fmt(&a, "%s/schemata", r->group), SCHEMATA_MAX, &text, &len, e);
    for (size_t i = 0; done == 0 && i < 2; i++)
        if (lines[i] && !rdt_has_line(text, lines[i]))
            done = differs(r, lines[i], e);
    arena_free(&a);
    return done;
}

static int make_group(const struct rdt *r, bool *made, struct err *e)
{
    int done = make_dir(r->group, e);

    *made = done >= 0;
    if (done == -EEXIST && r->cfg->clos_id && compare(r, e) < 0)
        return -e->code;
    return *made || done == -EEXIST ? 0 : done;
}

static int must_be_there(const struct rdt *r, struct err *e)
{
    struct stat st;
    int done = sys_stat(AT_FDCWD, r->group, &st, AT_SYMLINK_NOFOLLOW);

    if (done == 0 && S_ISDIR(st.st_mode))
        return 0;
    fail(e, done < 0 ? done : ENOTDIR, "find the resctrl group %s", r->group);
    err_hint(e, "a closID alone names a group that is there; give a schema to have it made");
    return err_at(e, "/linux/intelRdt/closID");
}

static void take_away(const char *dir)
{
    int r = dir ? sys_unlink(AT_FDCWD, dir, AT_REMOVEDIR) : 0;

    if (r < 0 && r != -ENOENT)
        log_warn("remove the resctrl group %s: %s", dir, strerror(-r));
}

int rdt_make(const struct rdt *r, struct err *e)
{
    bool made = false;
    int done =
        r->cfg->clos_id && !has_schema(r->cfg) ? must_be_there(r, e) : make_group(r, &made, e);

    if (done == 0)
        done = write_schemata(r->group, r->cfg, e);
    if (done == 0 && r->monitor) {
        done = make_dir(r->monitor, e);
        if (done == -EEXIST)
            done = fail(e, EEXIST, "make the monitoring group %s", r->monitor);
    }
    if (done < 0 && made)
        take_away(r->group);
    return done < 0 ? done : 0;
}

int rdt_place(const struct rdt *r, pid_t pid, struct err *e)
{
    char text[16];
    int done;

    snprintf(text, sizeof text, "%d", pid);
    done = write_line(r->group, "tasks", text, e);
    return done == 0 && r->monitor ? write_line(r->monitor, "tasks", text, e) : done;
}

/* ---- removing, changing ---- */

static int remove_dir(const char *dir, struct err *e)
{
    int r = sys_unlink(AT_FDCWD, dir, AT_REMOVEDIR);

    return r < 0 && r != -ENOENT ? fail(e, r, "remove the resctrl group %s", dir) : 0;
}

int rdt_remove(const struct rdt *r, struct err *e)
{
    int done = r->monitor ? remove_dir(r->monitor, e) : 0;

    return done == 0 && r->ours ? remove_dir(r->group, e) : done;
}

static const char *present_line(struct arena *a, const char *file, const char *resource)
{
    const char *pairs = find_resource(file, resource, strlen(resource));

    return pairs ? str_fmt(a, "%s:%.*s", resource, (int)strcspn(pairs, "\n"), pairs) : NULL;
}

int rdt_update(const struct rdt *r, struct arena *a, const struct rdt_lines *lines,
               struct rdt_lines *old, struct err *e)
{
    struct rdt_lines before = {0};
    char *text;
    size_t len;
    int done =
        file_read(a, AT_FDCWD, str_fmt(a, "%s/schemata", r->group), SCHEMATA_MAX, &text, &len, e);

    if (done < 0)
        return done;
    before.l3 = lines->l3 ? present_line(a, text, "L3") : NULL;
    before.mb = lines->mb ? present_line(a, text, "MB") : NULL;
    if (lines->l3)
        done = write_line(r->group, "schemata", lines->l3, e);
    if (done == 0 && lines->mb)
        done = write_line(r->group, "schemata", lines->mb, e);
    if (done < 0 && lines->mb && before.l3)
        drop(write_line(r->group, "schemata", before.l3, NULL), "the first failure is told");
    if (old)
        *old = before;
    return done;
}
