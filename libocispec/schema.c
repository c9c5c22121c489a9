/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the binding of JSON values to structs. */
#include "schema.h"

#include "base/num.h"
#include "base/str.h"
#include "check.h"
#include "lists.h"

#include <errno.h>
#include <stdio.h>

struct binder {
    struct arena *arena;
    struct json doc;
    oci_unknown_fn *unknown;
    void *unknown_arg;
    struct err *e;
};

/* The way from the top to a value, on the stack of the recursion. */
struct step {
    const struct step *up;
    const char *key; /* NULL: an entry of an array */
    size_t index;
};

/* ---- messages ---- */

enum { POINTER_SIZE = sizeof(((struct err *)0)->at) };

/* A key as part of a JSON pointer: "~" is "~0" and "/" is "~1" (RFC 6901). */
static size_t write_part(const char *key, char *to, size_t size)
{
    size_t n = 0;

    for (; *key && n + 3 < size; key++) {
        if (*key == '~' || *key == '/') {
            to[n++] = '~';
            to[n++] = *key == '~' ? '0' : '1';
        } else {
            to[n++] = *key;
        }
    }
    to[n] = '\0';
    return n;
}

/* Returns the length; what does not fit is cut. */
static size_t write_pointer(const struct step *s, char *to, size_t size)
{
    size_t n;

    to[0] = '\0';
    if (!s)
        return 0;
    n = write_pointer(s->up, to, size);
    if (size - n < 24)
        return n;
    to[n++] = '/';
    if (s->key)
        return n + write_part(s->key, to + n, size - n);
    return n + (size_t)snprintf(to + n, size - n, "%zu", s->index);
}

static int place(struct binder *b, const struct step *s, size_t at)
{
    char pointer[POINTER_SIZE];

    write_pointer(s, pointer, sizeof pointer);
    return json_place(b->doc.src, at, pointer[0] ? pointer : "/", b->e);
}

/* What was found, in words: "x", the number 5, an array. */
static const char *found(struct binder *b, const struct json_node *v, char *buf, size_t size)
{
    const char *text = json_text(&b->doc, v);

    switch ((enum json_type)v->type) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return text;
    case JSON_NUMBER:
        snprintf(buf, size, "the number %.40s", text);
        return buf;
    case JSON_STRING:
        snprintf(buf, size, "\"%.60s\"%s", text, strlen(text) > 60 ? "..." : "");
        return buf;
    case JSON_ARRAY:
        return "an array";
    case JSON_OBJECT:
        break;
    }
    return "an object";
}

static int expected(struct binder *b, const struct step *s, const struct json_node *v,
                    const char *what)
{
    char buf[96];

    refuse(b->e, EINVAL, "expected %s, got %s", what, found(b, v, buf, sizeof buf));
    return place(b, s, v->at);
}

/* As many words as leave room for what was found. */
static void list_words(const struct oci_vocab *vocab, char *list, size_t size)
{
    size_t n = 0;

    for (unsigned i = 0; i < vocab->n; i++) {
        const char *word = vocab->words[i];
        if (n + strlen(word) + sizeof ", ..." > size) {
            snprintf(list + n, size - n, ", ...");
            return;
        }
        n += (size_t)snprintf(list + n, size - n, "%s%s", i ? ", " : "", word);
    }
}

static int wrong_word(struct binder *b, const struct step *s, const struct json_node *v,
                      const struct oci_vocab *vocab)
{
    const char *near = str_nearest(json_text(&b->doc, v), vocab->words, vocab->n);
    char list[280], got[96];

    list_words(vocab, list, sizeof list);
    refuse(b->e, EINVAL, "expected one of %s, got %s", list, found(b, v, got, sizeof got));
    if (near)
        err_hint(b->e, "did you mean %s?", near);
    return place(b, s, v->at);
}

/* ---- numbers ---- */

struct range {
    const char *name;
    int64_t least;
    uint64_t most;
    size_t size;
};

