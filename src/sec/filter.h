/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to src/sec: a seccomp profile as rules on numbers, and its program.
 *
 * Of libseccomp only the tables of system calls are used, not its generator: for a profile of
 * 360 calls and three architectures that one takes tens of milliseconds, more than the rest of a
 * container's start. The program here is a search tree over ranges of numbers that share an
 * action; every number that is plainly allowed is reached without looking at arguments, which is
 * what the kernel needs to know it for its own cache (seccomp_cache_prepare, Linux 5.11).
 *
 * What a profile means where its text is silent is what libseccomp makes of it:
 *  - a rule without conditions beats every rule with conditions for the same call;
 *  - of several rules with conditions that hold the strictest action wins, as it does between
 *    filters (seccomp(2)); here libseccomp goes by an order of its own;
 *  - on 32-bit architectures values are cut to 32 bits;
 *  - where an architecture multiplexes a call (socketcall, ipc), that door is ruled, too; where
 *    a rule has conditions, more strictly than by libseccomp, which lets one go around them.
 */
#ifndef RT_SEC_FILTER_H
#define RT_SEC_FILTER_H

#include "base/arena.h"
#include "base/err.h"
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_op {
    FILTER_NE = 1,
    FILTER_LT,
    FILTER_LE,
    FILTER_EQ,
    FILTER_GE,
    FILTER_GT,
    FILTER_MASKED_EQ, /* (argument & value) == value_two */
};

struct filter_condition {
    unsigned arg; /* 0 to 5 */
    enum filter_op op;
    uint64_t value, value_two;
};

/* What happens to a call when all conditions hold. */
struct filter_rule {
    uint32_t action; /* SECCOMP_RET_* with its data */
    unsigned n;
    struct filter_condition *conditions;
};

/* A rule on one number of one architecture. */
struct filter_binding {
    uint32_t number;
    unsigned order; /* in the profile */
    const struct filter_rule *rule;
};

struct filter_arch {
    uint32_t token; /* as libseccomp names it: AUDIT_ARCH_*, but one of its own for x32 */
    struct filter_binding *v;
    unsigned n, room;
    uint32_t newest; /* the largest number that the profile names */
    bool named_any;
};

struct filter {
    uint32_t default_action, bad_arch_action;
    bool enosys; /* numbers above `newest` fail with ENOSYS instead of the default action */
    struct filter_arch *archs;
    unsigned n_archs;
};

/* The program of a filter, in the arena. EFBIG when it is longer than the kernel takes. Reorders
 * the bindings. */
int filter_assemble(struct filter *f, struct arena *a, struct sock_filter **program,
                    unsigned short *len, struct err *e);

/* ---- tables of system calls (syscalls.c) ---- */

enum { SYSCALL_DOORS = 2, SYSCALL_SUBCALLS = 32 };

/* An architecture's table. Only the token is to be set by the caller. */
struct syscall_table {
    uint32_t token;
    /* Numbers of multiplexed calls that exist on their own as well, by subcall; 0: none. */
    bool scanned;
    int socketcall[SYSCALL_SUBCALLS], ipc[SYSCALL_SUBCALLS];
};

/* Where a system call by name is met on an architecture. */
struct syscall_place {
    unsigned n; /* 0: this architecture does not have it */
    struct {
        uint32_t number;
        int subcall; /* value of argument 0 of a multiplexer, or -1 for the call itself */
    } v[SYSCALL_DOORS];
};

uint32_t syscall_native_arch(void);
bool syscall_knows_arch(uint32_t token);
/* False when no table knows the name at all. */
bool syscall_find(struct syscall_table *table, const char *name, struct syscall_place *place);

#endif
