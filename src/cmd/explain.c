/* SPDX-License-Identifier: Apache-2.0 */
/* rt explain */
#include "cmd/make.h"

#include "run/run.h"

#include <stdio.h>

int cmd_explain(struct app *app, int argc, char **argv, struct err *e)
{
    struct request r = {.kind = KIND_RUN, .id = "explain", .dry_run = true};
    int first = command_words(app, "explain", NULL, 0, 0, 1, argc, argv, e);

    if (first < 0)
        return first;
    r.bundle = first < argc ? argv[first] : NULL;
    if (make_request(app, &r, e) < 0)
        return -e->code;
    return run_explain(&r, app->arena, stdout, e);
}
