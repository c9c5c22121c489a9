/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the walk over containers by pattern. */
#include "cmd/each.h"

#include "run/record.h"

#include <errno.h>
#include <regex.h>

int each_matching(struct app *app, const char *pattern, each_fn *fn, void *arg, struct err *e)
{
    const char **ids;
    regex_t re;
    size_t n;
    int r = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);

    if (r) {
        char why[128];
        regerror(r, &re, why, sizeof why);
        return refuse(e, EINVAL, "pattern \"%.64s\": %s", pattern, why);
    }
    if (record_list(app->root, app->arena, &ids, &n, e) < 0) {
        regfree(&re);
        return -e->code;
    }
    for (size_t i = 0; i < n; i++) {
        struct err one = {0};
        if (regexec(&re, ids[i], 0, NULL, 0) == 0 && fn(app, ids[i], arg, &one) < 0 && !e->code)
            *e = one;
    }
    regfree(&re);
    return -e->code;
}
