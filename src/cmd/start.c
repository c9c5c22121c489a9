/* SPDX-License-Identifier: Apache-2.0 */
/* rt start */
#include "cmd/app.h"

#include "run/run.h"

int cmd_start(struct app *app, int argc, char **argv, struct err *e)
{
    int first = command_words(app, "start", NULL, 0, 1, 1, argc, argv, e);

    return first < 0 ? first : run_start(app->root, argv[first], app->arena, e);
}
