/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay between the caller's streams and the master side of a container's terminal, as a part
 * of somebody else's poll loop.
 */
#ifndef RT_IO_RELAY_H
#define RT_IO_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

enum { RELAY_FDS = 3, RELAY_BUFFER = 16384 };

/* One direction. While bytes wait to be written nothing more is read, so that a side that does not
 * read stops the other, and memory is constant. */
struct stream {
    int from, to; /* borrowed; -1: that end is over */
    size_t at, end;
    char buf[RELAY_BUFFER];
};

struct relay {
    int tty;            /* borrowed: the caller's terminal, or what it has instead */
    int master;         /* borrowed, or -1: there is no terminal */
    struct stream in;   /* caller to container */
    struct stream out;  /* container to caller */
    bool raw;           /* the caller's terminal is in raw mode */
    bool hung_up;       /* nobody reads the output: the terminal is to be closed */
    struct termios was; /* its mode before */
    bool over;          /* the container has ended */
    bool shut;          /* nobody in the container has the terminal open just now */
    size_t drained;     /* bytes read since */
};

/* Descriptors are borrowed. The caller's terminal, if `in` is one, becomes raw unless we are in the
 * background; its size becomes the container's. master -1: all of the following does nothing. */
void relay_begin(struct relay *r, int in, int out, int master);

/* What to poll for now: RELAY_FDS entries. `over`: the container has ended, input is pointless. */
void relay_wants(struct relay *r, bool over, struct pollfd *p);

/* How long to poll, in ms, -1: until something happens. */
int relay_patience(const struct relay *r);

/* Act on what poll said of them. */
void relay_turn(struct relay *r, const struct pollfd *p);

/* After the container's end: is there output that the caller has not got? What was written before
 * the end is all there (the kernel flushes when it is asked); a process that outlives the container
 * with its terminal cannot keep us for ever. */
bool relay_has_more(struct relay *r);

/* Give the container's terminal the size of the caller's, if `in` or else `out` is one. */
void relay_copy_size(int in, int out, int master);

/* The caller's terminal has another size. */
void relay_resize(struct relay *r);

/* We were stopped and go on, perhaps in the foreground: the shell has changed the mode. */
void relay_continue(struct relay *r);

/* Give the caller's terminal its mode back. */
void relay_end(struct relay *r);

#endif
