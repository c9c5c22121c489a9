/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/io/relay.c: a pty plays the container's terminal, pipes or another pty the caller.
 */
#include "base/fd.h"
#include "io/relay.h"
#include "sys/tty.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct pty {
    int master, slave;
};

static struct pty pty_new(bool raw)
{
    struct pty p = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    struct termios was;

    p.slave = p.master < 0 ? -1 : sys_tty_slave(p.master);
    if (p.slave >= 0 && raw)
        sys_tty_raw(p.slave, &was);
    return p;
}

static void pty_close(struct pty *p)
{
    fd_close(&p->master);
    fd_close(&p->slave);
}

static struct relay relay;
static int in[2], out[2]; /* pipes of the caller */
static struct pty tty;    /* of the container */

static void begin(void)
{
    tty = pty_new(true);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        exit(1);
    relay_begin(&relay, in[0], out[1], tty.master);
}

static void end(void)
{
    relay_end(&relay);
    pty_close(&tty);
    for (int i = 0; i < 2; i++) {
        fd_close(&in[i]);
        fd_close(&out[i]);
    }
}

/* Turn until nothing is ready: the number of turns that did something. */
static int settle(bool over)
{
    struct pollfd p[RELAY_FDS];
    int turns = 0;

    for (;;) {
        relay_wants(&relay, over, p);
        /* A pty hands bytes over in the background: they are there when it is asked again. */
        if (poll(p, RELAY_FDS, 20) <= 0)
            return turns;
        relay_turn(&relay, p);
        turns++;
    }
}

static const char *got(int fd)
{
    static char text[70000];
    size_t n = 0;
    ssize_t r;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((r = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)r;
    text[n] = '\0';
    return text;
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        perror("write");
}

static void both_ways(void)
{
    begin();
    say(in[1], "typed");
    say(tty.slave, "printed");
    settle(false);
    is_str(got(tty.slave), "typed", "input arrives");
    is_str(got(out[0]), "printed", "output arrives");
    fd_close(&in[1]);
    ok(settle(false) <= 2, "the end of the input is seen once");
    say(tty.slave, "more");
    settle(false);
    is_str(got(out[0]), "more", "output goes on without input");
    end();
}

static void no_input(void)
{
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    begin();
    relay_begin(&relay, file, out[1], tty.master);
    settle(false);
    ok(strstr(got(tty.slave), "root:") != NULL, "a file is an input");
    relay_begin(&relay, 250, out[1], tty.master);
    ok(settle(false) <= 1, "a closed stdin ends at once");
    say(tty.slave, "x");
    settle(false);
    is_str(got(out[0]), "x", "and disturbs nothing");
    close(file);
    end();
}

/* 1 MiB from a child through a pipe that is not read at first. */
static void pressure(void)
{
    enum { ALL = 1 << 20 };
    size_t total = 0;
    pid_t pid;
    struct pollfd p[RELAY_FDS];

    alarm(60);
    begin();
    pid = fork();
    if (pid == 0) {
        char block[1024];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < ALL / 1024; i++)
            if (write(tty.slave, block, sizeof block) != sizeof block)
                _exit(1);
        _exit(0);
    }
    do
        settle(false);
    while (relay_wants(&relay, false, p), p[2].fd >= 0); /* the writer may not have begun */
    ok(p[1].fd == out[1] && p[2].fd == -1, "a reader that stops makes us stop reading");
    is_int(waitpid(pid, NULL, WNOHANG), 0, "and so the writer");
    while (total < ALL) {
        size_t n = strlen(got(out[0]));
        total += n;
        if (!settle(false) && !n && waitpid(pid, NULL, WNOHANG) == pid)
            break;
    }
    alarm(0);
    is_int((intmax_t)total, ALL, "all arrives once it is read");
    say(tty.slave, "the end");
    while (relay_has_more(&relay))
        settle(true);
    is_str(got(out[0]), "the end", "after much output the end of it is not lost");
    end();
}

static void other_side_stops(void)
{
    begin();
    for (int i = 0; i < 16; i++)
        say(in[1], "4096 bytes of a terminal's queue fill up when nobody reads it. This is text.");
    settle(false);
    ok(strlen(got(tty.slave)) == 16 * 76, "what the queue holds arrives");
    end();
}

static void hanging_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    begin();
    fd_close(&out[0]);
    settle(false);
    ok(!relay.hung_up, "a reader that is gone is not known yet");
    say(tty.slave, "x");
    settle(false);
    ok(relay.hung_up, "with the next output it is");
    ok(!relay_has_more(&relay), "nothing is left to say then");
    end();
}

