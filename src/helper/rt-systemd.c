/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talks to systemd over D-Bus on behalf of rt, which is linked statically and carries no such
 * library. Started only where `--systemd-cgroup` is used; for a new scope it also is the process
 * that the scope begins with, until the container's own is inside.
 *
 *   rt-systemd system|user
 *
 * Standard input is a socket (SOCK_SEQPACKET) to rt; its end ends the program. The first answer
 * says whether the bus is reached. A request is lines of text:
 *
 *   call METHOD [job|quiet]   a method of org.freedesktop.systemd1.Manager, then its arguments,
 *                             a line each; with `job` until the job is done
 *   get UNIT                  properties of a scope, then a line with the name of each
 *
 * An argument is a type of D-Bus and a value: "s machine.slice", "t 5". a, r, e, v and a signature
 * open an array, struct, dictionary entry or variant, which "." ends. "p" is our own pid, as "u".
 * Strings have '%' and control characters as %XX. An answer is "ok" and for `get` lines of the same
 * kind, an array of (sv) without its brackets; or "error NAME" and a line of text.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SERVICE   "org.freedesktop.systemd1"
#define OBJECT    "/org/freedesktop/systemd1"
#define MANAGER   "org.freedesktop.systemd1.Manager"
#define SCOPE     "org.freedesktop.systemd1.Scope"
#define LOST      "rt.Lost" /* the bus is not there, or went away */
#define TIMED_OUT "rt.TimedOut"

enum {
    MESSAGE_MAX = 128 * 1024,
    JOB_SECONDS = 60,
    CONNECT_TRIES = 20,
    CONNECT_WAIT_MS = 50,
};

struct job {
    const char *path; /* NULL: the answer with its name has not come */
    char result[32];  /* "" while it runs */
    struct {
        char path[80], result[32];
    } early[16]; /* ended before we knew ours */
    unsigned n_early;
};

struct helper {
    sd_bus *bus;
    bool user;
    struct job job;
    char in[MESSAGE_MAX], out[MESSAGE_MAX];
    size_t out_len;
};

/* ---- answers ---- */

static void say(struct helper *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct helper *h, const char *format, ...)
{
    size_t room = sizeof h->out - h->out_len;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(h->out + h->out_len, room, format, ap);
    va_end(ap);
    if (n > 0)
        h->out_len += (size_t)n < room ? (size_t)n : room - 1;
}

static int answer(struct helper *h)
{
    ssize_t n = send(STDIN_FILENO, h->out, h->out_len, MSG_NOSIGNAL);

    h->out_len = 0;
    return n < 0 ? -errno : 0;
}

static bool is_lost(int r)
{
    return r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE || r == -ESTALE;
}

static int refuse(struct helper *h, int r, const sd_bus_error *error, const char *what)
{
    const char *name = sd_bus_error_is_set(error) ? error->name : NULL;
    const char *text = name && error->message ? error->message : strerror(-r);

    if (is_lost(r))
        name = LOST;
    if (r == -ETIMEDOUT)
        name = TIMED_OUT;
    h->out_len = 0;
    say(h, "error %s\n%s: %s", name ? name : "rt.Failed", what, text);
    return r;
}

/* ---- text to a message ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. */
static char *unescape(char *s)
{
    char *out = s, *start = s;

    for (; *s; s++, out++) {
        if (*s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
            *out = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
            s += 2;
        } else {
            *out = *s;
        }
    }
    *out = '\0';
    return start;
}

static int append_integer(sd_bus_message *m, char type, const char *value)
{
    char *end;
    bool is_signed = strchr("nix", type) != NULL;
    int64_t i = 0;
    uint64_t u = 0;

    errno = 0;
    if (is_signed)
        i = strtoll(value, &end, 10);
    else
        u = strtoull(value, &end, 10);
    if (errno || end == value || *end)
        return -EINVAL;
    switch (type) {
    case 'y':
        return sd_bus_message_append(m, "y", (int)(uint8_t)u);
    case 'b':
        return sd_bus_message_append(m, "b", (int)u);
    case 'n':
        return sd_bus_message_append(m, "n", (int)(int16_t)i);
    case 'q':
        return sd_bus_message_append(m, "q", (int)(uint16_t)u);
    case 'i':
        return sd_bus_message_append(m, "i", (int32_t)i);
    case 'u':
        return sd_bus_message_append(m, "u", (uint32_t)u);
    case 'x':
        return sd_bus_message_append(m, "x", i);
    default:
        return sd_bus_message_append(m, "t", u);
    }
}

static int append_double(sd_bus_message *m, const char *value)
{
    char *end;
    double d = strtod(value, &end);

    return end == value || *end ? -EINVAL : sd_bus_message_append(m, "d", d);
}

