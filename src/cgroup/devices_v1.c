/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns device rules on cgroup v1: what devices.list will hold after the rules is computed first,
 * as the kernel's own handling silently leaves out what it cannot express. A list that holds
 * already most of it is only corrected, so that a running container is never without its devices.
 */
#include "cgroup/devices.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIST_TEXT = 65536, LINE = 64 };

/* ---- computing ---- */

static bool covers(int64_t wide, int64_t narrow)
{
    return wide == DEV_ANY || wide == narrow;
}

static bool meets(int64_t a, int64_t b)
{
    return a == DEV_ANY || b == DEV_ANY || a == b;
}

static bool same_device(const struct dev_rule *a, const struct dev_rule *b)
{
    return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool is_within(const struct dev_rule *r, const struct dev_rule *wide)
{
    return r->type == wide->type && covers(wide->major, r->major) && covers(wide->minor, r->minor);
}

static bool overlaps(const struct dev_rule *a, const struct dev_rule *b)
{
    return a->type == b->type && meets(a->major, b->major) && meets(a->minor, b->minor) &&
           (a->access & b->access);
}

static void add_exception(struct dev_list *l, const struct dev_rule *r)
{
    for (size_t i = 0; i < l->n; i++)
        if (same_device(&l->v[i], r)) {
            l->v[i].access |= r->access;
            return;
        }
    l->v[l->n++] = *r;
}

/* Back to the default for these devices. An exception wider than the rule stays a wall. */
static bool remove_exceptions(struct dev_list *l, const struct dev_rule *r)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct dev_rule *x = &l->v[i];
        if (overlaps(x, r)) {
            if (!is_within(x, r))
                return false;
            x->access &= ~r->access;
        }
        if (x->access)
            l->v[n++] = *x;
    }
    l->n = n;
    return true;
}

static int no_hole(const struct dev_rule *r, struct err *e)
{
    refuse(e, EINVAL,
           "cgroup v1 cannot %s a device that an earlier rule %s as one of many (rule %s%d)",
           r->allow ? "allow" : "deny", r->allow ? "denies" : "allows",
           r->index < 0 ? "of the default devices " : "", r->index);
    err_hint(e, "list the devices one by one, or deny all first");
    if (r->index < 0)
        return err_at(e, "/linux/resources/devices");
    return err_at(e, "/linux/resources/devices/%d", r->index);
}

static int add_rule(struct dev_list *l, const struct dev_rule *r, struct err *e)
{
    if (r->allow != l->all)
        add_exception(l, r);
    else if (!remove_exceptions(l, r))
        return no_hole(r, e);
    return 0;
}

/* The kernel's "a" always means all of all: a narrower rule for both types becomes two. */
static int add_both(struct dev_list *l, const struct dev_rule *r, struct err *e)
{
    struct dev_rule of_type = *r;
    int done;

    of_type.type = 'b';
    done = add_rule(l, &of_type, e);
    of_type.type = 'c';
    return done < 0 ? done : add_rule(l, &of_type, e);
}

int devices_list(struct arena *a, const struct dev_rules *rules, struct dev_list *out,
                 struct err *e)
{
    *out = (struct dev_list){.v = arena_array(a, 2 * rules->n + 1, sizeof *out->v)};
    for (size_t i = 0; i < rules->n; i++) {
        const struct dev_rule *r = &rules->v[i];
        int done = 0;
        if (dev_is_everything(r)) {
            out->all = r->allow;
            out->n = 0;
        } else if (r->type == 'a') {
            done = add_both(out, r, e);
        } else {
            done = add_rule(out, r, e);
        }
        if (done < 0)
            return done;
    }
    return 0;
}

/* ---- text ---- */

static const char *number(int64_t n, char buf[24])
{
    if (n == DEV_ANY)
        return "*";
    snprintf(buf, 24, "%lld", (long long)n);
    return buf;
}

static void line_of(const struct dev_rule *r, unsigned access, char line[LINE])
{
    char major[24], minor[24];

    snprintf(line, LINE, "%c %s:%s %s%s%s", r->type, number(r->major, major),
             number(r->minor, minor), access & DEV_READ ? "r" : "", access & DEV_WRITE ? "w" : "",
             access & DEV_MKNOD ? "m" : "");
}

static int parse_number(const char *text, int64_t *out)
{
    uint32_t n;

    *out = DEV_ANY;
    if (str_eq(text, "*"))
        return 0;
    if (num_u32(text, &n) < 0)
        return -EINVAL;
    *out = n;
    return 0;
}

