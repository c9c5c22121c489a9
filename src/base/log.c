/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the shape of log lines. JSON lines carry level, msg and time, the keys that containerd's
 * and podman's parsers look for; text lines carry the same as key=value on a file and read as
 * plain "rt: message" on a terminal or pipe to a person.
 */
#include "base/log.h"

#include "base/moment.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static struct {
    int fd;
    enum log_sink sink;
    enum log_format format;
    enum log_level level;
    bool also_stderr;
    int stderr_fd;
    const char *tag;
} out = {.fd = -1, .level = LOG_WARNING_LEVEL, .tag = "rt", .stderr_fd = STDERR_FILENO};

static const char *const level_words[] = {"error", "warning", "info", "debug"};
static const int syslog_priority[] = {3, 4, 6, 7}; /* err, warning, info, debug: RFC 5424 */

void log_to(int fd, enum log_sink sink, const char *tag)
{
    out.fd = fd;
    out.sink = sink;
    out.tag = tag && tag[0] ? tag : "rt";
}

void log_format(enum log_format format)
{
    out.format = format;
}

void log_level(enum log_level level)
{
    out.level = level;
}

void log_stderr(int fd)
{
    out.stderr_fd = fd;
}

void log_leave_stderr(void)
{
    if (out.stderr_fd == STDERR_FILENO)
        return;
    if (out.stderr_fd >= 0)
        close(out.stderr_fd);
    out.stderr_fd = -1;
}

void log_also_stderr(bool on)
{
    out.also_stderr = on;
}

int log_fd(void)
{
    return out.fd;
}

bool log_wants(enum log_level level)
{
    return level <= out.level;
}

size_t log_json_escape(char *buf, size_t size, const char *s)
{
    size_t n = 0;

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        char piece[8];
        int len;

        if (c == '"' || c == '\\')
            len = snprintf(piece, sizeof piece, "\\%c", c);
        else if (c == '\n')
            len = snprintf(piece, sizeof piece, "\\n");
        else if (c < 0x20 || c == 0x7f)
            len = snprintf(piece, sizeof piece, "\\u%04x", c);
        else
            len = snprintf(piece, sizeof piece, "%c", c);
        if (n + (size_t)len + 1 > size)
            break;
        memcpy(buf + n, piece, (size_t)len);
        n += (size_t)len;
    }
    buf[n] = '\0';
    return n;
}

/* Control characters in names that came from outside must not move a terminal's cursor. */
static void make_plain(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

/* RFC 3339 in UTC with nanoseconds, as the engines' parsers expect. */
static void now_rfc3339(char text[MOMENT_TEXT])
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    moment_text(&ts, text);
}

static int shape(char *line, size_t size, enum log_level level, const char *msg)
{
    char when[MOMENT_TEXT], escaped[LINE_SIZE];

    if (out.sink == LOG_SINK_JOURNALD)
        return snprintf(line, size, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
                        syslog_priority[level], out.tag, msg);
    if (out.sink == LOG_SINK_SYSLOG)
        return snprintf(line, size, "<%d>%s[%d]: %s", 8 * 3 + syslog_priority[level], out.tag,
                        (int)getpid(), msg);
    now_rfc3339(when);
    log_json_escape(escaped, sizeof escaped, msg);
    if (out.format == LOG_FORMAT_JSON)
        return snprintf(line, size, "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"}\n",
                        level_words[level], escaped, when);
    if (out.fd >= 0)
        return snprintf(line, size, "time=\"%s\" level=%s msg=\"%s\"\n", when, level_words[level],
                        escaped);
    return snprintf(line, size, "rt: %s%s\n",
                    level == LOG_ERROR_LEVEL     ? ""
                    : level == LOG_WARNING_LEVEL ? "warning: "
                    : level == LOG_INFO_LEVEL    ? "info: "
                                                 : "debug: ",
                    msg);
}

static void put(int fd, const char *line, size_t n)
{
    /* One write per line: concurrent writers of an O_APPEND file never mix lines. A log that
     * cannot be written must not stop a container. */
    ssize_t written =
        out.sink == LOG_SINK_STREAM ? write(fd, line, n) : send(fd, line, n, MSG_NOSIGNAL);
    (void)written;
}

__attribute__((format(printf, 2, 0))) static void say(enum log_level level, const char *format,
                                                      va_list ap)
{
    char msg[LINE_SIZE / 2], line[LINE_SIZE * 2];
    int n;

    if (level > out.level)
        return;
    vsnprintf(msg, sizeof msg, format, ap);
    make_plain(msg);
    n = shape(line, sizeof line, level, msg);
    if (n >= (int)sizeof line)
        n = sizeof line - 1;
    if (out.fd >= 0 || out.stderr_fd >= 0)
        put(out.fd >= 0 ? out.fd : out.stderr_fd, line, (size_t)n);
    if (out.also_stderr && out.fd >= 0 && out.stderr_fd >= 0 && level == LOG_ERROR_LEVEL)
        dprintf(out.stderr_fd, "rt: %s\n", msg);
}

#define SAY(level)                                                                                 \
    va_list ap;                                                                                    \
    va_start(ap, format);                                                                          \
    say(level, format, ap);                                                                        \
    va_end(ap)

void log_error(const char *format, ...)
{
    SAY(LOG_ERROR_LEVEL);
}

void log_warn(const char *format, ...)
{
    SAY(LOG_WARNING_LEVEL);
}

void log_info(const char *format, ...)
{
    SAY(LOG_INFO_LEVEL);
}

void log_debug(const char *format, ...)
{
    SAY(LOG_DEBUG_LEVEL);
}
