/* SPDX-License-Identifier: Apache-2.0 */
/* Moments in text. */
#ifndef RT_BASE_MOMENT_H
#define RT_BASE_MOMENT_H

#include <time.h>

enum { MOMENT_TEXT = 64 };

/* A time of CLOCK_REALTIME in UTC as RFC 3339 has it, with nanoseconds: of the years 1970 to 9999.
 * gmtime_r would read the file of the time zone first, which here nobody needs. */
void moment_text(const struct timespec *, char text[MOMENT_TEXT]);

#endif
