/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/log.c: each line is written to a pipe or socket and read back. */
#include "base/log.h"
#include "tap.h"

#include <fcntl.h>
#include <regex.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHEN "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z"

static int from, to;
static char line[8192];

/* What was written since the last time; "" if nothing. */
static const char *written(void)
{
    ssize_t n = read(from, line, sizeof line - 1);

    line[n > 0 ? n : 0] = '\0';
    return line;
}

static void matches(const char *got, const char *pattern, const char *what)
{
    regex_t re;
    bool good =
        regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0 && regexec(&re, got, 0, NULL, 0) == 0;

    if (!ok(good, "%s", what))
        printf("#     got %s\n# pattern %s\n", got, pattern);
    regfree(&re);
}

static void levels(void)
{
    log_to(to, LOG_SINK_STREAM, NULL);
    log_level(LOG_WARNING_LEVEL);
    log_info("x");
    log_debug("x");
    is_str(written(), "", "what is less urgent than the level is not written");
    log_warn("x");
    matches(written(), "level=warning msg=\"x\"", "the level itself is");
    log_level(LOG_DEBUG_LEVEL);
    log_info("x");
    matches(written(), "level=info", "info");
    log_debug("x");
    matches(written(), "level=debug", "debug");
    ok(log_wants(LOG_DEBUG_LEVEL), "log_wants says so before");
    log_level(LOG_ERROR_LEVEL);
    ok(!log_wants(LOG_WARNING_LEVEL) && log_wants(LOG_ERROR_LEVEL), "and after");
    log_warn("x");
    is_str(written(), "", "errors only");
    is_int(log_fd(), to, "log_fd is the descriptor");
}

static void formats(void)
{
    log_format(LOG_FORMAT_TEXT);
    log_error("open \"%s\"", "a\\b");
    matches(written(), "^time=\"" WHEN "\" level=error msg=\"open \\\\\"a\\\\\\\\b\\\\\"\"\n$",
            "text quotes its message");
    log_format(LOG_FORMAT_JSON);
    log_error("open \"%s\"", "a\\b");
    matches(written(),
            "^\\{\"level\":\"error\",\"msg\":\"open \\\\\"a\\\\\\\\b\\\\\"\",\"time\":\"" WHEN
            "\"\\}\n$",
            "JSON escapes its message");
    log_error("a\nb\x1b[2Jc\x7f");
    matches(written(), "\"msg\":\"a b \\[2Jc \"", "control characters are blanks: one line");
    log_error("%05000d", 1);
    matches(written(), "^\\{.*0000\",\"time\":\"" WHEN "\"\\}\n$",
            "a message that is too long is cut, and the line still whole");
    log_format(LOG_FORMAT_TEXT);
}

static void datagrams(void)
{
    log_to(to, LOG_SINK_JOURNALD, "box");
    log_error("x");
    is_str(written(), "PRIORITY=3\nSYSLOG_IDENTIFIER=box\nMESSAGE=x\n", "journald's fields");
    log_to(to, LOG_SINK_SYSLOG, "");
    log_error("x");
    matches(written(), "^<27>rt\\[[0-9]+\\]: x$", "syslog's line; an empty tag is rt");
    log_to(to, LOG_SINK_STREAM, NULL);
}

static void stderr_too(void)
{
    int saved = dup(STDERR_FILENO);

    dup2(to, STDERR_FILENO);
    log_to(-1, LOG_SINK_STREAM, NULL);
    log_level(LOG_WARNING_LEVEL);
    log_error("x");
    is_str(written(), "rt: x\n", "without a descriptor errors go to stderr, plainly");
    log_warn("x");
    is_str(written(), "rt: warning: x\n", "and warnings say so");

    log_to(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_SINK_STREAM, NULL);
    log_error("x");
    is_str(written(), "", "with one they go there alone");
    log_also_stderr(true);
    log_error("x");
    is_str(written(), "rt: x\n", "unless stderr was wanted also");
    log_warn("x");
    is_str(written(), "", "which is for errors only");
    log_also_stderr(false);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(log_fd());
    log_to(to, LOG_SINK_STREAM, NULL);
}

static void escapes(void)
{
    char buf[64], tiny[6];

    is_int((intmax_t)log_json_escape(buf, sizeof buf, "a\"b\\c\nd\te\x7f"), 23, "its length");
    is_str(buf, "a\\\"b\\\\c\\nd\\u0009e\\u007f", "JSON escapes");
    log_json_escape(buf, sizeof buf, "\xc3\xa4");
    is_str(buf, "\xc3\xa4", "bytes of UTF-8 stay");
    is_int((intmax_t)log_json_escape(tiny, sizeof tiny, "abcd\n"), 4, "no half escape");
    is_str(tiny, "abcd", "at the end of the buffer");
    is_int((intmax_t)log_json_escape(tiny, sizeof tiny, "abcdefgh"), 5, "a full buffer");
}

int main(void)
{
    int fds[2];

    /* Datagrams keep each write apart and suit all sinks. */
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return 1;
    from = fds[0];
    to = fds[1];
    levels();
    formats();
    datagrams();
    stderr_too();
    escapes();
    return done_testing();
}
