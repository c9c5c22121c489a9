/* SPDX-License-Identifier: Apache-2.0 */
/* Owns reading times, in the form that Go's time.ParseDuration takes. */
#include "cmd/duration.h"

#include "base/str.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct unit {
    const char *name;
    double us;
} units[] = {{"ns", 1e-3}, {"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}};

/* Digits with at most one point between them. */
static const char *read_number(const char *at, double *out)
{
    double unit = 1;
    const char *start = at;

    for (*out = 0; *at >= '0' && *at <= '9'; at++)
        *out = *out * 10 + (*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++)
            *out += (*at - '0') * (unit /= 10);
    return at == start || (at == start + 1 && *start == '.') ? NULL : at;
}

static const struct unit *read_unit(const char **at)
{
    size_t n = strspn(*at, "hmnsu");

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == n && strncmp(units[i].name, *at, n) == 0) {
            *at += n;
            return &units[i];
        }
    return NULL;
}

int duration_parse(const char *option, const char *text, uint64_t *us, struct err *e)
{
    const double least = 1e3, most = 2e12;
    const char *at = text;
    double total = 0;

    do {
        double n;
        const struct unit *u;
        at = read_number(at, &n);
        if (at && !*at && total == 0)
            u = &units[3]; /* a number alone is seconds */
        else
            u = at ? read_unit(&at) : NULL;
        if (!u)
            return refuse(e, EINVAL, "%s: expected a time like 5s or 500ms, got \"%.64s\"", option,
                          text);
        total += n * u->us;
    } while (*at);
    if (total < least || total > most)
        return refuse(e, EINVAL, "%s: a time between 1ms and 24 days is needed, got \"%.64s\"",
                      option, text);
    *us = (uint64_t)total;
    return 0;
}
