/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals by descriptor, tty_ioctl(4) and ioctl_tty(2). */
#ifndef RT_SYS_TTY_H
#define RT_SYS_TTY_H

#include <stdbool.h>
#include <termios.h>

/* The slave of a master, unlocked, without becoming the controlling terminal. Owned. */
int sys_tty_slave(int master);

/* Make it the controlling terminal of the calling session leader. */
int sys_tty_control(int slave);

int sys_tty_resize(int tty, unsigned short rows, unsigned short columns);

/* Give `to` the size of `from`; a `from` that is no terminal changes nothing. */
int sys_tty_copy_size(int from, int to);

/* What is no terminal, or has no size, changes nothing. */
void sys_tty_size(int tty, unsigned short *rows, unsigned short *columns);

bool sys_tty_is_terminal(int fd);

/* Is it a terminal, and if it is our controlling one, are we in its foreground? One that controls
 * another session, or none, may be used by whoever holds it. */
bool sys_tty_is_ours(int fd);

/* Raw mode; *before is what to restore. -ENOTTY when it is no terminal. */
int sys_tty_raw(int tty, struct termios *before);
int sys_tty_restore(int tty, const struct termios *before);

#endif
