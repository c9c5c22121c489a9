/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the line that a container's record keeps about its cgroup:
 *   FLAGS HIERARCHY...    with HIERARCHY = KIND:CTLS:THERE:INO:MOUNT:PATH:OPTIONS
 * Strings have '%', ':', blanks and control characters as %XX. Later processes kill and remove by
 * this line, so it is checked like any foreign input.
 */
#include "cgroup/kind.h"
#include "cgroup/scope.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static const struct cg_kind *const kinds[] = {&kind_v1, &kind_v2};
static const struct manager *const managers[] = {&manager_fs, &manager_systemd};

static const char *escape(struct arena *a, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    char *out = arena_array(a, strlen(s) + 1, 3), *p = out;

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c > ' ' && c != '%' && c != ':' && c != 0x7f) {
            *p++ = (char)c;
        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    *p = '\0';
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. */
static bool unescape(char *s)
{
    char *out = s;

    while (*s) {
        if (*s != '%') {
            *out++ = *s++;
            continue;
        }
        if (hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
            return false;
        *out = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
        if (!*out++)
            return false;
        s += 3;
    }
    *out = '\0';
    return true;
}

static const char *save_hier(struct arena *a, const char *before, const struct hier *h)
{
    return str_fmt(a, "%s %s:%u:%zu:%llu:%s:%s:%s", before, h->kind->name, h->ctls, h->there,
                   (unsigned long long)h->ino, escape(a, h->mount), escape(a, h->path),
                   escape(a, h->options));
}

int cgroup_save(const struct cgroup *cg, struct arena *a, char **text)
{
    const char *out =
        str_fmt(a, "%s%s%s%s", cg->manager->name, cg->unprivileged ? "+unprivileged" : "",
                cg->explicit ? "+explicit" : "", cg->scope && cg->scope->user ? "+user" : "");

    for (unsigned i = 0; i < cg->n; i++)
        if (!cg->h[i].skipped)
            out = save_hier(a, out, &cg->h[i]);
    *text = str_dup(a, out);
    return 0;
}

/* Absolute, without empty components, "." and "..". */
static bool is_plain_path(const char *p)
{
    if (*p != '/')
        return false;
    while (*p == '/') {
        size_t n = strcspn(++p, "/");
        if (!n || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
    }
    return true;
}

static bool is_hier_sound(const struct hier *h)
{
    size_t mount = strlen(h->mount), path = strlen(h->path);

    return is_plain_path(h->mount) && is_plain_path(h->path) && path > mount && path < CG_PATH &&
           strncmp(h->path, h->mount, mount) == 0 && h->path[mount] == '/' && h->there >= mount &&
           h->there <= path && (h->path[h->there] == '/' || h->path[h->there] == '\0') &&
           h->ctls < BIT(CTLS);
}

static const struct cg_kind *kind_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(name, kinds[i]->name))
            return kinds[i];
    return NULL;
}

enum { R_KIND, R_CTLS, R_THERE, R_INO, R_MOUNT, R_PATH, R_OPTIONS, R_FIELDS };

static bool split_hier(char *text, char *field[R_FIELDS])
{
    for (int i = 0; i < R_FIELDS; i++) {
        if (!text)
            return false;
        field[i] = strsep(&text, ":");
        if (!unescape(field[i]))
            return false;
    }
    return text == NULL;
}

static bool load_hier(char *text, struct hier *h)
{
    char *f[R_FIELDS];
    uint64_t there;

    if (!split_hier(text, f))
        return false;
    *h = (struct hier){.kind = kind_by_name(f[R_KIND]),
                       .mount = f[R_MOUNT],
                       .path = f[R_PATH],
                       .options = f[R_OPTIONS],
                       .fd = -1,
                       .tasks = -1};
    if (!h->kind || num_u32(f[R_CTLS], &h->ctls) < 0 || num_u64(f[R_THERE], &there) < 0 ||
        num_u64(f[R_INO], &h->ino) < 0)
        return false;
    h->there = there;
    return is_hier_sound(h);
}

static bool load_flags(char *word, struct cgroup *cg, bool *user)
{
    const char *manager = strsep(&word, "+"), *flag;

    for (size_t i = 0; i < sizeof managers / sizeof *managers; i++)
        if (str_eq(manager, managers[i]->name))
            cg->manager = managers[i];
    if (!cg->manager)
        return false;
    while ((flag = strsep(&word, "+"))) {
        if (str_eq(flag, "unprivileged"))
            cg->unprivileged = true;
        else if (str_eq(flag, "explicit"))
            cg->explicit = true;
        else if (str_eq(flag, "user"))
            *user = true;
        else
            return false;
    }
    return true;
}

static bool load(struct arena *a, char *text, struct cgroup *cg)
{
    char *word = strsep(&text, " ");
    bool user = false;

    if (!load_flags(word, cg, &user))
        return false;
    while ((word = strsep(&text, " "))) {
        if (cg->n == HIERS || !load_hier(word, &cg->h[cg->n]))
            return false;
        cg->n++;
    }
    if (cg->manager == &manager_systemd && cg->n)
        cg->scope = scope_of_path(a, cg->h[0].path, user);
    return cg->manager != &manager_systemd || cg->scope;
}

int cgroup_load(struct arena *a, const char *text, struct cgroup **out, struct err *e)
{
    struct cgroup *cg = arena_new(a, struct cgroup);

    if (!load(a, str_dup(a, text), cg))
        return refuse(e, EINVAL, "the container's record of its cgroup is damaged: %.200s", text);
    *out = cg;
    return 0;
}
