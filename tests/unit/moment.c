/* SPDX-License-Identifier: Apache-2.0 */
/* Moments in text, compared with what the C library says of the same day. */
#include "base/moment.h"

#include "tap.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(time_t seconds, long nanoseconds)
{
    static char text[MOMENT_TEXT];

    moment_text(&(struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds}, text);
    return text;
}

static bool as_the_library(time_t seconds)
{
    char text[64];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
    if (strcmp(text, text_of(seconds, 0)) == 0)
        return true;
    printf("# %lld: %s, the library says %s\n", (long long)seconds, text_of(seconds, 0), text);
    return false;
}

int main(void)
{
    const time_t day = 86400, year_9999 = 253402300799;
    bool same = true;

    is_str(text_of(0, 0), "1970-01-01T00:00:00.000000000Z", "the first moment");
    is_str(text_of(951782399, 5), "2000-02-28T23:59:59.000000005Z", "before a leap day");
    is_str(text_of(951782400, 999999999), "2000-02-29T00:00:00.999999999Z", "a leap day");
    is_str(text_of(year_9999, 0), "9999-12-31T23:59:59.000000000Z", "the last moment");
    for (time_t t = 0; same && t <= 200000 * day; t += day)
        same = as_the_library(t) && as_the_library(t + day - 1);
    ok(same, "every day of 500 years is as the C library has it");
    return done_testing();
}
