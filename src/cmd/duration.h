/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cmd: times on the command line. */
#ifndef RT_CMD_DURATION_H
#define RT_CMD_DURATION_H

#include "base/err.h"
#include <stdint.h>

/* "5s", "500ms", "1m30s", "0.5s", or a number of seconds, to microseconds: 1 ms to 24 days.
 * -EINVAL with the reason, and the name of the option. */
int duration_parse(const char *option, const char *text, uint64_t *us, struct err *e);

#endif
