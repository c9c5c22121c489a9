/* SPDX-License-Identifier: Apache-2.0 */
/* Owns file systems that are made new for the container, in init, whose namespaces they show. */
#include "mount/internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

/* FSCONFIG_SET_STRING takes at most 255 characters; a longer value, like the lower directories of
 * an overlay, still fits into mount(2)'s page. */
enum { LONGEST_VALUE = 255, DATA_PAGE = 4096 };

/* "what: the kernel's word (what the file system itself said)" */
static int fs_fail(struct err *e, int fs, int code, const char *type, const char *what)
{
    char said[128];

    sys_fs_message(fs, said, sizeof said);
    fail(e, code, "%s of the %s file system", what, type);
    return said[0] ? err_hint(e, "%s", said) : -e->code;
}

static int configure(int fs, const char *type, const struct mount_data *data, unsigned n,
                     struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        const struct mount_data *d = &data[i];
        int r =
            d->value ? sys_fsconfig_string(fs, d->key, d->value) : sys_fsconfig_flag(fs, d->key);
        char what[96];

        if (r == 0)
            continue;
        snprintf(what, sizeof what, "option \"%.30s%s%.40s\"", d->key, d->value ? "=" : "",
                 d->value ? d->value : "");
        return fs_fail(e, fs, r, type, what);
    }
    return 0;
}

int mount_detached(const char *type, const char *source, const struct mount_data *data, unsigned n,
                   uint64_t attributes, struct err *e)
{
    auto_close int fs = sys_fsopen(type);
    int r;

    if (fs == -ENODEV)
        return refuse(e, ENODEV, "this kernel has no file system of type \"%s\"", type);
    if (fs < 0)
        return fail(e, fs, "open a file system of type %s", type);
    r = source ? sys_fsconfig_string(fs, "source", source) : 0;
    if (r < 0)
        return fs_fail(e, fs, r, type, "source");
    if (configure(fs, type, data, n, e) < 0)
        return -e->code;
    r = sys_fsconfig_create(fs);
    if (r < 0)
        return fs_fail(e, fs, r, type, "creation");
    r = sys_fsmount(fs, (unsigned)attributes);
    return r < 0 ? fs_fail(e, fs, r, type, "mount") : r;
}

static bool needs_old_call(const struct mount_item *m)
{
    for (unsigned i = 0; i < m->n_data; i++)
        if (m->data[i].value && strlen(m->data[i].value) > LONGEST_VALUE)
            return true;
    return m->old_flags != 0;
}

/* What keeps a mount harmless comes with it: by the time it is opened anew for the rest, its place
 * may lead to another one. */
static unsigned long first_flags(const struct mount_item *m)
{
    static const struct {
        uint64_t attribute;
        unsigned long flag;
    } table[] = {
        {MOUNT_ATTR_RDONLY, MS_RDONLY},
        {MOUNT_ATTR_NOSUID, MS_NOSUID},
        {MOUNT_ATTR_NODEV, MS_NODEV},
        {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    };
    unsigned long flags = m->old_flags;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (m->set & table[i].attribute)
            flags |= table[i].flag;
    return flags;
}

/* What only mount(2) can express. The target is named by its descriptor, so this is no less safe;
 * the mount that now covers it is opened anew. */
static int mount_by_old_call(const struct mount_item *m, int target, struct err *e)
{
    char data[DATA_PAGE], path[32];
    size_t used = 0;
    int r;

    data[0] = '\0';
    for (unsigned i = 0; i < m->n_data; i++) {
        const struct mount_data *d = &m->data[i];
        used += (size_t)snprintf(data + used, sizeof data - used, "%s%s%s%s", used ? "," : "",
                                 d->key, d->value ? "=" : "", d->value ? d->value : "");
        if (used >= sizeof data)
            return refuse(e, E2BIG, "the options of the mount on %s exceed a page", m->dest);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", target);
    r = sys_mount_old(m->source, path, m->type, first_flags(m), data);
    return r < 0 ? fail(e, r, "mount %s on %s", m->type, m->dest) : 0;
}

/* sysfs belongs to a network namespace: in a user namespace that does not own the network it
 * cannot be mounted. The host's tree is shown instead, without any way to write
 * (CVE-2023-25809). */
static int host_sysfs(struct err *e)
{
    auto_close int tree = sys_open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | AT_RECURSIVE);
    int r;

    if (tree < 0)
        return fail(e, tree, "copy the host's /sys");
    r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE,
                          -1);
    return r < 0 ? fail(e, r, "make the copy of /sys read-only") : take_fd(&tree);
}