static const struct range *range_of(enum oci_type t)
{
    static const struct range i64 = {"an integer of 64 bits", INT64_MIN, INT64_MAX, 8};
    static const struct range u64 = {"an integer from 0 to 18446744073709551615", 0, UINT64_MAX, 8};
    static const struct range i32 = {"an integer from -2147483648 to 2147483647", INT32_MIN,
                                     INT32_MAX, 4};
    static const struct range u32 = {"an integer from 0 to 4294967295", 0, UINT32_MAX, 4};
    static const struct range u16 = {"an integer from 0 to 65535", 0, UINT16_MAX, 2};

    switch (t) {
    case OCI_I64:
        return &i64;
    case OCI_U64:
        return &u64;
    case OCI_I32:
        return &i32;
    case OCI_U16:
        return &u16;
    default:
        return &u32;
    }
}

/* Digits only: 1.0 and 1e3 are numbers in JSON, but no integers to the schemas (draft 4). */
static int read_number(const char *text, const struct range *range, uint64_t *bits)
{
    int64_t i;

    if (text[0] != '-')
        return num_u64(text, bits) < 0 || *bits > range->most ? -ERANGE : 0;
    if (num_i64(text, &i) < 0 || i < range->least)
        return -ERANGE;
    *bits = (uint64_t)i;
    return 0;
}

static void store_number(void *to, uint64_t bits, size_t size)
{
    if (size == 8)
        *(uint64_t *)to = bits;
    else if (size == 4)
        *(uint32_t *)to = (uint32_t)bits;
    else
        *(uint16_t *)to = (uint16_t)bits;
}

static int bind_number(struct binder *b, const struct step *s, const struct oci_field *f,
                       const struct json_node *v, void *to)
{
    const struct range *range = range_of(f->type);
    uint64_t bits;

    if (v->type != JSON_NUMBER || read_number(json_text(&b->doc, v), range, &bits) < 0)
        return expected(b, s, v, range->name);
    if (f->check &&
        !f->check(NULL, range->least == 0 && bits > INT64_MAX ? INT64_MAX : (long long)bits))
        return expected(b, s, v, f->expects);
    store_number(to, bits, range->size);
    return 0;
}

/* ---- strings and words ---- */

static int bind_bool(struct binder *b, const struct step *s, const struct json_node *v, bool *to)
{
    if (v->type != JSON_BOOL)
        return expected(b, s, v, "true or false");
    *to = json_text(&b->doc, v)[0] == 't';
    return 0;
}

static int bind_str(struct binder *b, const struct step *s, const struct oci_field *f,
                    const struct json_node *v, const char **to)
{
    const char *text = json_text(&b->doc, v);

    if (v->type != JSON_STRING)
        return expected(b, s, v, "a string");
    if (f->check && !f->check(text, 0))
        return expected(b, s, v, f->expects);
    *to = text;
    return 0;
}

static int bind_word(struct binder *b, const struct step *s, const struct oci_field *f,
                     const struct json_node *v, int *to)
{
    if (v->type != JSON_STRING)
        return expected(b, s, v, "a string");
    *to = oci_vocab_find(f->vocab, json_text(&b->doc, v));
    return *to < 0 ? wrong_word(b, s, v, f->vocab) : 0;
}

/* ---- lists and maps ---- */

static int bind_object(struct binder *b, const struct step *s, const struct oci_desc *d,
                       const struct json_node *v, void *to);

static int bind_entry(struct binder *b, const struct step *s, const struct oci_field *f,
                      const struct json_node *v, void *to)
{
    switch (f->type) {
    case OCI_STRS:
        return bind_str(b, s, f, v, to);
    case OCI_WORDS:
        return bind_word(b, s, f, v, to);
    case OCI_U32S:
        return bind_number(b, s, f, v, to);
    default:
        return bind_object(b, s, f->obj, v, to);
    }
}

