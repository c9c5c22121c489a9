/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows between the container and its caller: the terminal, signals, the exit status, the
 * message of readiness.
 */
#ifndef RT_IO_IO_H
#define RT_IO_IO_H

#include "core/ctx.h"

/* Are terminal, console socket and detaching consistent? Decides plan->notify_dir. */
int io_plan(struct plan *, struct arena *, struct err *);

/* ---- streams.c ---- */

/* First of all: a standard stream that is closed becomes /dev/null, else the next file that rt
 * opens would take its number and be handed to the container. And ends of children are told,
 * though a caller may ignore SIGCHLD, which programs inherit. */
int io_guard_streams(struct err *);

/* ---- console.c ---- */
step_fn step_open_console_socket; /* host: connected before anything is made */
step_fn step_make_pty;            /* init: master and slave out of the container's own devpts */
step_fn step_take_pty;            /* host: hand ctx->pty_master on, or keep it for the relay */

/* ---- foreground.c ---- */

/* Before the first clone: from here on signals wait for foreground_wait instead of ending rt, which
 * would leave a container without its parent. */
int foreground_prepare(struct err *);

/* Stay until init has ended: forward signals, relay the terminal, collect orphans. *exit_code is
 * the program's, or 128 + signal. */
int foreground_wait(struct ctx *, int *exit_code, struct err *);

/* ---- notify.c: NOTIFY_SOCKET, sd_notify(3) ---- */
step_fn step_prepare_notify; /* host: the private folder that the container sees */
step_fn step_listen_notify;  /* host: the socket in it, just before the program runs */

/* Wait until the program says READY=1 or ends, and pass the word on with its pid. */
int notify_relay(struct ctx *, struct err *);

/* Pass on what has arrived on ctx->notify_fd; 1 once READY=1 was among it. */
int notify_forward(struct ctx *);

/* The container has ended: pass on what it said before, which is still in the socket. */
void notify_drain(struct ctx *);

#endif
