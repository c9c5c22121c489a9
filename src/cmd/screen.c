/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the drawing, by the few sequences that every terminal since the VT100 knows: the other page,
 * the cursor's home, erase to the end. A picture is written in one go, so that it does not flicker.
 */
#include "cmd/screen.h"

#include "base/fd.h"
#include "sys/cgroup.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define OTHER_PAGE  "\033[?1049h\033[?25l"
#define FIRST_PAGE  "\033[?25h\033[?1049l"
#define HOME        "\033[H"
#define ERASE_LINE  "\033[K"
#define ERASE_BELOW "\033[J"

enum { LEAST_ROWS = 2, LEAST_COLUMNS = 20, LINE_ROOM = 1024, CTRL_C = 3, ESCAPE = 27 };

static void put(int fd, const char *text)
{
    drop(sys_write_all(fd, text, strlen(text)), "a terminal that went away needs nothing");
}

static void measure(struct screen *s)
{
    unsigned short rows = 24, columns = 80;

    sys_tty_size(s->out, &rows, &columns);
    s->rows = rows < LEAST_ROWS ? LEAST_ROWS : rows;
    s->columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
    free(s->text);
    s->text = malloc((size_t)s->rows * LINE_ROOM + 64);
    s->len = 0;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int screen_open(struct screen *s, struct err *e)
{
    int r;

    *s = (struct screen){.in = STDIN_FILENO, .out = STDOUT_FILENO, .signals = open_signals()};
    if (s->signals < 0)
        return fail(e, errno, "watch for signals");
    r = sys_tty_raw(s->in, &s->before);
    if (r < 0) {
        fd_close(&s->signals);
        return fail(e, r, "take the terminal");
    }
    measure(s);
    put(s->out, OTHER_PAGE);
    return 0;
}

void screen_close(struct screen *s)
{
    if (s->signals < 0)
        return;
    put(s->out, FIRST_PAGE);
    drop(sys_tty_restore(s->in, &s->before), "a terminal that went away needs nothing");
    fd_close(&s->signals);
    free(s->text);
    s->text = NULL;
}

static unsigned lines_of(const struct screen *s)
{
    unsigned n = 0;

    for (size_t i = 0; i < s->len; i++)
        n += s->text[i] == '\n';
    return n;
}

void screen_line(struct screen *s, const char *line)
{
    static const char end[] = ERASE_LINE "\r\n";
    unsigned width = s->columns < LINE_ROOM - 16 ? s->columns : LINE_ROOM - 16;

    if (!s->text || lines_of(s) + 1 >= s->rows)
        return;
    for (; *line && width--; line++)
        s->text[s->len++] = (unsigned char)*line < ' ' || *line == 0x7f ? '?' : *line;
    memcpy(s->text + s->len, end, sizeof end - 1);
    s->len += sizeof end - 1;
}

void screen_draw(struct screen *s)
{
    if (!s->text)
        return;
    put(s->out, HOME);
    drop(sys_write_all(s->out, s->text, s->len), "a terminal that went away needs nothing");
    put(s->out, ERASE_BELOW);
    s->len = 0;
}

static int take_signal(struct screen *s)
{
    struct signalfd_siginfo info;

    if (sys_read(s->signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGWINCH) {
        measure(s);
        return KEY_RESIZED;
    }
    return KEY_LEAVE;
}

static int take_key(struct screen *s)
{
    char text[32];
    ssize_t n = sys_read(s->in, text, sizeof text);

    if (n <= 0)
        return KEY_LEAVE;
    if (text[0] == ESCAPE && n > 1)
        return KEY_NONE; /* an arrow or a function key */
    return text[0] == CTRL_C || text[0] == ESCAPE ? KEY_LEAVE : text[0];
}

int screen_key(struct screen *s, uint64_t until)
{
    struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->in, .events = POLLIN}};
    uint64_t now = sys_now_us();

    if (poll(fds, 2, now < until ? (int)((until - now) / 1000) + 1 : 0) <= 0)
        return KEY_NONE;
    return fds[0].revents ? take_signal(s) : take_key(s);
}
