/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as tables: one row says long and short name, what is stored where, and the help line.
 * Parsing takes --opt=value, --opt value, -ovalue, -o value, and long options with one dash, which
 * some engines send. It stops at the first word that is no option, and at "--".
 */
#ifndef RT_CMD_OPTIONS_H
#define RT_CMD_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPT_FLAG,         /* bool * := true */
    OPT_STRING,       /* const char ** := the value */
    OPT_COUNT,        /* int * := a number of 0 or more */
    OPT_LIST,         /* struct string_list *, appended, never split */
    OPT_IGNORED_FLAG, /* accepted for callers of older runtimes; the help says why */
    OPT_IGNORED_VALUE,
};

struct string_list {
    const char **v;
    size_t n;
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    void *to;
    const char *value; /* what the help calls the value, NULL for flags */
    const char *help;
};

/* Parse argv[0..argc). Index of the first word that is no option, or -EINVAL. */
int options_parse(const struct option *table, size_t n, int argc, char **argv, struct arena *,
                  struct err *);

void options_help(const struct option *table, size_t n);

#define N_OPTIONS(table) (sizeof(table) / sizeof *(table))

#endif
