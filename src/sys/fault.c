/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the injection of faults. */
#include "sys/fault.h"

#ifdef RT_FAULT_INJECTION

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Does "NAME[@ROLE]" name this row and role? Its end is set. */
static bool names(const char *spec, const char *row, const char *role, const char **end)
{
    size_t n = strlen(row), m = strlen(role);

    if (strncmp(spec, row, n) != 0)
        return false;
    spec += n;
    if (*spec == '@') {
        if (strncmp(spec + 1, role, m) != 0)
            return false;
        spec += 1 + m;
    }
    *end = spec;
    return *spec == '=';
}

int sys_fault(const char *row, const char *role, bool after)
{
    const char *spec = getenv("RT_FAULT"), *action;

    if (!spec || !names(spec, row, role, &action))
        return 0;
    action++;
    if (strcmp(action, after ? "die-after" : "die") == 0)
        __builtin_trap();
    return !after && strcmp(action, "EIO") == 0 ? -EIO : 0;
}

#else

int sys_fault(const char *row, const char *role, bool after)
{
    (void)row;
    (void)role;
    (void)after;
    return 0;
}

#endif
