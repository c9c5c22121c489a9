/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decisions about mounts: from the words of config.json to struct mount_item. Nothing is
 * opened here, so that `rt explain` can show the plan without touching anything.
 */
#include "mount/internal.h"
#include "mount/options.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Files of /proc that engines and lxcfs replace. Anything else over /proc could hide or fake what
 * security relies on (CVE-2019-16884), so it is refused. */
static const char *const over_proc[] = {
    "cpuinfo",
    "diskstats",
    "meminfo",
    "stat",
    "swaps",
    "uptime",
    "loadavg",
    "slabinfo",
    "sys/kernel/ns_last_pid",
    "sys/crypto/fips_enabled",
};

bool mount_is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool may_cover_proc(const char *below)
{
    for (size_t i = 0; i < sizeof over_proc / sizeof *over_proc; i++)
        if (str_eq(below, over_proc[i]))
            return true;
    return false;
}

static int check_dest(const struct mount_item *m, struct err *e)
{
    if (str_eq(m->dest, "/"))
        return refuse(e, EINVAL, "a mount on the root itself would hide the root file system");
    if (!mount_is_below(m->dest, "/proc") || m->remount)
        return 0;
    if (m->dest[5] == '\0')
        return 0; /* its type is checked where it is made */
    if (may_cover_proc(m->dest + 6))
        return 0;
    refuse(e, EPERM, "a mount on %s could hide what protects the host", m->dest);
    return err_hint(e, "only %s and a few more files of /proc may be covered",
                    "cpuinfo, meminfo, stat, uptime, loadavg");
}

static enum mount_kind kind_of(const struct mount_item *m)
{
    if (m->remount)
        return MOUNT_REMOUNT;
    if (m->bind || str_eq(m->type, "bind"))
        return MOUNT_BIND;
    if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"))
        return MOUNT_CGROUP;
    return MOUNT_FS;
}

/* "/a//b/./c/" reads "/a/b/c"; "..", which could only confuse, is refused. */
static int clean_path(struct arena *a, const char *path, const char **out, struct err *e)
{
    char *clean = arena_alloc(a, strlen(path) + 2);
    size_t n = 0;

    if (str_has_dotdot(path))
        return refuse(e, EINVAL, "\"..\" in %s", path);
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len && !(len == 1 && path[0] == '.')) {
            clean[n++] = '/';
            memcpy(clean + n, path, len);
            n += len;
        }
        path += len + (path[len] == '/');
    }
    if (!n)
        clean[n++] = '/';
    *out = clean;
    return 0;
}

/* Is container id `id` mapped? Without a map every id is. */
static bool is_mapped(const struct oci_id_mapping_list *maps, uint32_t id)
{
    for (size_t i = 0; i < maps->n; i++)
        if (id >= maps->v[i].container_id && id - maps->v[i].container_id < maps->v[i].size)
            return true;
    return maps->n == 0;
}

/* devpts with gid=5 fails in a user namespace that has no group 5, and engines ask for it all the
 * same: the terminal's group is then the container's root. */
static void drop_unmapped_gid(struct mount_item *m, const struct plan *p)
{
    uint64_t gid = 0;
    const char *value = options_data(m, "gid");
    unsigned kept = 0;

    if (!value || !str_eq(m->type, "devpts") || !(p->ns.fresh & CLONE_NEWUSER))
        return;
    for (const char *c = value; *c >= '0' && *c <= '9'; c++)
        gid = gid * 10 + (uint64_t)(*c - '0');
    if (gid <= UINT32_MAX && is_mapped(&p->cfg->linux->gid_mappings, (uint32_t)gid))
        return;
    for (unsigned i = 0; i < m->n_data; i++)
        if (!str_eq(m->data[i].key, "gid"))
            m->data[kept++] = m->data[i];
    m->n_data = kept;
}

static int plan_bind(struct mount_item *m, const struct plan *p, struct arena *a, struct err *e)
{
    if (!m->source || !m->source[0])
        return refuse(e, EINVAL, "a bind mount needs a source");
    if (m->n_data) {
        refuse(e, EINVAL, "\"%s\" is no option of a bind mount", m->data[0].key);
        return err_hint(e, "data options go to file systems that are made new");
    }
    m->source = str_path(a, p->req->bundle, m->source);
    if (!m->bind && !m->rbind)
        m->rbind = true; /* `type: bind` alone: the whole tree, as engines expect */
    return 0;
}

static void add_label(struct mount_item *m, const struct plan *p)
{
    const char *label = p->cfg->linux ? p->cfg->linux->mount_label : NULL;
    const char *kind = "context";

    if (!label || !label[0] || m->kind != MOUNT_FS)
        return;
    /* These have no room for a label of their own: SELinux labels them by policy. */
    if (str_eq(m->type, "proc") || str_eq(m->type, "sysfs") || str_eq(m->type, "mqueue"))
        return;
    if (plan_annotation(p, "run.oci.mount_context_type"))
        kind = plan_annotation(p, "run.oci.mount_context_type");
    m->data[m->n_data++] = (struct mount_data){.key = kind, .value = label};
}

static int plan_item(struct mount_item *m, const struct oci_mount *c, struct plan *p,
                     struct arena *a, struct err *e)
{
    int r = clean_path(a, c->destination, &m->dest, e);

