/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the way from text to tree, by yajl's events, and from values to text. */
#include "json.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

struct builder {
    struct arena *arena;
    const char *text, *name;
    size_t len;
    yajl_handle yajl;
    uint32_t done; /* bytes that earlier events have used up */
    struct json *root;
    struct json *open[JSON_DEEPEST];  /* the objects and arrays that are open */
    struct json **tail[JSON_DEEPEST]; /* where the next member of each goes */
    int depth;
    const char *key; /* of the member to come */
    uint32_t key_offset;
    struct err *e;
};

void json_place(const char *text, uint32_t offset, unsigned *line, unsigned *column)
{
    const char *start = text;

    *line = 1;
    for (const char *p = text; p < text + offset; p++)
        if (*p == '\n') {
            ++*line;
            start = p + 1;
        }
    *column = (unsigned)(text + offset - start) + 1;
}

static int place(struct builder *b, uint32_t offset)
{
    unsigned line, column;

    json_place(b->text, offset, &line, &column);
    return err_at(b->e, "%s:%u:%u", b->name, line, column);
}

/* Between two tokens there are only white space, commas and colons: the next one begins behind. */
static uint32_t next_token(struct builder *b)
{
    uint32_t at = b->done;

    while (at < b->len && strchr(" \t\r\n,:", b->text[at]))
        at++;
    b->done = (uint32_t)yajl_get_bytes_consumed(b->yajl);
    return at;
}

static struct json *add(struct builder *b, enum json_type type)
{
    struct json *v = arena_new(b->arena, struct json);

    v->type = type;
    v->offset = next_token(b);
    v->key = b->key;
    v->key_offset = b->key_offset;
    b->key = NULL;
    if (!b->depth) {
        b->root = v;
        return v;
    }
    *b->tail[b->depth - 1] = v;
    b->tail[b->depth - 1] = &v->next;
    b->open[b->depth - 1]->n++;
    return v;
}

static int push(struct builder *b, enum json_type type)
{
    struct json *v = add(b, type);

    if (b->depth == JSON_DEEPEST) {
        refuse(b->e, EINVAL, "nested deeper than %d", JSON_DEEPEST);
        place(b, v->offset);
        return 0;
    }
    b->tail[b->depth] = &v->first;
    b->open[b->depth++] = v;
    return 1;
}

static char *copy(struct builder *b, const unsigned char *s, size_t n, uint32_t offset)
{
    if (memchr(s, '\0', n)) {
        refuse(b->e, EINVAL, "a NUL character in a string");
        place(b, offset);
        return NULL;
    }
    return str_ndup(b->arena, (const char *)s, n);
}

/* ---- duplicate keys ---- */

static int by_key(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
    int r = strcmp(x->key, y->key);

    return r ? r : (x->key_offset > y->key_offset) - (x->key_offset < y->key_offset);
}

static const struct json *duplicate_sorted(struct arena *a, const struct json *object)
{
    const struct json **all = arena_array(a, object->n, sizeof *all);
    size_t n = 0;

    for (const struct json *m = object->first; m; m = m->next)
        all[n++] = m;
    qsort(all, n, sizeof *all, by_key);
    for (size_t i = 1; i < n; i++)
        if (str_eq(all[i - 1]->key, all[i]->key))
            return all[i];
    return NULL;
}

static const struct json *duplicate(struct arena *a, const struct json *object)
{
    enum { FEW = 40 };

    if (object->n > FEW)
        return duplicate_sorted(a, object);
    for (const struct json *m = object->first; m; m = m->next)
        for (const struct json *k = object->first; k != m; k = k->next)
            if (str_eq(k->key, m->key))
                return m;
    return NULL;
}

/* ---- events ---- */

static int on_null(void *ctx)
{
    add(ctx, JSON_NULL);
    return 1;
}

static int on_bool(void *ctx, int value)
{
    add(ctx, JSON_BOOL)->n = value != 0;
    return 1;
}

static int on_number(void *ctx, const char *s, size_t n)
{
    struct builder *b = ctx;

    add(b, JSON_NUMBER)->text = str_ndup(b->arena, s, n);
    return 1;
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
    struct builder *b = ctx;
    struct json *v = add(b, JSON_STRING);

    v->text = copy(b, s, n, v->offset);
    return v->text != NULL;
}