/* "c 1:3 rwm". In place. */
static int parse_line(char *line, struct dev_rule *r)
{
    char *type = strsep(&line, " "), *major = strsep(&line, ":"), *minor = strsep(&line, " ");

    if (!line || strlen(type) != 1 || parse_number(major, &r->major) < 0 ||
        parse_number(minor, &r->minor) < 0)
        return -EINVAL;
    r->type = *type;
    r->access = (strchr(line, 'r') ? DEV_READ : 0u) | (strchr(line, 'w') ? DEV_WRITE : 0u) |
                (strchr(line, 'm') ? DEV_MKNOD : 0u);
    return 0;
}

int devices_parse_list(struct arena *a, const char *text, struct dev_list *out)
{
    char *rest = str_dup(a, text), *line;
    size_t room = 1;

    for (const char *p = text; (p = strchr(p, '\n')); p++)
        room++;
    *out = (struct dev_list){.v = arena_array(a, room, sizeof *out->v)};
    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        if (parse_line(line, &out->v[out->n]) < 0)
            return -EINVAL;
        if (out->v[out->n].type == 'a')
            out->all = true; /* its exceptions are not shown */
        else
            out->n++;
    }
    return 0;
}

/* ---- writing ---- */

struct writer {
    int allow, deny; /* open files */
};

static int put(int fd, const struct dev_rule *r, unsigned access)
{
    char line[LINE];
    ssize_t n;

    line_of(r, access, line);
    n = sys_write(fd, line, strlen(line));
    return n < 0 ? (int)n : 0;
}

static unsigned access_in(const struct dev_list *l, const struct dev_rule *r)
{
    for (size_t i = 0; i < l->n; i++)
        if (same_device(&l->v[i], r))
            return l->v[i].access;
    return 0;
}

/* What is in `to` and not in `from` goes to fd. */
static int put_missing(int fd, const struct dev_list *to, const struct dev_list *from)
{
    for (size_t i = 0; i < to->n; i++) {
        unsigned access = to->v[i].access & ~access_in(from, &to->v[i]);
        int r = access ? put(fd, &to->v[i], access) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_all(const struct writer *w, bool allow)
{
    ssize_t n = sys_write(allow ? w->allow : w->deny, "a", 1);

    return n < 0 ? (int)n : 0;
}

/* from NULL: unknown, start over. */
static int go(const struct writer *w, const struct dev_list *from, const struct dev_list *to)
{
    static const struct dev_list nothing;
    int r;

    if (from && !from->all && !to->all) {
        r = put_missing(w->allow, to, from);
        return r < 0 ? r : put_missing(w->deny, from, to);
    }
    r = put_all(w, to->all);
    return r < 0 ? r : put_missing(to->all ? w->deny : w->allow, to, &nothing);
}

static int read_list(const struct hier *h, struct arena *a, struct dev_list *out)
{
    char *text = arena_alloc(a, LIST_TEXT);
    int r = cg_read(h->fd, "devices.list", text, LIST_TEXT);

    return r < 0 ? r : devices_parse_list(a, text, out);
}

static int write_list(const struct hier *h, struct arena *a, const struct dev_list *to, bool fresh,
                      struct err *e)
{
    auto_close int allow = sys_open(h->fd, "devices.allow", O_WRONLY, 0);
    auto_close int deny = sys_open(h->fd, "devices.deny", O_WRONLY, 0);
    struct writer w = {allow, deny};
    struct dev_list now = {0};
    int r;

    if (allow < 0 || deny < 0)
        return fail(e, allow < 0 ? allow : deny, "open devices.allow and devices.deny of %s",
                    h->path);
    r = fresh ? 0 : read_list(h, a, &now);
    if (r == 0)
        r = go(&w, fresh ? NULL : &now, to);
    if (r == 0)
        return 0;
    if (!fresh)
        drop(go(&w, NULL, &now), "the reason is the failure before");
    return fail(e, r, "set the device rules of cgroup %s", h->path);
}

int devices_set_v1(const struct cgroup *cg, const struct hier *h, const struct oci_resources *r,
                   bool fresh, struct err *e)
{
    struct arena a = {0};
    struct dev_rules rules;
    struct dev_list to;
    int done = devices_rules(&a, r, &rules, e);

    (void)cg;
    if (done == 0)
        done = devices_list(&a, &rules, &to, e);
    if (done == 0)
        done = write_list(h, &a, &to, fresh, e);
    arena_free(&a);
    return done < 0 ? err_at(e, "/linux/resources/devices") : 0;
}
