/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns finding the hierarchies. On v2 alone one statfs answers. Otherwise /proc/self/cgroup says
 * which hierarchies there are; each is looked for where everybody mounts it, by its name. Only what
 * is not there is looked up in mountinfo, which the kernel writes out for each reader anew, a line
 * for each mount of a host that may have thousands.
 */
#include "cgroup/layout.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* CGROUP_NS_INIT_INO of linux/nsfs.h */
#define FIRST_NAMESPACE "cgroup:[4026531835]"

enum { OWN_TEXT = 16384 };

/* Controllers that v2 handles where v1 has not taken them. */
#define V2_CTLS                                                                                    \
    (BIT(CTL_CPU) | BIT(CTL_CPUSET) | BIT(CTL_MEMORY) | BIT(CTL_IO) | BIT(CTL_PIDS) |              \
     BIT(CTL_DEVICES) | BIT(CTL_FREEZER) | BIT(CTL_HUGETLB) | BIT(CTL_RDMA) | BIT(CTL_MISC) |      \
     BIT(CTL_DMEM))

static const char *next_word(const char *list, const char *sep, size_t *len)
{
    list += strspn(list, sep);
    *len = strcspn(list, sep);
    return *len ? list : NULL;
}

static unsigned list_ctls(const char *list)
{
    unsigned found = 0;
    size_t len;

    for (const char *w = list; (w = next_word(w, ",", &len)); w += len) {
        int c = ctl_find(&kind_v1, w, len);
        if (c >= 0)
            found |= BIT(c);
    }
    return found;
}

/* "9:name=systemd:/x", "4:cpu,cpuacct:/x", "0::/x" */
static int add_own_line(struct arena *a, struct layout *l, const char *line, size_t len)
{
    const char *list = memchr(line, ':', len), *path, *end = line + len;
    struct mounted *m = &l->v[l->n];

    if (!list || l->n == HIERS)
        return -EINVAL;
    list++;
    path = memchr(list, ':', (size_t)(end - list));
    if (!path || path + 1 >= end || path[1] != '/')
        return -EINVAL;
    m->options = str_ndup(a, list, (size_t)(path - list));
    m->own = str_ndup(a, path + 1, (size_t)(end - path - 1));
    m->kind = path == list ? &kind_v2 : &kind_v1;
    m->ctls = list_ctls(m->options);
    l->n++;
    return 0;
}

int layout_add_own(struct arena *a, struct layout *l, const char *text)
{
    unsigned taken = 0;
    size_t len;

    for (const char *line = text; (line = next_word(line, "\n", &len)); line += len) {
        int r = add_own_line(a, l, line, len);
        if (r < 0)
            return r;
    }
    for (unsigned i = 0; i < l->n; i++)
        taken |= l->v[i].ctls;
    for (unsigned i = 0; i < l->n; i++)
        if (l->v[i].kind == &kind_v2)
            l->v[i].ctls = V2_CTLS & ~taken;
    return 0;
}

/* mountinfo writes blanks, tabs, line breaks and backslashes as three octal digits. In place. */
static void unescape(char *s)
{
    char *out = s;

    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *out++ = *s++;
        }
    }
    *out = '\0';
}

enum { F_ID, F_PARENT, F_DEV, F_ROOT, F_POINT, F_OPTIONS, FIELDS };

static bool split_line(char *line, char *field[FIELDS], char **type, char **super)
{
    char *save, *sep = strstr(line, " - ");

    if (!sep)
        return false;
    *sep = '\0';
    *type = strtok_r(sep + 3, " ", &save);
    if (!*type || !strtok_r(NULL, " ", &save))
        return false;
    *super = strtok_r(NULL, " ", &save);
    for (int i = 0; i < FIELDS; i++) {
        field[i] = strtok_r(i ? NULL : line, " ", &save);
        if (!field[i])
            return false;
    }
    return *super != NULL;
}

static bool has_option(const char *options, const char *word, size_t len)
{
    size_t n;

    for (const char *w = options; (w = next_word(w, ",", &n)); w += n)
        if (n == len && memcmp(w, word, len) == 0)
            return true;
    return false;
}

