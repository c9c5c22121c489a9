/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns reading of JSON text; the only user of yajl. What yajl is lax about (UTF-8,
 * surrogates, NUL, blanks that JSON has not) is settled by one look at the text before.
 */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* ---- places ---- */

void json_position(const struct oci_source *src, size_t at, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at && i < src->len; i++) {
        if (src->text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if ((src->text[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

/* Directories are left out: e->at is short, and the pointer is worth more. */
int json_place(const struct oci_source *src, size_t at, const char *pointer, struct err *e)
{
    const char *slash = strrchr(src->name, '/');
    unsigned line, column;

    if (!e)
        return -EINVAL;
    json_position(src, at, &line, &column);
    return err_at(e, "%s:%u:%u%s%s", slash ? slash + 1 : src->name, line, column,
                  pointer[0] ? ": " : "", pointer);
}

static int refuse_at(const struct oci_source *src, size_t at, const char *why, struct err *e)
{
    refuse(e, EINVAL, "%s", why);
    json_place(src, at, "", e);
    return -EINVAL;
}

/* ---- the look at the text before yajl's ---- */

static bool continues(const unsigned char *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t json_utf8_length(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n == 0 || n > left || s[0] > 0xf4 || !continues(s, n))
        return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

/* The number of a \uXXXX at s, or -1 where there is none. */
static int unicode_escape(const char *s, size_t left)
{
    int value = 0;

    if (left < 6 || s[0] != '\\' || s[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Length of the escape at s, or 0 with the reason. What is malformed is left to yajl. */
static size_t escape_length(const char *s, size_t left, const char **why)
{
    int high = unicode_escape(s, left), low;

    if (high < 0)
        return left < 2 ? 1 : 2;
    if (high == 0) {
        *why = "a string has a NUL character";
        return 0;
    }
    if (high < 0xd800 || high > 0xdfff)
        return 6;
    low = high < 0xdc00 ? unicode_escape(s + 6, left - 6) : -1;
    if (low >= 0xdc00 && low <= 0xdfff)
        return 12;
    *why = "half of a surrogate pair is no character";
    return 0;
}

static const char *unreadable(const struct oci_source *src, size_t at)
{
    unsigned char c = (unsigned char)src->text[at];

    if (at == 0 && src->len >= 3 && memcmp(src->text, "\xef\xbb\xbf", 3) == 0)
        return "it begins with a byte order mark, which JSON has not";
    if (c >= 0x80)
        return json_utf8_length((const unsigned char *)src->text + at, src->len - at) ? NULL
                                                                                      : "not UTF-8";
    return c == '\0' ? "a NUL byte" : "a control character";
}

/* What look_over has to do about a byte: nothing, count a value, or look closer. */
enum { PLAIN, VALUE, CLOSER };
enum { BLOCK = 16 };
static const unsigned char kinds[256] = {
    [0 ... 8] = CLOSER, [11] = CLOSER, [12] = CLOSER, [14 ... 31] = CLOSER,     ['\\'] = CLOSER,
    [','] = VALUE,      ['['] = VALUE, ['{'] = VALUE, [0x80 ... 0xff] = CLOSER,
};

/* A block of nothing but plain bytes and values, which most of a text is, without a branch for
 * each. False: look at them one by one. */
static bool plain_block(const unsigned char *s, size_t *values)
{
    unsigned char closer = 0, n = 0;

    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned char c = s[i];
        bool blank = (c == '\n') | (c == '\r') | (c == '\t');
        closer |= ((unsigned char)(c - 0x20) >= 0x60) & !blank; /* controls, and beyond ASCII */
        closer |= c == '\\';
        n = (unsigned char)(n + ((c == ',') | (c == '[') | (c == '{')));
    }
    if (!closer)
        *values += n;
    return !closer;
}

/* Refuse what yajl would let pass, and count an upper bound of the values in the text: each is the
 * document, or stands behind a comma or an opening bracket. */
static int look_over(const struct oci_source *src, size_t *values, struct err *e)
{
    const char *s = src->text;
    const char *why = NULL;
    size_t tried = 0;

    *values = 1;
    for (size_t i = 0, n; i < src->len; i += n) {
        unsigned char c = (unsigned char)s[i];
        n = BLOCK;
        if (i >= tried && src->len - i >= BLOCK) {
            tried = i + BLOCK;
            if (plain_block((const unsigned char *)s + i, values))
                continue;
        }
        n = 1;
        if (kinds[c] != CLOSER) {
            *values += kinds[c];
            continue;
        }
        if (c == '\\') {
            n = escape_length(s + i, src->len - i, &why);
        } else {
            why = unreadable(src, i);
            n = why ? 0 : json_utf8_length((const unsigned char *)s + i, src->len - i);
        }
        if (n == 0)
            return refuse_at(src, i, why, e);
    }
    return 0;
}

/* ---- events to nodes ---- */

struct reading {
    const struct oci_source *src;
    yajl_handle yajl;
    struct err *e;
    struct json_node *nodes;
    char *strings;
    uint32_t n, used; /* nodes, bytes of strings */
    size_t seen;      /* end of the last event */
    bool last_chunk;  /* yajl reads a blank of its own: its offsets mean nothing */
    uint32_t key, key_at;
    unsigned depth;
    uint32_t open[JSON_DEEPEST]; /* nodes of the objects and arrays around */
};

static bool separates(char c)
{
    return c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Where the token of this event begins: behind the last event and what separates. */
static uint32_t token_start(struct reading *r)
{
    size_t at = r->seen;

    while (at < r->src->len && separates(r->src->text[at]))
        at++;
    r->seen = r->last_chunk ? r->src->len : yajl_get_bytes_consumed(r->yajl);
    return (uint32_t)at;
}

/* A decoded string is never longer than its token, which has two quotes or a separator behind. */
static uint32_t keep(struct reading *r, const void *s, size_t len)
{
    uint32_t at = r->used;

    memcpy(r->strings + at, s, len);
    r->strings[at + len] = '\0';
    r->used += (uint32_t)len + 1;
    return at;
}

static struct json_node *add(struct reading *r, enum json_type type)
{
    struct json_node *v = &r->nodes[r->n++];

    v->at = token_start(r);
    v->type = type & 15u;
    v->end = r->n & 0xfffffffu;
    v->key = r->key;
    v->key_at = r->key_at;
    if (r->depth)
        r->nodes[r->open[r->depth - 1]].n++;
    return v;
}

static int on_null(void *ctx)
{
    add(ctx, JSON_NULL);
    return 1;
}

static int on_boolean(void *ctx, int value)
{
    struct json_node *v = add(ctx, JSON_BOOL);

    v->text = keep(ctx, value ? "true" : "false", value ? 4 : 5);
    return 1;
}

static int on_number(void *ctx, const char *s, size_t len)
{
    struct json_node *v = add(ctx, JSON_NUMBER);

    v->text = keep(ctx, s, len);
    return 1;
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
    struct json_node *v = add(ctx, JSON_STRING);

    v->text = keep(ctx, s, len);
    return 1;
}

static int begin(struct reading *r, enum json_type type)
{
    struct json_node *v = add(r, type);

    if (r->depth == JSON_DEEPEST) {
        refuse_at(r->src, v->at, "nested deeper than 64", r->e);
        return 0;
    }
    r->open[r->depth++] = r->n - 1;
    return 1;
}

static int on_start_map(void *ctx)
{
    return begin(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
    return begin(ctx, JSON_ARRAY);
}

static int on_map_key(void *ctx, const unsigned char *s, size_t len)
{
    struct reading *r = ctx;

    r->key_at = token_start(r);
    r->key = keep(r, s, len);
    return 1;
}

static int on_end_array(void *ctx)
{
    struct reading *r = ctx;

    token_start(r);
    r->nodes[r->open[--r->depth]].end = r->n & 0xfffffffu;
    return 1;
}

/* ---- duplicate keys ---- */

static int refuse_twice(struct reading *r, const struct json_node *second)
{
    refuse(r->e, EINVAL, "\"%.100s\" is there twice", r->strings + second->key);
    json_place(r->src, second->key_at, "", r->e);
    return 0;
}

static int by_key(const void *a, const void *b, void *strings)
{
    const struct json_node *x = *(const struct json_node *const *)a;
    const struct json_node *y = *(const struct json_node *const *)b;
    int order = strcmp((char *)strings + x->key, (char *)strings + y->key);

    return order ? order : x->at < y->at ? -1 : 1;
}

/* Large objects are sorted, as comparing each with each would take hours at 16 MiB. */
static int differ_sorted(struct reading *r, const struct json_node *object)
{
    const struct json_node **all = calloc(object->n, sizeof(const struct json_node *));
    const struct json_node *m = json_first(object), *second = NULL;

    if (!all) {
        fail(r->e, ENOMEM, "read %s", r->src->name);
        return 0;
    }
    for (uint32_t i = 0; i < object->n; i++, m = r->nodes + m->end)
        all[i] = m;
    qsort_r(all, object->n, sizeof *all, by_key, r->strings);
    for (uint32_t i = 1; i < object->n && !second; i++)
        if (strcmp(r->strings + all[i - 1]->key, r->strings + all[i]->key) == 0)
            second = all[i];
    free(all);
    return second ? refuse_twice(r, second) : 1;
}

static int differ(struct reading *r, const struct json_node *object)
{
    const struct json_node *m = json_first(object);

    if (object->n > 32)
        return differ_sorted(r, object);
    for (uint32_t i = 0; i < object->n; i++, m = r->nodes + m->end)
        for (const struct json_node *o = json_first(object); o != m; o = r->nodes + o->end)
            if (strcmp(r->strings + o->key, r->strings + m->key) == 0)
                return refuse_twice(r, m);
    return 1;
}

static int on_end_map(void *ctx)
{
    struct reading *r = ctx;

    on_end_array(r);
    return differ(r, &r->nodes[r->open[r->depth]]);
}

/* ---- reading ---- */

/* yajl's words are "parse error: WHY\n", or "lexical error: WHY\n". */
static int refuse_syntax(struct reading *r)
{
    unsigned char *words = yajl_get_error(r->yajl, 0, NULL, 0);
    const char *why = words ? strstr((char *)words, "error: ") : NULL;
    size_t at = r->last_chunk ? r->src->len : yajl_get_bytes_consumed(r->yajl);

    why = why ? why + strlen("error: ") : "it is cut off or malformed";
    refuse(r->e, EINVAL, "not JSON: %.*s", (int)strcspn(why, "\n"), why);
    json_place(r->src, at && !r->last_chunk ? at - 1 : at, "", r->e);
    if (words)
        yajl_free_error(r->yajl, words);
    return -EINVAL;
}

static int read_events(struct reading *r)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_start_map,
        .yajl_map_key = on_map_key,
        .yajl_end_map = on_end_map,
        .yajl_start_array = on_start_array,
        .yajl_end_array = on_end_array,
    };
    yajl_status status;
    int result = 0;

    r->yajl = yajl_alloc(&callbacks, NULL, r);
    if (!r->yajl)
        return fail(r->e, ENOMEM, "read %s", r->src->name);
    yajl_config(r->yajl, yajl_dont_validate_strings, 1); /* look_over() did, and strictly */
    status = yajl_parse(r->yajl, (const unsigned char *)r->src->text, r->src->len);
    r->last_chunk = status == yajl_status_ok;
    if (status == yajl_status_ok)
        status = yajl_complete_parse(r->yajl);
    if (status == yajl_status_client_canceled)
        result = r->e && r->e->code ? -r->e->code : -EINVAL;
    else if (status != yajl_status_ok)
        result = refuse_syntax(r);
    yajl_free(r->yajl);
    return result;
}

static bool is_blank(const struct oci_source *src)
{
    for (size_t i = 0; i < src->len; i++)
        if (!src->text[i] || !strchr(" \t\r\n", src->text[i]))
            return false;
    return true;
}

int json_parse(struct arena *strings, struct arena *nodes, const struct oci_source *src,
               struct json *out, struct err *e)
{
    struct reading r = {.src = src, .e = e};
    size_t values;
    int result;

    if (src->len > JSON_LARGEST)
        return refuse(e, EFBIG, "%s is larger than %d MiB", src->name, JSON_LARGEST >> 20);
    if (is_blank(src))
        return refuse(e, EINVAL, "%s is empty", src->name);
    if (look_over(src, &values, e) < 0)
        return -EINVAL;
    r.nodes = arena_array(nodes, values, sizeof *r.nodes);
    r.strings = arena_alloc(strings, src->len + 2);
    result = read_events(&r);
    *out = (struct json){.src = src, .strings = r.strings, .nodes = r.nodes};
    return result;
}

/* ---- pointers ---- */

/* Is the first part of the pointer, which ends in '/' or NUL, this key? */
static bool part_is(const char *part, const char *key)
{
    for (; *part && *part != '/'; part++, key++) {
        char c = *part;
        if (c == '~' && (part[1] == '0' || part[1] == '1'))
            c = *++part == '0' ? '~' : '/';
        if (c != *key)
            return false;
    }
    return *key == '\0';
}

static const struct json_node *child(const struct json *j, const struct json_node *v,
                                     const char *part)
{
    const struct json_node *c = json_first(v);
    unsigned long index = v->type == JSON_ARRAY ? strtoul(part, NULL, 10) : 0;

    if (v->type != JSON_ARRAY && v->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < v->n; i++, c = json_next(j, c))
        if (v->type == JSON_ARRAY ? i == index : part_is(part, json_key(j, c)))
            return c;
    return NULL;
}

const struct json_node *json_find(const struct json *j, const struct json_node *from,
                                  const char *pointer)
{
    while (*pointer == '/') {
        const struct json_node *next = child(j, from, pointer + 1);
        if (!next)
            return from;
        from = next;
        pointer += 1 + strcspn(pointer + 1, "/");
    }
    return from;
}
