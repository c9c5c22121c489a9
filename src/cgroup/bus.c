/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the conversation with rt-systemd: starting it, requests, answers, what an error means. */
#include "cgroup/bus.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef RT_LIBEXECDIR
#define RT_LIBEXECDIR "/usr/libexec/rt"
#endif

enum { ANSWER_MAX = 128 * 1024 };

/* ---- requests ---- */

static void reserve(struct lines *l, size_t n)
{
    size_t room = (l->room ? l->room * 2 : 1024) + n;
    char *text;

    if (l->len + n < l->room)
        return;
    text = arena_alloc(l->a, room);
    if (l->len)
        memcpy(text, l->text, l->len);
    l->text = text;
    l->room = room;
}

void lines_append(struct lines *l, const char *text)
{
    size_t n = strlen(text);

    reserve(l, n + 1);
    memcpy(l->text + l->len, text, n + 1);
    l->len += n;
}

void lines_add(struct lines *l, const char *format, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    lines_append(l, line);
    lines_append(l, "\n");
}

void lines_string(struct lines *l, char type, const char *s)
{
    char *out;

    reserve(l, 3 * strlen(s) + 4);
    out = l->text + l->len;
    *out++ = type;
    *out++ = ' ';
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == '%')
            out += sprintf(out, "%%%02x", (unsigned char)*s);
        else
            *out++ = *s;
    *out++ = '\n';
    *out = '\0';
    l->len = (size_t)(out - l->text);
}

void lines_property(struct lines *l, const char *name, const char *signature)
{
    lines_add(l, "r sv");
    lines_string(l, 's', name);
    lines_add(l, "v %s", signature);
}

void lines_property_end(struct lines *l)
{
    lines_append(l, ".\n.\n");
}

/* ---- the program ---- */

static bool is_program(const char *path)
{
    struct stat st;

    return sys_stat(AT_FDCWD, path, &st, 0) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

const char *bus_program(struct arena *a)
{
    static const char *const beside[] = {"/rt-systemd", "/../libexec/rt/rt-systemd"};
    const char *installed = RT_LIBEXECDIR "/rt-systemd";
    char own[4096], *slash;

    if (sys_readlink(AT_FDCWD, "/proc/self/exe", own, sizeof own) > 0 &&
        (slash = strrchr(own, '/'))) {
        *slash = '\0';
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            const char *path = str_fmt(a, "%s%s", own, beside[i]);
            if (is_program(path))
                return path;
        }
    }
    return is_program(installed) ? installed : NULL;
}

/* ---- answers ---- */

static const struct meaning {
    const char *name; /* its last word */
    int code;
    const char *hint;
} meanings[] = {
    {"UnitExists", EEXIST, "see systemctl status; another container or service has that name"},
    {"NoSuchUnit", ENOENT, ""},
    {"AccessDenied", EACCES, "the system's systemd obeys root; without root use the user's own"},
    {"InteractiveAuthorizationRequired", EACCES, "the system's systemd obeys root"},
    {"UnknownProperty", EINVAL, "this systemd is too old for the property"},
    {"PropertyReadOnly", EINVAL, "this systemd is too old to take the property"},
    {"InvalidArgs", EINVAL, ""},
    {"LimitsExceeded", EAGAIN, "systemd takes no more requests for the moment"},
    {"Lost", ECONNRESET, "is systemd being restarted?"},
    {"TimedOut", ETIMEDOUT, "systemd is busy; see systemctl list-jobs"},
    {"Job", EIO, "see the journal of systemd"},
};

static const struct meaning *meaning_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof meanings / sizeof *meanings; i++)
        if (str_eq(dot + 1, meanings[i].name))
            return &meanings[i];
    return NULL;
}

/* "error NAME\nTEXT" */
static int explain(struct bus *b, char *answer, struct err *e)
{
    char *text = answer, *first = strsep(&text, "\n");
    const char *name = strchr(first, ' ');
    const struct meaning *m;

    name = name ? name + 1 : "";
    snprintf(b->error, sizeof b->error, "%s", name);
    m = meaning_of(name);
    refuse(e, m ? m->code : EIO, "systemd: %s", text ? text : first);
    if (m && *m->hint)
        err_hint(e, "%s", m->hint);
    return m ? -m->code : -EIO;
}

static int lost(struct bus *b, struct err *e)
{
    snprintf(b->error, sizeof b->error, "rt.Lost");
    refuse(e, ECONNRESET, "the connection to systemd was lost");
    err_hint(e, "is systemd being restarted?");
    return -ECONNRESET;
}

static int hear(struct bus *b, struct arena *a, const char **answer, struct err *e)
{
    char *buf = arena_alloc(a, ANSWER_MAX);
    ssize_t n = sys_read(b->sock, buf, ANSWER_MAX - 1);

    if (n <= 0)
        return lost(b, e);
    if (!str_starts(buf, "ok\n"))
        return explain(b, buf, e);
    if (answer)
        *answer = buf + 3;
    return 0;
}

/* ---- the conversation ---- */

int bus_open(struct bus *b, const char *program, bool user, struct err *e)
{
    char own[] = "rt-systemd", system[] = "system", of_user[] = "user";
    char *argv[] = {own, user ? of_user : system, NULL};
    struct arena scratch = {0};
    int r;

    *b = (struct bus)BUS_CLOSED;
    if (!program) {
        refuse(e, ENOENT, "the program rt-systemd, which talks to systemd, is not installed");
        return err_hint(e, "install it, or use --cgroup-manager cgroupfs");
    }
    r = sys_spawn_peer(program, argv, &b->sock, &b->pid);
    if (r < 0)
        return fail(e, r, "run %s", program);
    r = hear(b, &scratch, NULL, e);
    arena_free(&scratch);
    if (r < 0) {
        bus_close(b);
        err_hint(e, "%s",
                 user ? "a user's systemd and XDG_RUNTIME_DIR are needed: log in, or loginctl "
                        "enable-linger; or use --cgroup-manager cgroupfs"
                      : "is systemd process 1 here? otherwise use --cgroup-manager cgroupfs");
    }
    return r;
}

int bus_call(struct bus *b, struct arena *a, const char *request, const char **answer,
             struct err *e)
{
    ssize_t r;

    b->error[0] = '\0';
    r = sys_send_fd(b->sock, request, strlen(request), -1);
    if (r < 0)
        return lost(b, e);
    return hear(b, a, answer, e);
}

void bus_close(struct bus *b)
{
    if (b->sock < 0)
        return;
    fd_close(&b->sock);
    drop(sys_wait_pid(b->pid, NULL, 0), "it ends with its socket");
}