static int bind_array(struct binder *b, const struct step *s, const struct oci_field *f,
                      const struct json_node *v, struct list *to)
{
    const struct json_node *m = json_first(v);
    size_t size = entry_size(f);

    if (v->type != JSON_ARRAY)
        return expected(b, s, v, "an array");
    to->v = arena_array(b->arena, v->n, size);
    for (; to->n < v->n; to->n++, m = json_next(&b->doc, m)) {
        struct step here = {.up = s, .index = to->n};
        if (bind_entry(b, &here, f, m, (char *)to->v + to->n * size) < 0)
            return -b->e->code;
    }
    return 0;
}

static int check_map_key(struct binder *b, const struct step *s, const struct oci_field *f,
                         const struct json_node *m)
{
    const char *key = json_key(&b->doc, m);

    if (!f->check || f->check(key, 0))
        return 0;
    refuse(b->e, EINVAL, "expected %s as key, got \"%.60s\"", f->expects, key);
    return place(b, s, m->key_at);
}

static int bind_map_str(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json_node *v, struct oci_str_map *to)
{
    const struct json_node *m = json_first(v);

    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object of strings");
    to->v = arena_array(b->arena, v->n, sizeof *to->v);
    for (; to->n < v->n; to->n++, m = json_next(&b->doc, m)) {
        struct step here = {.up = s, .key = json_key(&b->doc, m)};
        if (check_map_key(b, &here, f, m) < 0)
            return -b->e->code;
        if (m->type != JSON_STRING)
            return expected(b, &here, m, "a string");
        to->v[to->n] = (struct oci_str_pair){.key = here.key, .value = json_text(&b->doc, m)};
    }
    return 0;
}

static int bind_map_obj(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json_node *v, struct object_map *to)
{
    const struct json_node *m = json_first(v);

    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object of objects");
    to->k = arena_array(b->arena, v->n, sizeof *to->k);
    to->v = arena_array(b->arena, v->n, f->obj->size);
    for (; to->n < v->n; to->n++, m = json_next(&b->doc, m)) {
        struct step here = {.up = s, .key = json_key(&b->doc, m)};
        to->k[to->n] = here.key;
        if (bind_object(b, &here, f->obj, m, (char *)to->v + to->n * f->obj->size) < 0)
            return -b->e->code;
    }
    return 0;
}

/* ---- objects ---- */

static int bind_pointer(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json_node *v, void **to)
{
    *to = arena_alloc(b->arena, f->obj->size);
    return bind_object(b, s, f->obj, v, *to);
}

static int bind_other(struct binder *b, const struct step *s, const struct json_node *v, bool *to)
{
    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object");
    *to = true;
    return 0;
}

static int bind_field(struct binder *b, const struct step *s, const struct oci_field *f,
                      const struct json_node *v, void *to)
{
    switch (f->type) {
    case OCI_BOOL:
        return bind_bool(b, s, v, to);
    case OCI_STR:
        return bind_str(b, s, f, v, to);
    case OCI_WORD:
        return bind_word(b, s, f, v, to);
    case OCI_OBJ:
        return bind_pointer(b, s, f, v, to);
    case OCI_OTHER:
        return bind_other(b, s, v, to);
    case OCI_MAP_STR:
        return bind_map_str(b, s, f, v, to);
    case OCI_MAP_OBJ:
        return bind_map_obj(b, s, f, v, to);
    case OCI_STRS:
    case OCI_WORDS:
    case OCI_U32S:
    case OCI_OBJS:
        return bind_array(b, s, f, v, to);
    default:
        return bind_number(b, s, f, v, to);
    }
}

/* Writers keep the order of the spec, as the tables do: look behind the field before first. */
static unsigned find_field(const struct oci_desc *d, const char *key, unsigned from)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        unsigned k = from + i < d->n_fields ? from + i : from + i - d->n_fields;
        if (str_eq(d->fields[k].key, key))
            return k;
    }
    return d->n_fields;
}