    if (r < 0)
        return r;
    m->type = c->type ? c->type : "none";
    m->source = c->source;
    m->tree = m->userns = -1;
    options_read(m, c->options.v, c->options.n, a);
    m->kind = kind_of(m);
    r = check_dest(m, e);
    if (r < 0)
        return r;
    if (m->kind == MOUNT_BIND)
        return plan_bind(m, p, a, e);
    if (m->kind == MOUNT_FS && !c->type)
        return refuse(e, EINVAL, "a mount on %s needs a type, or the option bind", m->dest);
    if (c->uid_mappings.n || m->idmap || m->rec_idmap) {
        refuse(e, EINVAL, "id mappings on a mount of type %s", m->type);
        return err_hint(e, "only bind mounts can have id mappings of their own");
    }
    drop_unmapped_gid(m, p);
    add_label(m, p);
    return 0;
}

static int plan_items(struct plan *p, struct arena *a, struct err *e)
{
    struct mount_plan *mp = &p->mounts;

    mp->n = (unsigned)p->cfg->mounts.n;
    mp->v = arena_array(a, mp->n + 1u, sizeof *mp->v);
    for (unsigned i = 0; i < mp->n; i++) {
        mp->v[i].index = i;
        if (plan_item(&mp->v[i], &p->cfg->mounts.v[i], p, a, e) < 0)
            return err_at(e, "/mounts/%u", i);
    }
    return 0;
}

/* NOTIFY_SOCKET: the private folder with the socket is bound at /run/notify. */
static void add_notify(struct plan *p)
{
    struct mount_plan *mp = &p->mounts;

    if (!p->notify_dir)
        return;
    mp->v[mp->n] = (struct mount_item){
        .index = mp->n,
        .kind = MOUNT_BIND,
        .dest = "/run/notify",
        .type = "bind",
        .source = p->notify_dir,
        .bind = true,
        .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
        .tree = -1,
        .userns = -1,
    };
    mp->n++;
}

/* runtime-spec config-linux.md "Default Devices"; /dev/console comes with the terminal and
 * /dev/ptmx is a link. */
static const struct {
    const char *path;
    unsigned major, minor;
} default_devices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

enum { N_DEFAULT = sizeof default_devices / sizeof default_devices[0] };

static int plan_devices(struct plan *p, struct arena *a, struct err *e)
{
    struct mount_plan *mp = &p->mounts;
    size_t own = p->cfg->linux ? p->cfg->linux->devices.n : 0;

    mp->devices = arena_array(a, N_DEFAULT + own, sizeof *mp->devices);
    for (size_t i = 0; mp->own_dev && i < N_DEFAULT; i++)
        mp->devices[mp->n_devices++] = (struct device_item){
            .path = default_devices[i].path,
            .mode = S_IFCHR | 0666,
            .dev = makedev(default_devices[i].major, default_devices[i].minor),
        };
    for (size_t i = 0; i < own; i++) {
        const struct oci_device *c = &p->cfg->linux->devices.v[i];
        struct device_item *d = &mp->devices[mp->n_devices++];
        mode_t kind = c->type[0] == 'b' ? S_IFBLK : c->type[0] == 'p' ? S_IFIFO : S_IFCHR;
        /* Engines pass st_mode, type bits and all. */
        mode_t mode = HAS(c, device, file_mode) ? c->file_mode & 07777u : 0666u;

        if (clean_path(a, c->path, &d->path, e) < 0)
            return err_at(e, "/linux/devices/%zu/path", i);
        d->mode = kind | mode;
        d->dev = kind == S_IFIFO ? 0 : makedev((unsigned)c->major, (unsigned)c->minor);
        d->uid = c->uid;
        d->gid = c->gid;
    }
    return 0;
}

static void look_at_dev(struct mount_plan *mp)
{
    mp->own_dev = true;
    for (unsigned i = 0; i < mp->n; i++) {
        if (str_eq(mp->v[i].dest, "/dev") && mp->v[i].kind == MOUNT_BIND)
            mp->own_dev = false;
        if (str_eq(mp->v[i].dest, "/dev/pts") && str_eq(mp->v[i].type, "devpts"))
            mp->has_devpts = true;
    }
}

static int plan_propagation(struct plan *p, struct err *e)
{
    struct mount_plan *mp = &p->mounts;
    const struct oci_linux *l = p->cfg->linux;
    const char *word;

    if (!l || !HAS(l, linux, rootfs_propagation))
        return 0;
    word = oci_word(propagation, l->rootfs_propagation);
    drop(options_propagation(word, &mp->propagation, &mp->rec_propagation),
         "every word of the vocabulary is one of the option table");
    /* Without a pivot the host's tree stays reachable below; private would not hide it. */
    if (!mp->pivot && p->req->no_pivot && mp->propagation == MS_PRIVATE) {
        refuse(e, EINVAL, "--no-pivot and propagation \"%s\" exclude each other", word);
        return err_at(e, "/linux/rootfsPropagation");
    }
    return 0;
}

int mount_plan(struct plan *p, struct arena *a, struct err *e)
{
    struct mount_plan *mp = &p->mounts;

    mp->rootfs = str_path(a, p->req->bundle, p->cfg->root->path);
    mp->read_only = p->cfg->root->readonly;
    mp->tree = mp->null_fd = -1;
    mp->shared = !(p->ns.fresh & CLONE_NEWNS);
    mp->pivot = !mp->shared && !p->req->no_pivot;
    if (plan_items(p, a, e) < 0)
        return -e->code;
    add_notify(p);
    look_at_dev(mp);
    if (plan_propagation(p, e) < 0)
        return -e->code;
    return plan_devices(p, a, e);
}
