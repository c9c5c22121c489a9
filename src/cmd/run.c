/* SPDX-License-Identifier: Apache-2.0 */
/* rt run: for an engine `run [-b DIR] ID`, for a person `run BUNDLE-DIR`. */
#include "cmd/make.h"

#include "base/str.h"
#include "run/run.h"

#include <string.h>
#include <unistd.h>

/* An argument with a slash, or a dot alone, can be no id; one that names a folder with a
 * config.json is a bundle where the present folder is none. */
static bool is_bundle(struct app *app, const struct request *r, const char *word)
{
    if (r->bundle)
        return false;
    if (strchr(word, '/') || str_eq(word, ".") || str_eq(word, ".."))
        return true;
    if (access("config.json", F_OK) == 0)
        return false;
    return access(str_path(app->arena, word, "config.json"), F_OK) == 0;
}

static const char *made_up_id(struct app *app, const char *bundle)
{
    size_t n = strlen(bundle);
    size_t end = n;
    char *id;

    while (end && (bundle[end - 1] == '/' || bundle[end - 1] == '.'))
        end--;
    n = end;
    while (n && bundle[n - 1] != '/')
        n--;
    id = str_fmt(app->arena, "%.*s-%d", (int)(end - n > 100 ? 100 : end - n), bundle + n,
                 (int)getpid());
    for (char *c = id; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.", *c))
            *c = '-';
    return id[0] == '.' || id[0] == '-' ? str_fmt(app->arena, "rt%s", id) : id;
}

int cmd_run(struct app *app, int argc, char **argv, struct err *e)
{
    enum { OWN = 2 };
    struct request r = {.kind = KIND_RUN};
    struct option table[N_MAKE_OPTIONS + OWN];
    const struct option own[OWN] = {
        {"detach", 'd', OPT_FLAG, &r.detach, NULL, "return as soon as the program runs"},
        {"keep", 0, OPT_FLAG, &r.keep, NULL, "do not delete the container when it ends"},
    };
    int first;

    make_options(&r, table);
    memcpy(table + N_MAKE_OPTIONS, own, sizeof own);
    first = command_words(app, "run", table, N_OPTIONS(table), 1, 1, argc, argv, e);
    if (first < 0)
        return first;
    r.id = argv[first];
    if (is_bundle(app, &r, r.id)) {
        r.bundle = r.id;
        r.id = made_up_id(app, r.bundle);
    }
    if (make_request(app, &r, e) < 0)
        return -e->code;
    return run_run(&r, app->arena, &app->exit_code, e);
}
