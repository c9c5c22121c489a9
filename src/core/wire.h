/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between two processes of one creation: a SOCK_SEQPACKET pair, so that a message is
 * whole or not there, and the end of a peer is seen as end of file. A message names its row and
 * the receiver compares: both walk one table, so a difference is a bug, never a guess.
 */
#ifndef RT_CORE_WIRE_H
#define RT_CORE_WIRE_H

#include "base/err.h"
#include <stdint.h>
#include <sys/types.h>

enum wire_got {
    WIRE_ROW,  /* the expected row was said */
    WIRE_FAIL, /* the peer failed; its error is in *e */
    WIRE_GONE, /* the peer closed or died without a word */
};

/* Say row `row`, with a borrowed descriptor or -1. -EPIPE when the peer is gone: a failure that it
 * said before is then still to be heard. */
int wire_say(int sock, uint16_t row, int fd);

/* Say that we failed, for good. -EPIPE when there is nobody to tell. The caller ignores SIGPIPE. */
int wire_fail(int sock, const struct err *e);

/* Wait for row `row`. enum wire_got, or -errno with *e filled (a broken or foreign message).
 * *fd receives an owned descriptor or -1, *pid the sender (0 unless SO_PASSCRED is on). */
int wire_hear(int sock, uint16_t row, int *fd, pid_t *pid, struct err *e);

#endif
