/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: the global options, and memory. */
#ifndef RT_CMD_APP_H
#define RT_CMD_APP_H

#include "base/arena.h"
#include "base/err.h"
#include "cmd/options.h"
#include "core/plan.h"

struct app {
    struct arena *arena;
    const char *root; /* folder of containers, absolute */
    enum cg_manager cg_manager;
    int rootless;  /* 1, 0, -1: find out */
    int exit_code; /* of the program; of rt itself when a command failed and 1 is not it */
};

/* A command gets the words behind its name. 0 or -errno; app->exit_code on success. */
typedef int command_fn(struct app *, int argc, char **argv, struct err *);

#define COMMAND(name, arguments, help) command_fn cmd_##name;
#include "cmd/commands.def"
#undef COMMAND

#define RT_VERSION_TEXT  PACKAGE_VERSION
#define OCI_SPEC_VERSION "1.3.0"

/* Parse the options of a command, print its help and leave on --help, and demand between `least`
 * and `most` words behind the options. Index of the first, or -EINVAL. */
int command_words(struct app *, const char *name, const struct option *table, size_t n, int least,
                  int most, int argc, char **argv, struct err *);

#endif
