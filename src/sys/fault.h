/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Injected faults, for the fault matrix. Compiled in only with --enable-faults; otherwise the
 * question costs nothing and the answer is no.
 */
#ifndef RT_SYS_FAULT_H
#define RT_SYS_FAULT_H

#include <stdbool.h>

/* RT_FAULT=NAME[@ROLE]=EIO | die | die-after: in the row NAME (of that role, if one is named)
 * report EIO, or die by a trap before or after its work. A trap, because process 1 of a pid
 * namespace ignores signals that it sends itself. Returns 0 or -EIO. */
int sys_fault(const char *row, const char *role, bool after);

#endif
