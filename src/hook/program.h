/* SPDX-License-Identifier: Apache-2.0 */
/* Running one hook's program under supervision. */
#ifndef RT_HOOK_PROGRAM_H
#define RT_HOOK_PROGRAM_H

#include "base/arena.h"
#include "base/err.h"
#include "oci.h"

struct program {
    const struct oci_hook *hook;
    const char *input;            /* for its stdin */
    int stdout_file, stderr_file; /* borrowed: taken instead of being kept; or -1 */
    char *output;                 /* out: the end of what it printed, on one line */
    double ms;                    /* out: how long it ran */
};

/* Run it in a process group of its own, with descriptors 0 to 2 only, and wait; when its timeout
 * passes, or a blocked SIGINT, SIGTERM, SIGHUP or SIGQUIT comes, the group is killed. A program
 * that cannot be run, a status other than 0, a signal and a timeout are failures, told with the end
 * of what it printed. */
int program_run(struct program *, struct arena *, struct err *);

#endif
