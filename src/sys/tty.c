/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the ioctls of terminals. */
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int result(int r)
{
    return r < 0 ? -errno : r;
}

int sys_tty_slave(int master)
{
    int unlock = 0;

    if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return -errno;
    return result(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

int sys_tty_control(int slave)
{
    return result(ioctl(slave, TIOCSCTTY, 0));
}

int sys_tty_resize(int tty, unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};

    return result(ioctl(tty, TIOCSWINSZ, &size));
}

int sys_tty_copy_size(int from, int to)
{
    struct winsize size;

    if (ioctl(from, TIOCGWINSZ, &size) < 0)
        return 0;
    return result(ioctl(to, TIOCSWINSZ, &size));
}

void sys_tty_size(int tty, unsigned short *rows, unsigned short *columns)
{
    struct winsize size;

    if (ioctl(tty, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
        return;
    *rows = size.ws_row;
    *columns = size.ws_col;
}

bool sys_tty_is_terminal(int fd)
{
    return fd >= 0 && isatty(fd);
}

bool sys_tty_is_ours(int fd)
{
    pid_t foreground;

    if (!sys_tty_is_terminal(fd))
        return false;
    foreground = tcgetpgrp(fd); /* -1: it does not control our session */
    return foreground < 0 || foreground == getpgrp();
}

int sys_tty_raw(int tty, struct termios *before)
{
    struct termios raw;

    if (tcgetattr(tty, before) < 0)
        return -errno;
    raw = *before;
    cfmakeraw(&raw);
    return result(tcsetattr(tty, TCSADRAIN, &raw));
}

int sys_tty_restore(int tty, const struct termios *before)
{
    return result(tcsetattr(tty, TCSADRAIN, before));
}
