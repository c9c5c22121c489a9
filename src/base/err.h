/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error value of rt: fixed size, owned by the caller, free of pointers, so that it can be
 * sent between processes as it is. It is filled once, where the reason is known; callers on the
 * way up may add the place, never more prose.
 */
#ifndef RT_BASE_ERR_H
#define RT_BASE_ERR_H

#include <stdint.h>

struct err {
    int code;       /* errno value, 0: no error was recorded */
    uint16_t row;   /* row of the script that failed, 0: none */
    char at[160];   /* place: "config.json:41:15: /linux/seccomp" or "" */
    char text[400]; /* what rt was doing, to which object, and what the kernel said */
    char hint[160]; /* what to do about it, or "" */
};

/* Record "FORMAT...: <the kernel's word for code>". code is an errno value, either sign.
 * Returns -code, so that `return fail(e, errno, "open %s", path)` is the whole error path.
 * e may be NULL: then only the value is returned. */
int fail(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Record "FORMAT..." alone, where the words are rt's own and the kernel said nothing.
 * Returns -code. */
int refuse(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Add the place, if none was given yet. Returns -e->code, so that it can end a return chain. */
int err_at(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add what to do about it, replacing an earlier hint. Returns -e->code. */
int err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The whole message on one line: "at: text (hint)". buf is always terminated; returns buf. */
const char *err_line(const struct err *e, char *buf, unsigned long size);

#endif
