/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cmd: a terminal that a table is drawn on again and again. */
#ifndef RT_CMD_SCREEN_H
#define RT_CMD_SCREEN_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

struct screen {
    int in, out;
    int signals; /* signalfd, or -1 while it is not open */
    unsigned rows, columns;
    struct termios before;
    char *text; /* what the next draw shows */
    size_t len;
};

enum screen_key { KEY_NONE = 0, KEY_RESIZED = -1, KEY_LEAVE = -2 };

/* Take the terminal on standard input and output: raw, its other page, without a cursor. All is
 * put back by screen_close, also where a signal asks to leave. -ENOTTY. */
int screen_open(struct screen *s, struct err *e);
void screen_close(struct screen *s);

/* One more line of the next picture: cut at the right edge, control characters shown as '?'. Lines
 * below the last row are dropped. */
void screen_line(struct screen *s, const char *line);
void screen_draw(struct screen *s);

/* Wait until a time (sys_now_us) for a key. A character, or an enum screen_key. */
int screen_key(struct screen *s, uint64_t until);

#endif
