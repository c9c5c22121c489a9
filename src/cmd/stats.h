/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cmd: the figures of a cgroup as the JSON that engines read from `events`. */
#ifndef RT_CMD_STATS_H
#define RT_CMD_STATS_H

#include "cgroup/cgroup.h"
#include <stdio.h>

/* One object on one line, without a line break. What the kernel does not say is left out; a limit
 * that is not set is 2^64-1, that of pids 0. Names as in the runtime interface that containerd and
 * docker know: cpu.usage.total, memory.usage.usage, ... */
void stats_print(FILE *out, const struct cgroup_stats *s);

/* A string in quotes, escaped. */
void stats_print_string(FILE *out, const char *s);

#endif