/* The new file system as a detached mount. */
static int make(const struct mount_item *m, struct err *e)
{
    int tree =
        mount_detached(m->type, m->source ? m->source : m->type, m->data, m->n_data, m->set, e);

    if (tree == -EPERM && str_eq(m->type, "sysfs"))
        tree = host_sysfs(e);
    if (tree == -EPERM && str_eq(m->type, "proc"))
        return err_hint(e, "the /proc outside is masked, or the pid namespace is not the "
                           "container's own");
    return tree;
}

static int finish(const struct mount_item *m, int fd, struct err *e)
{
    int r = 0;

    if (m->rec_set || m->rec_clear || m->propagation)
        r = sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, m->rec_set, m->rec_clear,
                              m->propagation, -1);
    return r < 0 ? fail(e, r, "set the options of the mount on %s", m->dest) : 0;
}

/* A tmpfs over a directory that exists takes its mode unless one is given: /tmp stays 1777. */
static void inherit_mode(struct mount_item *m, int target, char *text, size_t size)
{
    struct stat st;

    for (unsigned i = 0; i < m->n_data; i++)
        if (str_eq(m->data[i].key, "mode"))
            return;
    if (sys_fstat(target, &st) < 0)
        return;
    snprintf(text, size, "%o", st.st_mode & 07777u);
    /* options_read left room for one more. */
    m->data[m->n_data++] = (struct mount_data){.key = "mode", .value = text};
}

static int covered_by_old_call(struct ctx *ctx, struct mount_item *m, int target, struct err *e)
{
    auto_close int top = -1;
    int r = mount_by_old_call(m, target, e);

    if (r < 0)
        return r;
    top = root_find(&ctx->root, m->dest);
    if (top < 0)
        return fail(e, top, "open the mount on %s", m->dest);
    r = sys_mount_setattr(top, "", AT_EMPTY_PATH, m->set, m->clear, 0, -1);
    if (r < 0)
        return fail(e, r, "set the options of the mount on %s", m->dest);
    return finish(m, top, e);
}

int mount_new_fs(struct ctx *ctx, struct mount_item *m, struct err *e)
{
    auto_close int target = mount_target(&ctx->root, m, e);
    auto_close int tree = -1;
    char mode[16];

    if (target < 0)
        return target;
    if (str_eq(m->type, "tmpfs"))
        inherit_mode(m, target, mode, sizeof mode);
    if (needs_old_call(m))
        return covered_by_old_call(ctx, m, target, e);
    /* A copy must be able to write before `ro` applies. */
    if (m->copy_up) {
        uint64_t set = m->set;
        m->set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        tree = make(m, e);
        if (tree < 0 || mount_copy_up(target, tree, e) < 0)
            return -e->code;
        m->rec_set |= set & MOUNT_ATTR_RDONLY;
    } else {
        tree = make(m, e);
    }
    if (tree < 0)
        return tree;
    if (finish(m, tree, e) < 0 || mount_attach(tree, target, m, e) < 0)
        return -e->code;
    if (str_eq(m->type, "proc") || str_eq(m->type, "sysfs"))
        m->tree = take_fd(&tree); /* masks are looked up from there */
    return 0;
}
