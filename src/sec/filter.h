/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to src/sec: a seccomp profile as rules on numbers, and its program.
 *
 * libseccomp is not used: for a profile of 360 calls and three architectures its generator takes
 * tens of milliseconds, more than the rest of a container's start, and its way from names to
 * numbers 0.4 ms. The program here is a search tree over ranges of numbers that share an action;
 * every number that is plainly allowed is reached without looking at arguments, which is what the
 * kernel needs to know it for its own cache (seccomp_cache_prepare, Linux 5.11). Its length counts
 * as well: the kernel translates it to machine code each time that it is loaded.
 *
 * What a profile means where its text is silent is what libseccomp makes of it:
 *  - a rule without conditions beats every rule with conditions for the same call;
 *  - of several rules with conditions that hold the strictest action wins, as it does between
 *    filters (seccomp(2)); here libseccomp goes by an order of its own;
 *  - on 32-bit architectures, x32 among them, values are cut to 32 bits;
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
    const struct filter_rule *rule;
    uint32_t number;
    uint32_t next; /* of the same number or, among those far off, of any: index + 1, 0 for none */
};

/* Most numbers lie close together, so these are not sorted but have a place each. */
enum { FILTER_PLACES = 1024 };

struct filter_arch {
    uint32_t token;        /* as libseccomp names it: AUDIT_ARCH_*, but one of its own for x32 */
    int column;            /* of the table of system calls */
    uint32_t first;        /* number of the architecture */
    uint16_t *places, far; /* newest binding of each number from `first` on, and of the others */
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

/* -E2BIG when there are too many rules to count. */
int filter_bind(struct filter_arch *arch, uint32_t number, const struct filter_rule *rule,
                struct arena *a);

/* The program of a filter, in the arena. EFBIG when it is longer than the kernel takes. */
int filter_assemble(struct filter *f, struct arena *a, struct sock_filter **program,
                    unsigned short *len, struct err *e);

/* ---- the table of system calls (syscalls.c) ---- */

struct syscall; /* a row */

enum { SYSCALL_DOORS = 2 };

/* Where a system call is met on an architecture. */
struct syscall_place {
    unsigned n; /* 0: this architecture does not have it */
    struct {
        uint32_t number;
        int subcall; /* value of argument 0 of a multiplexer, or -1 for the call itself */
    } v[SYSCALL_DOORS];
};

/* The column of an architecture, or -1 when its numbers are unknown. */
int syscall_column(uint32_t token);
/* The number that those of a column begin with. */
uint32_t syscall_first(int column);
/* NULL when no architecture has a call of that name. `last` is where the search begins, and what it
 * found: names of profiles are mostly in order. NULL at first. */
const struct syscall *syscall_find(const char *name, const struct syscall *last);
void syscall_find_place(const struct syscall *call, int column, struct syscall_place *place);

#endif