/* A v1 mount belongs to the hierarchy all of whose words it carries. */
static bool mounts_hierarchy(const struct mounted *m, const char *type, const char *super)
{
    size_t len;

    if (m->kind == &kind_v2)
        return str_eq(type, "cgroup2");
    if (!str_eq(type, "cgroup") || !*m->options)
        return false;
    for (const char *w = m->options; (w = next_word(w, ",", &len)); w += len)
        if (!has_option(super, w, len))
            return false;
    return true;
}

static int parse_dev(char *text, uint64_t *dev)
{
    char *minor = strchr(text, ':');
    uint32_t ma, mi;

    if (!minor)
        return -EINVAL;
    *minor++ = '\0';
    if (num_u32(text, &ma) < 0 || num_u32(minor, &mi) < 0)
        return -EINVAL;
    *dev = makedev(ma, mi);
    return 0;
}

struct mounted *layout_add_mount(struct arena *a, struct layout *l, char *line)
{
    char *field[FIELDS], *type, *super;
    uint64_t dev;

    if (!strstr(line, " - cgroup") || !split_line(line, field, &type, &super))
        return NULL;
    for (unsigned i = 0; i < l->n; i++) {
        struct mounted *m = &l->v[i];
        if (m->mount || !mounts_hierarchy(m, type, super))
            continue;
        if (parse_dev(field[F_DEV], &dev) < 0)
            return NULL;
        unescape(field[F_ROOT]);
        unescape(field[F_POINT]);
        m->dev = dev;
        m->root = str_dup(a, field[F_ROOT]);
        m->mount = str_dup(a, field[F_POINT]);
        return m;
    }
    return NULL;
}

