/* SPDX-License-Identifier: Apache-2.0 */
/* Running one hook's program under supervision. */
#ifndef RT_HOOK_PROGRAM_H
#define RT_HOOK_PROGRAM_H

#include "base/arena.h"
#include "base/err.h"
#include "oci.h"

struct program {
    const struct oci_hook *hook;
    const char *input;                     /* for its stdin */
    const char *stdout_file, *stderr_file; /* appended to, instead of being kept; or NULL */
    char *output;                          /* out: the end of what it printed, or NULL */
};

/* Run it in a process group of its own and wait; when its timeout passes the group is killed. A
 * program that cannot be run, a status other than 0, a signal and a timeout are failures. */
int program_run(struct program *, struct arena *, struct err *);

#endif
