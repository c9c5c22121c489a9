/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of options and the help about them. */
#include "cmd/options.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

struct reader {
    const struct option *table;
    size_t n;
    int argc;
    char **argv;
    int at;
    struct arena *arena;
};

static const struct option *by_name(const struct reader *r, const char *name, size_t len)
{
    for (size_t i = 0; i < r->n; i++)
        if (strlen(r->table[i].name) == len && strncmp(r->table[i].name, name, len) == 0)
            return &r->table[i];
    return NULL;
}

static const struct option *by_letter(const struct reader *r, char letter)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->table[i].letter && r->table[i].letter == letter)
            return &r->table[i];
    return NULL;
}

static int unknown(const struct reader *r, const char *word, struct err *e)
{
    const char **names = arena_array(r->arena, r->n, sizeof *names);
    const char *near;

    for (size_t i = 0; i < r->n; i++)
        names[i] = r->table[i].name;
    near = str_nearest(word + strspn(word, "-"), names, r->n);
    refuse(e, EINVAL, "unknown option %s", word);
    return near ? err_hint(e, "did you mean --%s?", near) : -e->code;
}

static void append(struct reader *r, struct string_list *list, const char *value)
{
    const char **more = arena_array(r->arena, list->n + 1, sizeof *more);

    if (list->n)
        memcpy(more, list->v, list->n * sizeof *more);
    more[list->n] = value;
    list->v = more;
    list->n++;
}

static bool is_flag(const struct option *o)
{
    return o->kind == OPT_FLAG || o->kind == OPT_IGNORED_FLAG;
}

static int store_count(const struct option *o, const char *value, struct err *e)
{
    uint32_t n;

    if (num_u32(value, &n) < 0 || n > INT32_MAX)
        return refuse(e, EINVAL, "--%s: expected a number, got \"%s\"", o->name, value);
    *(int *)o->to = (int)n;
    return 0;
}

static int store(struct reader *r, const struct option *o, const char *value, struct err *e)
{
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)o->to = true;
        return 0;
    case OPT_STRING:
        *(const char **)o->to = value;
        return 0;
    case OPT_COUNT:
        return store_count(o, value, e);
    case OPT_LIST:
        append(r, o->to, value);
        return 0;
    case OPT_IGNORED_FLAG:
    case OPT_IGNORED_VALUE:
        return 0;
    }
    return 0;
}

/* "--flag=true" and "--flag=false" as Go programs write them. */
static int store_flag_text(const struct option *o, const char *text, struct err *e)
{
    if (!str_eq(text, "true") && !str_eq(text, "false"))
        return refuse(e, EINVAL, "--%s takes no value", o->name);
    if (o->kind == OPT_FLAG)
        *(bool *)o->to = str_eq(text, "true");
    return 0;
}

static int take_value(struct reader *r, const struct option *o, struct err *e)
{
    if (r->at + 1 >= r->argc)
        return refuse(e, EINVAL, "--%s needs a value", o->name);
    return store(r, o, r->argv[++r->at], e);
}

static int read_long(struct reader *r, const char *word, size_t dashes, struct err *e)
{
    const char *name = word + dashes, *eq = strchr(name, '=');
    const struct option *o = by_name(r, name, eq ? (size_t)(eq - name) : strlen(name));

    if (!o)
        return unknown(r, word, e);
    if (is_flag(o))
        return eq ? store_flag_text(o, eq + 1, e) : store(r, o, NULL, e);
    return eq ? store(r, o, eq + 1, e) : take_value(r, o, e);
}

/* Several flags may share a dash; a value takes the rest of the word or the next one. */
static int read_letters(struct reader *r, const char *word, struct err *e)
{
    for (const char *p = word + 1; *p; p++) {
        const struct option *o = by_letter(r, *p);
        int result;

        if (!o)
            return unknown(r, word, e);
        if (!is_flag(o))
            return p[1] ? store(r, o, p + 1 + (p[1] == '='), e) : take_value(r, o, e);
        result = store(r, o, NULL, e);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool is_long_with_one_dash(const struct reader *r, const char *word)
{
    return word[2] && by_name(r, word + 1, strcspn(word + 1, "="));
}

int options_parse(const struct option *table, size_t n, int argc, char **argv, struct arena *a,
                  struct err *e)
{
    struct reader r = {.table = table, .n = n, .argc = argc, .argv = argv, .arena = a};

    for (; r.at < argc; r.at++) {
        const char *word = argv[r.at];
        int result;

        if (word[0] != '-' || !word[1])
            break;
        if (str_eq(word, "--"))
            return r.at + 1;
        if (word[1] == '-')
            result = read_long(&r, word, 2, e);
        else if (is_long_with_one_dash(&r, word))
            result = read_long(&r, word, 1, e);
        else
            result = read_letters(&r, word, e);
        if (result < 0)
            return result;
    }
    return r.at;
}

void options_help(const struct option *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s --%s%s%s", table[i].letter ? "-" : " ",
                 table[i].letter ? table[i].letter : ' ', table[i].letter ? "," : " ",
                 table[i].name, table[i].value ? " " : "", table[i].value ? table[i].value : "");
        printf("  %-30s %s\n", left, table[i].help);
    }
}
