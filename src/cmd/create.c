/* SPDX-License-Identifier: Apache-2.0 */
/* rt create */
#include "cmd/make.h"

#include "run/run.h"

int cmd_create(struct app *app, int argc, char **argv, struct err *e)
{
    struct request r = {.kind = KIND_CREATE, .detach = true};
    struct option table[N_MAKE_OPTIONS];
    int first;

    make_options(&r, table);
    first = command_words(app, "create", table, N_MAKE_OPTIONS, 1, 1, argc, argv, e);
    if (first < 0)
        return first;
    r.id = argv[first];
    if (make_request(app, &r, e) < 0)
        return -e->code;
    return run_create(&r, app->arena, e);
}