static int append(sd_bus_message *m, char type, char *value)
{
    switch (type) {
    case '.':
        return sd_bus_message_close_container(m);
    case 'a':
    case 'r':
    case 'e':
    case 'v':
        return sd_bus_message_open_container(m, type, value);
    case 'p':
        return sd_bus_message_append(m, "u", (uint32_t)getpid());
    case 's':
    case 'o':
    case 'g':
        return sd_bus_message_append_basic(m, type, unescape(value));
    case 'd':
        return append_double(m, value);
    case 'y':
    case 'b':
    case 'n':
    case 'q':
    case 'i':
    case 'u':
    case 'x':
    case 't':
        return append_integer(m, type, value);
    default:
        return -EINVAL;
    }
}

static int append_lines(sd_bus_message *m, char *lines)
{
    char *line;
    int r = 0;

    while (r >= 0 && (line = strsep(&lines, "\n")))
        if (*line)
            r = append(m, line[0], line[1] ? line + 2 : line + 1);
    return r;
}

/* ---- a message to text ---- */

static void say_string(struct helper *h, char type, const char *s)
{
    say(h, "%c ", type);
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == '%')
            say(h, "%%%02x", (unsigned char)*s);
        else
            say(h, "%c", *s);
    say(h, "\n");
}

static int say_basic(struct helper *h, sd_bus_message *m, char type)
{
    union {
        uint8_t y;
        int b;
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        double d;
        const char *s;
    } v;
    int r = sd_bus_message_read_basic(m, type, &v);

    if (r < 0)
        return r;
    switch (type) {
    case 'y':
        say(h, "y %u\n", v.y);
        break;
    case 'b':
        say(h, "b %d\n", v.b);
        break;
    case 'n':
        say(h, "n %d\n", v.n);
        break;
    case 'q':
        say(h, "q %u\n", v.q);
        break;
    case 'i':
        say(h, "i %" PRId32 "\n", v.i);
        break;
    case 'u':
        say(h, "u %" PRIu32 "\n", v.u);
        break;
    case 'x':
        say(h, "x %" PRId64 "\n", v.x);
        break;
    case 't':
        say(h, "t %" PRIu64 "\n", v.t);
        break;
    case 'd':
        say(h, "d %.17g\n", v.d);
        break;
    case 's':
    case 'o':
    case 'g':
        say_string(h, type, v.s);
        break;
    default:
        return -EINVAL;
    }
    return 0;
}

/* Until the end of the container that is open. */
static int say_rest(struct helper *h, sd_bus_message *m)
{
    const char *contents;
    char type;
    int r;

    while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
        if (!strchr("arev", type)) {
            r = say_basic(h, m, type);
        } else {
            say(h, "%c %s\n", type, contents);
            r = sd_bus_message_enter_container(m, type, contents);
            if (r >= 0)
                r = say_rest(h, m);
            if (r >= 0)
                r = sd_bus_message_exit_container(m);
            say(h, ".\n");
        }
        if (r < 0)
            return r;
    }
    return r;
}

/* ---- jobs ---- */

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct job *j = arg;
    const char *path, *unit, *result;
    uint32_t id;

    (void)error;
    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
        return 0;
    if (!j->path) {
        unsigned i = j->n_early++ % (sizeof j->early / sizeof *j->early);
        snprintf(j->early[i].path, sizeof j->early[i].path, "%s", path);
        snprintf(j->early[i].result, sizeof j->early[i].result, "%s", result);
    } else if (strcmp(path, j->path) == 0) {
        snprintf(j->result, sizeof j->result, "%s", result);
    }
    return 0;
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void look_back(struct job *j)
{
    for (unsigned i = 0; i < sizeof j->early / sizeof *j->early; i++)
        if (strcmp(j->early[i].path, j->path) == 0)
            memcpy(j->result, j->early[i].result, sizeof j->result);
}

static int await_job(struct helper *h, sd_bus_message *reply)
{
    uint64_t end = now_us() + JOB_SECONDS * UINT64_C(1000000), now;
    int r = sd_bus_message_read(reply, "o", &h->job.path);

    if (r < 0)
        return r;
    look_back(&h->job);
    while (!*h->job.result && (now = now_us()) < end) {
        r = sd_bus_process(h->bus, NULL);
        if (r == 0)
            r = sd_bus_wait(h->bus, end - now);
        if (r < 0 && r != -EINTR)
            return r;
    }
    h->job.path = NULL;
    return *h->job.result ? 0 : -ETIMEDOUT;
}

static int check_result(struct helper *h, const char *method)
{
    if (strcmp(h->job.result, "done") == 0)
        return 0;
    h->out_len = 0;
    say(h, "error rt.Job\n%s: the job ended as \"%s\"", method, h->job.result);
    return -EIO;
}

/* ---- requests ---- */