static void the_end(void)
{
    char text[3001];

    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin();
    say(tty.slave, text);
    while (relay_has_more(&relay))
        settle(true);
    is_str(got(out[0]), text, "what was written before the end is there");
    say(in[1], "late");
    settle(true);
    is_str(got(tty.slave), "", "input after the end is not read");
    say(tty.slave, text);
    fd_close(&tty.slave);
    while (relay_has_more(&relay))
        settle(true);
    is_str(got(out[0]), text, "also when nobody holds the terminal");
    settle(false);
    is_int(settle(false), 0, "its hangup is seen once");
    end();
    relay_begin(&relay, in[0], out[1], -1);
    ok(!relay_has_more(&relay) && settle(false) == 0, "without a terminal there is nothing to do");
    relay_end(&relay);
}

/* Something in the background that floods the terminal. */
static void flood(void)
{
    pid_t pid;

    begin();
    pid = fork();
    if (pid == 0)
        for (;;)
            say(tty.slave, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    while (poll(&(struct pollfd){.fd = tty.master, .events = POLLIN}, 1, -1) != 1)
        ;
    while (relay_has_more(&relay)) {
        struct pollfd p[RELAY_FDS];
        relay_wants(&relay, true, p);
        poll(p, RELAY_FDS, -1);
        relay_turn(&relay, p);
        got(out[0]);
    }
    ok(relay.drained > 0, "a process that outlives the container cannot keep us for ever");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    end();
}

static bool is_raw(int fd)
{
    struct termios t;

    return tcgetattr(fd, &t) == 0 && !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static void set_size(int fd, unsigned short rows, unsigned short columns)
{
    sys_tty_resize(fd, rows, columns);
}

static bool has_size(int fd, int rows, int columns)
{
    struct winsize w;

    return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_row == rows && w.ws_col == columns;
}

static void callers_terminal(void)
{
    struct pty caller = pty_new(false);

    begin();
    set_size(caller.master, 33, 99);
    relay_begin(&relay, caller.slave, caller.slave, tty.master);
    ok(is_raw(caller.slave), "the caller's terminal becomes raw");
    ok(has_size(tty.slave, 33, 99), "its size becomes the container's");
    set_size(caller.master, 44, 111);
    relay_resize(&relay);
    ok(has_size(tty.slave, 44, 111), "a new size too");
    relay_end(&relay);
    ok(!is_raw(caller.slave), "its mode is given back");
    relay_begin(&relay, caller.slave, caller.slave, tty.master);
    sys_tty_restore(caller.slave, &relay.was); /* as a shell does */
    relay_continue(&relay);
    ok(is_raw(caller.slave), "going on makes it raw again");
    relay_end(&relay);
    ok(!is_raw(caller.slave), "and the first mode is given back");
    end();
    pty_close(&caller);
}

/* In the background of a session: 0 when all was as it should be, else the number of the step. */
static int background(int caller)
{
    struct pollfd p = {.fd = caller, .events = POLLIN};
    sigset_t all;
    char c;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setpgid(0, 0);
    relay_begin(&relay, caller, out[1], tty.master);
    if (is_raw(caller))
        return 1;
    poll(&p, 1, 20000);
    settle(false); /* stops here, as there is input */
    relay_continue(&relay);
    if (!is_raw(caller))
        return 2;
    settle(false);
    if (read(tty.slave, &c, 1) != 1 || c != 'k')
        return 3;
    relay_end(&relay);
    return is_raw(caller) ? 4 : 0;
}

/* Leads the session, as a shell. */
static int shell(int caller, int master)
{
    int status = 0;
    pid_t pid;

    signal(SIGTTOU, SIG_IGN);
    if (setsid() < 0 || sys_tty_control(caller) < 0)
        return 10;
    pid = fork();
    if (pid == 0)
        _exit(background(caller));
    say(master, "k\n");
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        return WIFEXITED(status) ? 100 + WEXITSTATUS(status) : 11;
    if (WSTOPSIG(status) != SIGTTIN)
        return 12;
    if (tcsetpgrp(caller, pid) < 0 || kill(pid, SIGCONT) < 0)
        return 13;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 14;
}

static void jobs(void)
{
    struct pty caller = pty_new(false);
    const char *preload = getenv("LD_PRELOAD");
    int status = -1;
    pid_t pid;

    if (preload && strstr(preload, "vgpreload")) {
        skip("reading from the background", "valgrind does not stop a process by SIGTTIN");
        pty_close(&caller);
        return;
    }
    begin();
    pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(shell(caller.slave, caller.master));
    }
    waitpid(pid, &status, 0);
    is_int(status, 0, "reading from the background stops us until the shell goes on");
    end();
    pty_close(&caller);
}

int main(void)
{
    tty = pty_new(false);
    if (tty.slave < 0) {
        skip("terminals", "no pty can be made here");
        return done_testing();
    }
    pty_close(&tty);
    both_ways();
    no_input();
    pressure();
    other_side_stops();
    hanging_up();
    the_end();
    flood();
    callers_terminal();
    jobs();
    return done_testing();
}
