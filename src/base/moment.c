/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the calendar. */
#include "base/moment.h"

#include <stdio.h>

enum { DAY = 86400, DAYS_TO_1970 = 719468, ERA = 146097, ERA_YEARS = 400 };

/* Years are counted from March, so that the leap day is the last of its year; an era of 400 years
 * has the same number of days each time. */
void moment_text(const struct timespec *t, char text[MOMENT_TEXT])
{
    unsigned seconds = (unsigned)(t->tv_sec % DAY);
    unsigned days = (unsigned)(t->tv_sec / DAY) + DAYS_TO_1970;
    unsigned in_era = days % ERA;
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 is March */
    unsigned day = in_year - (153 * month + 2) / 5 + 1;
    unsigned calendar_month = month < 10 ? month + 3 : month - 9;

    year += days / ERA * ERA_YEARS + (calendar_month <= 2);
    snprintf(text, MOMENT_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", year, calendar_month, day,
             seconds / 3600, seconds / 60 % 60, seconds % 60, (unsigned)(t->tv_nsec % 1000000000));
}
