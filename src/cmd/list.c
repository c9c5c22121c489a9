/* SPDX-License-Identifier: Apache-2.0 */
/* rt list */
#include "cmd/state.h"

#include "base/fd.h"
#include "base/str.h"
#include "cmd/app.h"
#include "fs/procfs.h"
#include "schema.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* A user's name from /etc/passwd: a static program has no other sources of names. */
static const char *user_name(uint32_t uid, struct arena *a)
{
    auto_fclose FILE *f = fopen("/etc/passwd", "re");
    struct passwd *p;

    while (f && (p = fgetpwent(f)))
        if (p->pw_uid == uid)
            return str_dup(a, p->pw_name);
    return str_fmt(a, "#%u", uid);
}

struct owners {
    uint32_t uid;
    const char *name;
};

static const char *owner(struct owners *last, uint32_t uid, struct arena *a)
{
    if (!last->name || last->uid != uid)
        *last = (struct owners){.uid = uid, .name = user_name(uid, a)};
    return last->name;
}

/* One that was deleted while we looked is not there. */
static size_t collect(struct app *app, const char **ids, size_t n, struct oci_state *states)
{
    struct owners last = {0};
    auto_close int proc = n ? procfs_open(NULL) : -1;
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        struct container c;
        struct err ignored = {0};

        if (record_find(app->root, ids[i], app->arena, &c, &ignored) == 0) {
            c.proc = &proc;
            state_fill(&states[found], &c);
            states[found].owner =
                owner(&last, c.record ? c.record->owner : (uint32_t)geteuid(), app->arena);
            found++;
        }
        fd_close(&c.dir);
    }
    return found;
}

static void print_json(struct app *app, const struct oci_state *states, size_t n)
{
    size_t len;

    putchar('[');
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? "," : "",
               oci_write(app->arena, &oci_desc_state, &states[i], false, &len));
    puts("]");
}

static int widest(const struct oci_state *states, size_t n, bool bundle, int least)
{
    for (size_t i = 0; i < n; i++) {
        int w = (int)strlen(bundle ? states[i].bundle : states[i].id);
        least = w > least ? w : least;
    }
    return least;
}

static void print_table(const struct oci_state *states, size_t n)
{
    int id = widest(states, n, false, 11), bundle = widest(states, n, true, 11);

    printf("%-*s %-11s %-11s %-*s %-31s %s\n", id, "ID", "PID", "STATUS", bundle, "BUNDLE",
           "CREATED", "OWNER");
    for (size_t i = 0; i < n; i++)
        printf("%-*s %-11lld %-11s %-*s %-31s %s\n", id, states[i].id, (long long)states[i].pid,
               oci_word(state_status, states[i].status), bundle, states[i].bundle,
               states[i].created, states[i].owner);
}

int cmd_list(struct app *app, int argc, char **argv, struct err *e)
{
    const char *format = "table", **ids;
    bool quiet = false;
    const struct option table[] = {
        {"format", 'f', OPT_STRING, &format, "F", "table or json"},
        {"quiet", 'q', OPT_FLAG, &quiet, NULL, "print IDs only"},
    };
    struct oci_state *states;
    size_t n;

    if (command_words(app, "list", table, N_OPTIONS(table), 0, 0, argc, argv, e) < 0)
        return -e->code;
    if (!str_eq(format, "table") && !str_eq(format, "json"))
        return refuse(e, EINVAL, "--format: \"%s\" is neither table nor json", format);
    if (record_list(app->root, app->arena, &ids, &n, e) < 0)
        return -e->code;
    for (size_t i = 0; quiet && i < n; i++)
        puts(ids[i]);
    if (quiet)
        return 0;
    states = arena_array(app->arena, n + 1, sizeof *states);
    n = collect(app, ids, n, states);
    if (str_eq(format, "json"))
        print_json(app, states, n);
    else
        print_table(states, n);
    return 0;
}
