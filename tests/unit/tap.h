/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP for unit tests: one program per source file, one line per assertion, the plan at the end, so
 * that a program that dies early is known to have died. `return done_testing();` ends main.
 */
#ifndef RT_TESTS_UNIT_TAP_H
#define RT_TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool good, const char *file,
                                                                 int line, const char *format, ...)
{
    va_list ap;

    printf("%sok %d - ", good ? "" : "not ", ++tap_run);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf("\n");
    if (!good) {
        tap_failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

__attribute__((unused)) static bool tap_is_int(intmax_t got, intmax_t want, const char *file,
                                               int line, const char *what)
{
    bool good = tap_ok(got == want, file, line, "%s", what);

    if (!good)
        printf("#      got %" PRIdMAX "\n# expected %" PRIdMAX "\n", got, want);
    return good;
}

__attribute__((unused)) static bool tap_is_str(const char *got, const char *want, const char *file,
                                               int line, const char *what)
{
    bool good = tap_ok(got && want ? strcmp(got, want) == 0 : got == want, file, line, "%s", what);

    if (!good)
        printf("#      got \"%s\"\n# expected \"%s\"\n", got ? got : "(NULL)",
               want ? want : "(NULL)");
    return good;
}

/* ok(condition, "what %s does", name): the name of the assertion is a printf format. */
#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)

/* Equal numbers, equal strings (NULL only equals NULL). The name is plain text. */
#define is_int(got, want, what) tap_is_int((got), (want), __FILE__, __LINE__, (what))
#define is_str(got, want, what) tap_is_str((got), (want), __FILE__, __LINE__, (what))

/* An assertion that cannot be made here, and why; it is counted as skipped. */
#define skip(what, why) printf("ok %d - %s # SKIP %s\n", ++tap_run, (what), (why))

__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed ? 1 : 0;
}

#endif
