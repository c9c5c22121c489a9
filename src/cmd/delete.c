/* SPDX-License-Identifier: Apache-2.0 */
/* rt delete */
#include "cmd/each.h"

#include "run/run.h"

struct wish {
    bool force;
};

static int delete_one(struct app *app, const char *id, void *arg, struct err *e)
{
    const struct wish *w = arg;

    return run_delete(app->root, id, w->force, app->arena, e);
}

int cmd_delete(struct app *app, int argc, char **argv, struct err *e)
{
    struct wish w = {0};
    bool regex = false;
    const struct option table[] = {
        {"force", 'f', OPT_FLAG, &w.force, NULL, "kill it first; an unknown ID is no error"},
        {"regex", 'r', OPT_FLAG, &regex, NULL, "ID is a regular expression, regex(7)"},
    };
    int first = command_words(app, "delete", table, N_OPTIONS(table), 1, 1, argc, argv, e);

    if (first < 0)
        return first;
    return regex ? each_matching(app, argv[first], delete_one, &w, e)
                 : delete_one(app, argv[first], &w, e);
}
