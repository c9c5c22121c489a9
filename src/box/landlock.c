/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the meaning of the annotation rt.landlock. */
#include "box/box.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/root.h"
#include "schema.h"
#include "sys/landlock.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ANNOTATION "rt.landlock"

/* What each list stands for. A file has fewer rights than a directory. */
enum {
    READ = LL_READ_FILE | LL_READ_DIR,
    WRITE = LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_CHAR | LL_MAKE_DIR |
            LL_MAKE_REG | LL_MAKE_SOCK | LL_MAKE_FIFO | LL_MAKE_BLOCK | LL_MAKE_SYM | LL_REFER |
            LL_TRUNCATE | LL_IOCTL_DEV,
    EXECUTE = LL_EXECUTE | LL_READ_FILE, /* execve(2) opens for both */
    OF_FILES = LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV,
};

/* The first version that can keep a promise. Files are not read-only as long as they can be
 * truncated; ioctls on devices (version 5) are denied where they can be. */
enum { FOR_FILES = 3, FOR_PORTS = 4, FOR_SCOPES = 6 };

/* Rights of files by version of the interface, from 1. */
static uint64_t files_of(int version)
{
    uint64_t all = READ | WRITE | EXECUTE;

    if (version < 2)
        all &= ~(uint64_t)LL_REFER;
    if (version < 3)
        all &= ~(uint64_t)LL_TRUNCATE;
    if (version < 5)
        all &= ~(uint64_t)LL_IOCTL_DEV;
    return all;
}

/* ---- reading ---- */

static const char *find_annotation(const struct oci_str_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->v[i].key, ANNOTATION))
            return m->v[i].value;
    return NULL;
}

struct strictly {
    struct err *e;
};

/* A key that is misspelt would leave open what it was to close. */
static void refuse_unknown(void *arg, const char *pointer, unsigned line, unsigned column)
{
    struct strictly *s = arg;

    if (!s->e->code) {
        refuse(s->e, EINVAL, "unknown key");
        err_at(s->e, ANNOTATION ":%u:%u: %s", line, column, pointer);
    }
}

static int read_annotation(const char *text, struct arena *a, struct oci_landlock **out,
                           struct err *e)
{
    struct oci_source src = {.name = ANNOTATION, .text = text, .len = strlen(text)};
    struct strictly strictly = {e};
    void *object = NULL;
    int r = oci_parse_unknown(a, &oci_desc_landlock, &src, &object, refuse_unknown, &strictly, e);

    *out = object;
    return r < 0 ? r : -e->code;
}

static int check_ports(const struct oci_u32s *ports, const char *key, struct err *e)
{
    for (size_t i = 0; i < ports->n; i++)
        if (ports->v[i] > UINT16_MAX) {
            refuse(e, EINVAL, "%u is no port", ports->v[i]);
            return err_at(e, ANNOTATION ": /%s/%zu", key, i);
        }
    return 0;
}

/* ---- what the kernel can ---- */

static bool has_files(const struct oci_landlock *l)
{
    return HAS(l, landlock, read) || HAS(l, landlock, write) || HAS(l, landlock, execute);
}

static bool has_ports(const struct oci_landlock *l)
{
    return HAS(l, landlock, bind_tcp) || HAS(l, landlock, connect_tcp);
}

static int lacks(const struct oci_landlock *l, int version, const char *what, int needed,
                 struct err *e)
{
    if (version >= needed)
        return 0;
    if (l->best_effort) {
        log_warn("/annotations/" ANNOTATION ": %s cannot be confined here: Landlock has version "
                 "%d, needed is %d",
                 what, version, needed);
        return 0;
    }
    refuse(e, EOPNOTSUPP, "%s cannot be confined: Landlock has version %d here, needed is %d", what,
           version, needed);
    return err_hint(e, "\"bestEffort\": true does without");
}

static int check_version(const struct oci_landlock *l, int version, struct err *e)
{
    if (version < 1 && !l->best_effort) {
        fail(e, version, "this kernel has no Landlock, or does not use it");
        return err_hint(e, "it is built with CONFIG_SECURITY_LANDLOCK and started with landlock in "
                           "lsm=");
    }
    if (version < 0)
        version = 0;
    if (has_files(l) && lacks(l, version, "writing files", FOR_FILES, e) < 0)
        return -e->code;
    if (has_ports(l) && lacks(l, version, "ports", FOR_PORTS, e) < 0)
        return -e->code;
    return l->scoped.n ? lacks(l, version, "scopes", FOR_SCOPES, e) : 0;
}

/* ---- rules ---- */