/* Another mount may cover this one: only what is seen at the path counts. */
static void check_seen(struct mounted *m)
{
    struct stat st;

    if (sys_stat(AT_FDCWD, m->mount, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != m->dev)
        m->mount = NULL;
}

/* Is `dir` the root of a whole hierarchy? On v1 one file is in no other cgroup, on v2 one is in
 * every other: cgroups(7), Documentation/admin-guide/cgroup-v2.rst. */
static bool is_root(struct arena *a, const struct mounted *m, const char *dir)
{
    long magic;

    if (m->kind == &kind_v1)
        return sys_path_fs_type(str_path(a, dir, "release_agent"), &magic) == 0 &&
               magic == CGROUP_SUPER_MAGIC;
    return sys_path_fs_type(dir, &magic) == 0 && magic == CGROUP2_SUPER_MAGIC &&
           sys_path_fs_type(str_path(a, dir, "cgroup.events"), &magic) == -ENOENT;
}

/* Elsewhere a path of /proc/self/cgroup begins at the namespace's root and not at the hierarchy's,
 * and mountinfo alone says how a mount and that root lie to each other. */
static bool in_first_namespace(void)
{
    char link[64];

    return sys_readlink(AT_FDCWD, "/proc/self/ns/cgroup", link, sizeof link) < 0 ||
           str_eq(link, FIRST_NAMESPACE);
}

/* /sys/fs/cgroup/cpu,cpuacct, .../systemd, .../unified; not a link to another name. */
static void look_by_name(struct arena *a, struct mounted *m)
{
    const char *word = m->kind == &kind_v2 ? "unified" : m->options;
    const char *dir = str_path(a, CGROUP_ROOT, str_starts(word, "name=") ? word + 5 : word);
    struct stat st;

    if (!is_root(a, m, dir) || sys_stat(AT_FDCWD, dir, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISDIR(st.st_mode))
        return;
    m->dev = st.st_dev;
    m->root = "/";
    m->mount = dir;
}

/* Two names for one hierarchy tell nothing. */
static void drop_twins(struct layout *l)
{
    for (unsigned i = 0; i < l->n; i++)
        for (unsigned j = 0; j < i; j++)
            if (l->v[i].mount && l->v[j].mount && l->v[i].dev == l->v[j].dev)
                l->v[i].mount = l->v[j].mount = NULL;
}

/* Where all of v1 is at its places, a v2 beside it that is not at its own is looked for only if a
 * limit needs it: the container is a cgroup of v1 then. */
static bool found_by_name(struct arena *a, struct layout *l, unsigned wanted)
{
    unsigned v1 = 0, found = 0, ctls = 0;

    if (!in_first_namespace())
        return false;
    for (unsigned i = 0; i < l->n; i++)
        look_by_name(a, &l->v[i]);
    drop_twins(l);
    for (unsigned i = 0; i < l->n; i++) {
        bool is_v1 = l->v[i].kind == &kind_v1, there = l->v[i].mount != NULL;
        v1 += is_v1;
        found += is_v1 && there;
        ctls |= there ? l->v[i].ctls : 0;
    }
    return v1 && found == v1 && !(wanted & ~ctls);
}

static bool all_found(const struct layout *l)
{
    for (unsigned i = 0; i < l->n; i++)
        if (!l->v[i].mount)
            return false;
    return true;
}

static void add_mount_line(struct arena *a, struct layout *l, char *line)
{
    struct mounted *m = layout_add_mount(a, l, line);

    if (m)
        check_seen(m);
}

static int read_mounts(struct arena *a, struct layout *l, struct err *e)
{
    auto_close int fd = sys_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
    char buf[8192];
    size_t have = 0;
    ssize_t r;

    if (fd < 0)
        return fail(e, fd, "open /proc/self/mountinfo");
    while (!all_found(l) && (r = sys_read(fd, buf + have, sizeof buf - 1 - have)) != 0) {
        char *line = buf, *end;
        if (r < 0)
            return fail(e, (int)r, "read /proc/self/mountinfo");
        have += (size_t)r;
        buf[have] = '\0';
        for (; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            add_mount_line(a, l, line);
        }
        have -= (size_t)(line - buf);
        memmove(buf, line, have);
        if (have == sizeof buf - 1)
            have = 0; /* no cgroup mount has such a line */
    }
    return 0;
}

int layout_read_own(struct arena *a, struct layout *l, struct err *e)
{
    struct layout all = {0};
    char *buf = arena_alloc(a, OWN_TEXT);
    int r = cg_read(AT_FDCWD, "/proc/self/cgroup", buf, OWN_TEXT);

    if (r < 0)
        return fail(e, r, "read /proc/self/cgroup");
    if (layout_add_own(a, &all, buf) < 0)
        return refuse(e, EINVAL, "/proc/self/cgroup is not in the form of cgroups(7)");
    for (unsigned i = 0; i < l->n; i++)
        for (unsigned j = 0; j < all.n; j++)
            if (all.v[j].kind == l->v[i].kind && str_eq(all.v[j].options, l->v[i].options))
                l->v[i].own = all.v[j].own;
    if (!l->n)
        *l = all;
    return 0;
}

static void drop_unmounted(struct layout *l)
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->n; i++)
        if (l->v[i].mount)
            l->v[n++] = l->v[i];
    l->n = n;
}

int layout_find(struct arena *a, struct layout *l, unsigned wanted, struct err *e)
{
    long magic;
    int r;

    l->n = 0;
    if (sys_path_fs_type(CGROUP_ROOT, &magic) == 0 && magic == CGROUP2_SUPER_MAGIC) {
        l->n = 1;
        l->v[0] = (struct mounted){
            .kind = &kind_v2, .ctls = V2_CTLS, .options = "", .mount = CGROUP_ROOT, .root = "/"};
        return 0;
    }
    r = layout_read_own(a, l, e);
    if (r == 0 && !found_by_name(a, l, wanted))
        r = read_mounts(a, l, e);
    if (r == 0)
        drop_unmounted(l);
    return r;
}

const char *layout_own_dir(struct arena *a, const struct mounted *m)
{
    size_t n = str_eq(m->root, "/") ? 0 : strlen(m->root);
    const char *below;

    if (!m->own || str_has_dotdot(m->own) || strncmp(m->own, m->root, n) != 0)
        return m->mount;
    below = m->own + n;
    if (*below != '/' || !below[1])
        return m->mount;
    return str_path(a, m->mount, below + 1);
}