static int call_method(struct helper *h, const char *method, bool job, char *lines)
{
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *m = NULL;
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_call(h->bus, &m, SERVICE, OBJECT, MANAGER, method);

    memset(&h->job, 0, sizeof h->job);
    if (r >= 0)
        r = append_lines(m, lines);
    if (r < 0)
        return refuse(h, r, NULL, "put the request together");
    r = sd_bus_call(h->bus, m, 0, &error, &reply);
    if (r >= 0 && job)
        r = await_job(h, reply);
    if (r < 0)
        return refuse(h, r, &error, method);
    if (job)
        return check_result(h, method);
    return 0;
}

static int say_property(struct helper *h, const char *path, const char *name)
{
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
    int r = sd_bus_call_method(h->bus, SERVICE, path, "org.freedesktop.DBus.Properties", "Get",
                               &error, &reply, "ss", SCOPE, name);

    if (r < 0)
        return refuse(h, r, &error, name);
    say(h, "r sv\ns %s\n", name);
    r = say_rest(h, reply);
    say(h, ".\n");
    return r < 0 ? refuse(h, r, NULL, name) : 0;
}

static int get_properties(struct helper *h, const char *unit, char *names)
{
    char *path, *name;
    int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

    if (r < 0)
        return refuse(h, r, NULL, unit);
    while (r >= 0 && (name = strsep(&names, "\n")))
        if (*name)
            r = say_property(h, path, name);
    free(path);
    return r;
}

static int serve(struct helper *h)
{
    char *lines = h->in, *first = strsep(&lines, "\n");
    char *verb = strsep(&first, " "), *object = strsep(&first, " ");

    h->out_len = 0;
    say(h, "ok\n");
    if (object && strcmp(verb, "call") == 0)
        return call_method(h, object, first && strcmp(first, "job") == 0, lines);
    if (object && strcmp(verb, "get") == 0)
        return get_properties(h, object, lines);
    return refuse(h, -EINVAL, NULL, "unknown request");
}

/* ---- the bus ---- */

/* The first call on a connection, which shows whether it works. */
static int listen_for_jobs(struct helper *h, sd_bus *bus)
{
    int r =
        sd_bus_match_signal(bus, NULL, NULL, OBJECT, MANAGER, "JobRemoved", job_removed, &h->job);

    if (r < 0)
        return r;
    return sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Subscribe", NULL, NULL, "");
}

/* systemd's own socket first: it is there without a D-Bus daemon. */
static int connect_private(struct helper *h)
{
    const char *dir = h->user ? getenv("XDG_RUNTIME_DIR") : "/run";
    __attribute__((cleanup(sd_bus_unrefp))) sd_bus *bus = NULL;
    char address[512];
    int r = dir ? sd_bus_new(&bus) : -ENOENT;

    if (r < 0)
        return r;
    if (snprintf(address, sizeof address, "unix:path=%s/systemd/private", dir) >=
        (int)sizeof address)
        return -ENAMETOOLONG;
    r = sd_bus_set_address(bus, address);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r >= 0)
        r = listen_for_jobs(h, bus);
    if (r < 0)
        return r;
    h->bus = sd_bus_ref(bus);
    return 0;
}

static int connect_daemon(struct helper *h)
{
    int r = h->user ? sd_bus_open_user(&h->bus) : sd_bus_open_system(&h->bus);

    return r < 0 ? r : listen_for_jobs(h, h->bus);
}

static int connect_once(struct helper *h)
{
    int r = connect_private(h);

    return r < 0 ? connect_daemon(h) : r;
}

static bool is_passing(int r)
{
    return r == -EAGAIN || r == -ECONNREFUSED || r == -EINTR || is_lost(r);
}

/* A manager that is starting, or reloading, is waited for. */
static int connect_bus(struct helper *h)
{
    const struct timespec wait = {.tv_nsec = CONNECT_WAIT_MS * 1000000L};
    int r = connect_once(h);

    for (int i = 0; i < CONNECT_TRIES && is_passing(r); i++) {
        nanosleep(&wait, NULL);
        r = connect_once(h);
    }
    return r;
}

int main(int argc, char **argv)
{
    static struct helper h;
    ssize_t n;
    int r;

    if (argc != 2 || (strcmp(argv[1], "user") != 0 && strcmp(argv[1], "system") != 0)) {
        fputs("rt-systemd is started by rt\n", stderr);
        return 2;
    }
    h.user = strcmp(argv[1], "user") == 0;
    r = connect_bus(&h);
    if (r < 0)
        refuse(&h, r, NULL, "connect to systemd");
    else
        say(&h, "ok\n");
    while (answer(&h) == 0 && r >= 0 && (n = recv(STDIN_FILENO, h.in, sizeof h.in - 1, 0)) > 0) {
        h.in[n] = '\0';
        if (is_lost(serve(&h))) {
            answer(&h);
            break;
        }
    }
    sd_bus_unref(h.bus);
    return r < 0;
}