/* Returns 0 where the key is ignored. */
static int meet_unknown(struct binder *b, const struct step *s, const struct oci_desc *d,
                        const struct json_node *m)
{
    char pointer[512];
    unsigned line, column;

    if (oci_is_closed(d)) {
        refuse(b->e, EINVAL, "\"%.60s\" is unknown here", s->key);
        return place(b, s, m->key_at);
    }
    if (!b->unknown)
        return 0;
    write_pointer(s, pointer, sizeof pointer);
    json_position(b->doc.src, m->key_at, &line, &column);
    b->unknown(b->unknown_arg, pointer, line, column);
    return 0;
}

static int check_required(struct binder *b, const struct step *s, const struct oci_desc *d,
                          const struct json_node *v, uint64_t has)
{
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].must && !(has >> i & 1)) {
            struct step here = {.up = s, .key = d->fields[i].key};
            refuse(b->e, EINVAL, "it is required, and missing");
            return place(b, &here, v->at);
        }
    return 0;
}

/* Rules know the pointer below their object: put what is above in front, and find the place. */
static int check_together(struct binder *b, const struct step *s, const struct oci_desc *d,
                          const struct json_node *v, const void *object)
{
    char pointer[2 * POINTER_SIZE];
    size_t n;

    if (oci_check_rules(d, object, b->e) == 0)
        return 0;
    n = write_pointer(s, pointer, POINTER_SIZE);
    snprintf(pointer + n, sizeof pointer - n, "%s", b->e->at);
    v = json_find(&b->doc, v, b->e->at);
    b->e->at[0] = '\0';
    return json_place(b->doc.src, v->at, pointer[0] ? pointer : "/", b->e);
}

static int bind_member(struct binder *b, const struct step *s, const struct oci_desc *d,
                       const struct json_node *m, unsigned i, void *to)
{
    uint64_t *has = to; /* the first member of every struct */

    if (m->type == JSON_NULL)
        return 0; /* as good as absent */
    if (bind_field(b, s, &d->fields[i], m, (char *)to + d->fields[i].offset) < 0)
        return -b->e->code;
    *has |= UINT64_C(1) << i;
    return 0;
}

static int bind_object(struct binder *b, const struct step *s, const struct oci_desc *d,
                       const struct json_node *v, void *to)
{
    const struct json_node *m = json_first(v);
    unsigned next = 0;

    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object");
    for (uint32_t i = 0; i < v->n; i++, m = json_next(&b->doc, m)) {
        struct step here = {.up = s, .key = json_key(&b->doc, m)};
        unsigned k = find_field(d, here.key, next);
        int r =
            k == d->n_fields ? meet_unknown(b, &here, d, m) : bind_member(b, &here, d, m, k, to);
        if (r < 0)
            return r;
        next = k == d->n_fields ? next : k + 1;
    }
    if (check_required(b, s, d, v, *(uint64_t *)to) < 0)
        return -b->e->code;
    return check_together(b, s, d, v, to);
}

/* ---- documents ---- */

int oci_parse_unknown(struct arena *a, const struct oci_desc *d, const struct oci_source *src,
                      void **out, oci_unknown_fn *unknown, void *arg, struct err *e)
{
    __attribute__((cleanup(arena_free))) struct arena nodes = {0};
    struct err unwanted = {0};
    struct binder b = {.arena = a, .unknown = unknown, .unknown_arg = arg, .e = e ? e : &unwanted};
    int r = json_parse(a, &nodes, src, &b.doc, b.e);
    void *object;

    if (r < 0)
        return r;
    object = arena_alloc(a, d->size);
    r = bind_object(&b, NULL, d, b.doc.nodes, object);
    if (r == 0)
        *out = object;
    return r;
}

int oci_parse(struct arena *a, const struct oci_desc *d, const struct oci_source *src, void **out,
              struct err *e)
{
    return oci_parse_unknown(a, d, src, out, NULL, NULL, e);
}

int oci_parse_config(struct arena *a, const char *text, size_t len, const char *name,
                     struct oci_config **out, struct err *e)
{
    struct oci_source src = {.text = text, .len = len, .name = name};
    void *config;
    int r = oci_parse(a, &oci_desc_config, &src, &config, e);

    if (r == 0)
        *out = config;
    return r;
}