static int on_start_map(void *ctx)
{
    return push(ctx, JSON_OBJECT);
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
    struct builder *b = ctx;

    b->key_offset = next_token(b);
    b->key = copy(b, s, n, b->key_offset);
    return b->key != NULL;
}

static int on_end_map(void *ctx)
{
    struct builder *b = ctx;
    const struct json *twice = duplicate(b->arena, b->open[--b->depth]);

    next_token(b);
    if (!twice)
        return 1;
    refuse(b->e, EINVAL, "duplicate key \"%.64s\"", twice->key);
    place(b, twice->key_offset);
    return 0;
}

static int on_start_array(void *ctx)
{
    return push(ctx, JSON_ARRAY);
}

static int on_end_array(void *ctx)
{
    struct builder *b = ctx;

    b->depth--;
    next_token(b);
    return 1;
}

static const yajl_callbacks events = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number, /* raw: 2^64-1 does not fit yajl's integers */
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* ---- parsing ---- */

static int syntax_error(struct builder *b)
{
    unsigned char *why = yajl_get_error(b->yajl, 0, (const unsigned char *)b->text, b->len);
    size_t at = yajl_get_bytes_consumed(b->yajl);
    size_t n = strcspn((char *)why, "\n");

    refuse(b->e, EINVAL, "not valid JSON: %.*s", (int)n, (char *)why);
    yajl_free_error(b->yajl, why);
    return place(b, (uint32_t)(at && at <= b->len ? at - 1 : 0));
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

int json_parse(struct arena *a, const char *text, size_t len, const char *name, struct json **out,
               struct err *e)
{
    struct err unwanted = {0};
    struct builder b = {.arena = a, .text = text, .len = len, .name = name, .e = e ? e : &unwanted};
    yajl_status s;

    if (len > JSON_LARGEST)
        return refuse(e, EFBIG, "%s is larger than 16 MiB", name);
    if (is_blank(text, len))
        return refuse(e, EINVAL, "%s is empty", name);
    b.e->code = 0;
    b.yajl = yajl_alloc(&events, NULL, &b);
    if (!b.yajl)
        return fail(e, ENOMEM, "parse %s", name);
    s = yajl_parse(b.yajl, (const unsigned char *)text, len);
    if (s == yajl_status_ok)
        s = yajl_complete_parse(b.yajl);
    if (s != yajl_status_ok && !b.e->code)
        syntax_error(&b);
    yajl_free(b.yajl);
    *out = b.root;
    return -b.e->code;
}

/* ---- writing ---- */

static void put(struct json_out *o, const char *s, size_t n)
{
    if (o->n + n + 1 > o->room) {
        size_t room = (o->room ? o->room * 2 : 1024) + n;
        char *more = arena_alloc(o->arena, room);
        if (o->n)
            memcpy(more, o->buf, o->n);
        o->buf = more;
        o->room = room;
    }
    memcpy(o->buf + o->n, s, n);
    o->n += n;
    o->buf[o->n] = '\0';
}

static void newline(struct json_out *o)
{
    if (!o->indent)
        return;
    put(o, "\n", 1);
    for (int i = 0; i < o->depth * o->indent; i++)
        put(o, " ", 1);
}

void json_raw(struct json_out *o, const char *s)
{
    put(o, s, strlen(s));
}

void json_open(struct json_out *o, char bracket)
{
    put(o, &bracket, 1);
    o->depth++;
    o->fresh = true;
}

void json_close(struct json_out *o, char bracket)
{
    o->depth--;
    if (!o->fresh)
        newline(o);
    put(o, &bracket, 1);
    o->fresh = false;
}

void json_item(struct json_out *o)
{
    if (!o->fresh)
        put(o, ",", 1);
    o->fresh = false;
    newline(o);
}

void json_key(struct json_out *o, const char *key)
{
    json_item(o);
    json_string(o, key);
    put(o, ": ", o->indent ? 2 : 1);
}

void json_string(struct json_out *o, const char *s)
{
    static const char short_for[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";

    put(o, "\"", 1);
    for (; *s; s++) {
        const char *known = strchr(short_for, *s);
        char escape[8];

        if (known)
            put(o, escape,
                (size_t)snprintf(escape, sizeof escape, "\\%c", letters[known - short_for]));
        else if ((unsigned char)*s < 0x20)
            put(o, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*s));
        else
            put(o, s, 1);
    }
    put(o, "\"", 1);
}