static void add_paths(struct landlock_plan *p, const struct oci_strs *paths, uint64_t rights)
{
    for (size_t i = 0; i < paths->n; i++)
        p->paths[p->n_paths++] = (struct landlock_path){paths->v[i], rights & p->fs};
}

static void add_ports(struct landlock_plan *p, const struct oci_u32s *ports, uint64_t right)
{
    for (size_t i = 0; i < ports->n; i++)
        p->ports[p->n_ports++] = (struct landlock_port){(uint16_t)ports->v[i], right};
}

static void fill(struct landlock_plan *p, const struct oci_landlock *l, int version,
                 struct arena *a)
{
    if (has_files(l))
        p->fs = files_of(version);
    if (version >= FOR_PORTS)
        p->net = (HAS(l, landlock, bind_tcp) ? LL_BIND_TCP : 0u) |
                 (HAS(l, landlock, connect_tcp) ? LL_CONNECT_TCP : 0u);
    for (size_t i = 0; version >= FOR_SCOPES && i < l->scoped.n; i++)
        p->scope |= (uint64_t)oci_word_value(landlock_scope, l->scoped.v[i]);
    p->paths = arena_array(a, l->read.n + l->write.n + l->execute.n + 1, sizeof *p->paths);
    p->ports = arena_array(a, l->bind_tcp.n + l->connect_tcp.n + 1, sizeof *p->ports);
    add_paths(p, &l->read, READ);
    add_paths(p, &l->write, WRITE);
    add_paths(p, &l->execute, EXECUTE);
    if (p->net) {
        add_ports(p, &l->bind_tcp, LL_BIND_TCP);
        add_ports(p, &l->connect_tcp, LL_CONNECT_TCP);
    }
    p->given = p->fs || p->net || p->scope;
}

static int plan(struct plan *p, const char *text, struct arena *a, struct err *e)
{
    struct oci_landlock *l;
    int version = sys_landlock_version();

    if (read_annotation(text, a, &l, e) < 0 || check_ports(&l->bind_tcp, "bindTcp", e) < 0 ||
        check_ports(&l->connect_tcp, "connectTcp", e) < 0 || check_version(l, version, e) < 0)
        return -e->code;
    if (!p->process.cfg->no_new_privileges) {
        refuse(e, EINVAL, "it needs process.noNewPrivileges");
        return err_hint(e, "else a set-user-ID program could gain what it gave up");
    }
    if (version > 0)
        fill(&p->landlock, l, version, a);
    return 0;
}

int box_plan(struct plan *p, struct arena *a, struct err *e)
{
    const char *text = find_annotation(&p->cfg->annotations);

    if (!text || !p->process.cfg || plan(p, text, a, e) == 0)
        return 0;
    return err_at(e, "/annotations/" ANNOTATION);
}

int box_landlock_version(void)
{
    int version = sys_landlock_version();

    return version > 0 ? version : 0;
}

/* ---- in the container ---- */

/* A rule about what is not there, or what the process cannot reach in any case, grants nothing. */
static int allow(int rules, const struct root *root, const struct landlock_path *p, struct err *e)
{
    auto_close int fd = root_find(root, p->path);
    uint64_t rights = p->rights;
    struct stat st;
    int r;

    if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES) {
        log_warn(ANNOTATION ": %s: %s, so nothing is allowed there", p->path, strerror(-fd));
        return 0;
    }
    r = fd < 0 ? fd : sys_stat(fd, "", &st, AT_EMPTY_PATH);
    if (r == 0 && !S_ISDIR(st.st_mode))
        rights &= OF_FILES;
    if (r == 0 && rights)
        r = sys_landlock_allow_path(rules, fd, rights);
    return r < 0 ? fail(e, r, ANNOTATION ": allow %s", p->path) : 0;
}

int step_confine(struct ctx *ctx, struct err *e)
{
    const struct landlock_plan *p = &ctx->plan->landlock;
    auto_close int rules = sys_landlock_make(p->fs, p->net, p->scope);
    auto_close int root_fd = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    const struct root root = {.fd = root_fd};
    int r = 0;

    if (rules < 0)
        return fail(e, rules, ANNOTATION ": make the rules");
    if (root_fd < 0)
        return fail(e, root_fd, "open the root");
    for (unsigned i = 0; i < p->n_paths; i++)
        if (allow(rules, &root, &p->paths[i], e) < 0)
            return -e->code;
    for (unsigned i = 0; r == 0 && i < p->n_ports; i++)
        r = sys_landlock_allow_port(rules, p->ports[i].port, p->ports[i].rights);
    if (r == 0)
        r = sys_landlock_restrict(rules);
    return r < 0 ? fail(e, r, ANNOTATION ": confine the process") : 0;
}
