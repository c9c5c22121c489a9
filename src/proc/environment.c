/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the environment of the program: the list of config.json, what systemd's protocols add to it
 * (sd_listen_fds(3), sd_notify(3)), and HOME.
 */
#include "proc/internal.h"
#include "proc/proc.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "fs/root.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum {
    EXTRA = 5, /* LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES, NOTIFY_SOCKET, HOME */
    PID_ROOM = sizeof "LISTEN_PID=" + 11,
    LONGEST_LINE = 4096,     /* of /etc/passwd; longer ones are passed over */
    LARGEST_PASSWD = 4 << 20 /* a container may put anything there */
};

/* ---- the list ---- */

/* Entries by name, open addressing; `size` is a power of two and more than what goes in. */
struct names {
    const char **v;
    size_t size;
};

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static size_t hash(const char *s, size_t n)
{
    size_t h = 5381;

    while (n--)
        h = h * 33 + (unsigned char)*s++;
    return h;
}

/* True when the name was not there yet. */
static bool add_name(struct names *names, const char *entry)
{
    size_t n = name_length(entry), at = hash(entry, n) & (names->size - 1);

    for (; names->v[at]; at = (at + 1) & (names->size - 1))
        if (name_length(names->v[at]) == n && memcmp(names->v[at], entry, n) == 0)
            return false;
    names->v[at] = entry;
    return true;
}

static struct names make_names(struct arena *a, size_t n)
{
    struct names names = {.size = 16};

    while (names.size < 2 * n)
        names.size *= 2;
    names.v = arena_array(a, names.size, sizeof *names.v);
    return names;
}

/* Keep the last entry of each name where it stands, as a shell that exports them one by one would
 * leave the values. `env` becomes shorter; returns its length. */
static size_t drop_earlier(const char **env, size_t n, struct arena *a)
{
    struct names names = make_names(a, n);
    size_t kept = n;

    for (size_t i = n; i-- > 0;)
        if (add_name(&names, env[i]))
            env[--kept] = env[i];
    memmove(env, env + kept, (n - kept) * sizeof *env);
    return n - kept;
}

static bool is_home(const char *entry)
{
    return str_starts(entry, "HOME=") && entry[5] != '\0';
}

static size_t add_sockets(struct plan *p, struct arena *a, const char **env, size_t n)
{
    const struct request *req = p->req;

    if (req->listen_fds > 0) {
        p->process.listen_pid = arena_alloc(a, PID_ROOM);
        snprintf(p->process.listen_pid, PID_ROOM, "LISTEN_PID=1");
        env[n++] = str_fmt(a, "LISTEN_FDS=%d", req->listen_fds);
        env[n++] = p->process.listen_pid;
        if (req->listen_fdnames)
            env[n++] = str_fmt(a, "LISTEN_FDNAMES=%s", req->listen_fdnames);
    }
    if (req->notify_socket)
        env[n++] = "NOTIFY_SOCKET=" PROC_NOTIFY_SOCKET;
    return n;
}

void environment_build(struct plan *p, struct arena *a)
{
    const struct oci_strs *given = &p->process.cfg->env;
    const char **env = arena_array(a, given->n + EXTRA + 1, sizeof *env);
    size_t n = 0;

    p->process.needs_home = true;
    for (size_t i = 0; i < given->n; i++) {
        if (str_starts(given->v[i], "HOME="))
            p->process.needs_home = !is_home(given->v[i]);
        env[n++] = given->v[i];
    }
    n = add_sockets(p, a, env, n);
    if (p->process.needs_home) {
        p->process.home = arena_alloc(a, sizeof "HOME=" + PATH_MAX);
        strcpy(p->process.home, "HOME=/");
        env[n++] = p->process.home;
    }
    n = drop_earlier(env, n, a);
    env[n] = NULL;
    p->process.env = env;
}

const char *environment_get(const char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

/* ---- HOME ---- */

/* name:password:uid:gid:comment:home:shell. The home of a line of that uid, or NULL. Cuts line. */
static const char *home_in(char *line, uid_t uid)
{
    char *field[7] = {0};
    uint32_t number;
    unsigned n = 0;

    for (char *rest = line; rest && n < 7;)
        field[n++] = strsep(&rest, ":");
    if (n < 6 || num_u32(field[2], &number) < 0 || number != uid)
        return NULL;
    return field[5];
}

/* The lines of a file of unknown goodness, through a buffer of one line. */
struct lines {
    int fd;
    size_t used, total;
    bool passing; /* the rest of an overlong line */
    char buf[LONGEST_LINE];
};

/* Take the first line out of the buffer into `line`. */
static bool cut_line(struct lines *in, char *line)
{
    char *end = memchr(in->buf, '\n', in->used);
    size_t n;

    if (!end)
        return false;
    n = (size_t)(end - in->buf);
    memcpy(line, in->buf, n);
    line[n] = '\0';
    in->used -= n + 1;
    memmove(in->buf, end + 1, in->used);
    return true;
}

static bool next_line(struct lines *in, char *line)
{
    for (;;) {
        ssize_t got;
        if (cut_line(in, line)) {
            if (!in->passing)
                return true;
            in->passing = false;
            continue;
        }
        if (in->used == sizeof in->buf) {
            in->passing = true;
            in->used = 0;
        }
        got = in->total < LARGEST_PASSWD
                  ? sys_read(in->fd, in->buf + in->used, sizeof in->buf - in->used)
                  : 0;
        if (got <= 0)
            break;
        in->used += (size_t)got;
        in->total += (size_t)got;
    }
    /* The last line may lack its end. */
    if (in->used == 0 || in->passing || in->used == sizeof in->buf)
        return false;
    memcpy(line, in->buf, in->used);
    line[in->used] = '\0';
    in->used = 0;
    return true;
}

static void find_home(uid_t uid, char *home)
{
    auto_close int root_fd = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    const struct root root = {.fd = root_fd};
    /* Not to wait for a pipe that the image may have put there. */
    auto_close int fd = root_open(&root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    struct lines in = {.fd = fd};
    char line[LONGEST_LINE + 1];
    struct stat st;

    if (fd < 0 || sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    while (next_line(&in, line)) {
        const char *found = home_in(line, uid);
        if (!found)
            continue;
        if (found[0] == '/' && strlen(found) < PATH_MAX)
            strcpy(home, found);
        return;
    }
}

int step_finish_environment(struct ctx *ctx, struct err *e)
{
    const struct process_plan *process = &ctx->plan->process;
    const struct oci_user *user = process->cfg ? process->cfg->user : NULL;

    (void)e;
    if (process->home)
        find_home(user ? user->uid : 0, process->home + strlen("HOME="));
    if (process->listen_pid)
        snprintf(process->listen_pid, PID_ROOM, "LISTEN_PID=%d", (int)sys_getpid());
    return 0;
}
