/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the binding of JSON values to structs, and the writing of structs. */
#include "schema.h"

#include "base/num.h"
#include "base/str.h"
#include "check.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct binder {
    struct arena *arena;
    const struct oci_source *src;
    oci_unknown_fn *unknown;
    void *unknown_arg;
    struct err *e;
};

/* The way from the top to a value, on the stack of the recursion. */
struct step {
    const struct step *up;
    const char *key; /* NULL: an element of an array */
    size_t index;
};

/* ---- messages ---- */

static void write_pointer(const struct step *s, char *buf, size_t size)
{
    size_t n;

    if (!s) {
        buf[0] = '\0';
        return;
    }
    write_pointer(s->up, buf, size);
    n = strlen(buf);
    if (s->key)
        snprintf(buf + n, size - n, "/%s", s->key);
    else
        snprintf(buf + n, size - n, "/%zu", s->index);
}

static int at(struct binder *b, const struct step *s, uint32_t offset)
{
    char pointer[120];
    unsigned line, column;

    write_pointer(s, pointer, sizeof pointer);
    json_place(b->src->text, offset, &line, &column);
    return err_at(b->e, "%s:%u:%u: %s", b->src->name, line, column, pointer[0] ? pointer : "/");
}

/* What was found, in words: `the string "x"`, `the number 5`, `an array`. */
static const char *found(const struct json *v, char *buf, size_t size)
{
    switch (v->type) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return v->n ? "true" : "false";
    case JSON_NUMBER:
        snprintf(buf, size, "the number %.40s", v->text);
        return buf;
    case JSON_STRING:
        snprintf(buf, size, "\"%.60s\"", v->text);
        return buf;
    case JSON_ARRAY:
        return "an array";
    case JSON_OBJECT:
        return "an object";
    }
    return "?";
}

static int expected(struct binder *b, const struct step *s, const struct json *v, const char *what)
{
    char buf[96];

    refuse(b->e, EINVAL, "expected %s, got %s", what, found(v, buf, sizeof buf));
    return at(b, s, v->offset);
}

static int wrong_word(struct binder *b, const struct step *s, const struct json *v,
                      const struct oci_vocab *vocab)
{
    enum { LISTED = 10 };
    char list[300] = "";
    const char *near = str_nearest(v->text, vocab->words, vocab->n);

    for (unsigned i = 0; i < vocab->n && i < LISTED; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", vocab->words[i]);
    }
    refuse(b->e, EINVAL, "expected one of %s%s, got \"%.60s\"", list,
           vocab->n > LISTED ? ", ..." : "", v->text);
    if (near)
        err_hint(b->e, "did you mean %s?", near);
    return at(b, s, v->offset);
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
    static const struct range i64 = {"an integer", INT64_MIN, INT64_MAX, 8};
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

/* 1.0 and 1e3 are integers, too: some writers know only floating point. */
static int integral_float(const char *text, int64_t *out)
{
    char *end;
    double d = strtod(text, &end);

    if (*end || d != (double)(int64_t)d || d > 9007199254740992.0 || d < -9007199254740992.0)
        return -EINVAL;
    *out = (int64_t)d;
    return 0;
}

static int read_number(const char *text, const struct range *range, uint64_t *bits)
{
    uint64_t u;
    int64_t i;

    if (num_u64(text, &u) == 0) {
        *bits = u;
        return u <= range->most ? 0 : -ERANGE;
    }
    if (num_i64(text, &i) < 0 && integral_float(text, &i) < 0)
        return -EINVAL;
    *bits = (uint64_t)i;
    if (i < 0)
        return i >= range->least ? 0 : -ERANGE;
    return (uint64_t)i <= range->most ? 0 : -ERANGE;
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
                       const struct json *v, void *to)
{
    const struct range *range = range_of(f->type);
    const char *wrong;
    uint64_t bits;

    if (v->type != JSON_NUMBER || read_number(v->text, range, &bits) < 0)
        return expected(b, s, v, range->name);
    wrong = f->check ? f->check(NULL,
                                bits > INT64_MAX && range->least == 0 ? INT64_MAX : (long long)bits)
                     : NULL;
    if (wrong)
        return expected(b, s, v, wrong);
    store_number(to, bits, range->size);
    return 0;
}

/* ---- strings and words ---- */

static int bind_str(struct binder *b, const struct step *s, const struct oci_field *f,
                    const struct json *v, const char **to)
{
    const char *wrong;

    if (v->type != JSON_STRING)
        return expected(b, s, v, "a string");
    wrong = f->check ? f->check(v->text, 0) : NULL;
    if (wrong)
        return expected(b, s, v, wrong);
    *to = v->text;
    return 0;
}

static int bind_word(struct binder *b, const struct step *s, const struct oci_field *f,
                     const struct json *v, int *to)
{
    if (v->type != JSON_STRING)
        return expected(b, s, v, "a string");
    *to = oci_vocab_find(f->vocab, v->text);
    return *to < 0 ? wrong_word(b, s, v, f->vocab) : 0;
}

/* ---- objects ---- */

static int bind_object(struct binder *b, const struct step *s, const struct oci_desc *d,
                       const struct json *v, void *to);

/* All lists begin with their count and a pointer to elements of one size. */
struct list {
    size_t n;
    void *v;
};

static size_t element_size(const struct oci_field *f)
{
    switch (f->type) {
    case OCI_STRS:
        return sizeof(const char *);
    case OCI_WORDS:
        return sizeof(int);
    case OCI_U32S:
        return sizeof(uint32_t);
    case OCI_MAP_STR:
        return sizeof(struct oci_str_pair);
    default:
        return f->obj->size;
    }
}

static int bind_element(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json *v, void *to)
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
                      const struct json *v, struct list *to)
{
    size_t size = element_size(f);

    if (v->type != JSON_ARRAY)
        return expected(b, s, v, "an array");
    to->v = arena_array(b->arena, v->n, size);
    for (const struct json *m = v->first; m; m = m->next) {
        struct step here = {.up = s, .index = to->n};
        if (bind_element(b, &here, f, m, (char *)to->v + to->n * size) < 0)
            return -b->e->code;
        to->n++;
    }
    return 0;
}

static int check_map_key(struct binder *b, const struct step *s, const struct oci_field *f,
                         const struct json *m)
{
    const char *wrong = f->check ? f->check(m->key, 0) : NULL;

    if (!wrong)
        return 0;
    refuse(b->e, EINVAL, "expected %s as key, got \"%.60s\"", wrong, m->key);
    return at(b, s, m->key_offset);
}

static int bind_map_str(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json *v, struct oci_str_map *to)
{
    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object of strings");
    to->v = arena_array(b->arena, v->n, sizeof *to->v);
    for (const struct json *m = v->first; m; m = m->next) {
        struct step here = {.up = s, .key = m->key};
        if (check_map_key(b, &here, f, m) < 0)
            return -b->e->code;
        if (m->type != JSON_STRING)
            return expected(b, &here, m, "a string");
        to->v[to->n++] = (struct oci_str_pair){.key = m->key, .value = m->text};
    }
    return 0;
}

struct object_map {
    size_t n;
    const char **k;
    void *v;
};

static int bind_map_obj(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json *v, struct object_map *to)
{
    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object");
    to->k = arena_array(b->arena, v->n, sizeof *to->k);
    to->v = arena_array(b->arena, v->n, f->obj->size);
    for (const struct json *m = v->first; m; m = m->next) {
        struct step here = {.up = s, .key = m->key};
        to->k[to->n] = m->key;
        if (bind_object(b, &here, f->obj, m, (char *)to->v + to->n * f->obj->size) < 0)
            return -b->e->code;
        to->n++;
    }
    return 0;
}

static int bind_pointer(struct binder *b, const struct step *s, const struct oci_field *f,
                        const struct json *v, void **to)
{
    *to = arena_alloc(b->arena, f->obj->size);
    return bind_object(b, s, f->obj, v, *to);
}

static int bind_field(struct binder *b, const struct step *s, const struct oci_field *f,
                      const struct json *v, void *to)
{
    switch (f->type) {
    case OCI_BOOL:
        if (v->type != JSON_BOOL)
            return expected(b, s, v, "true or false");
        *(bool *)to = v->n;
        return 0;
    case OCI_STR:
        return bind_str(b, s, f, v, to);
    case OCI_WORD:
        return bind_word(b, s, f, v, to);
    case OCI_OBJ:
        return bind_pointer(b, s, f, v, to);
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

static unsigned find_field(const struct oci_desc *d, const char *key)
{
    unsigned i = 0;

    while (i < d->n_fields && !str_eq(d->fields[i].key, key))
        i++;
    return i;
}

/* Sections of other platforms are known and mean nothing here. */
static bool is_foreign(const struct oci_desc *d, const char *key)
{
    static const char *const platforms[] = {"windows", "solaris", "vm", "zos", "freebsd"};

    for (size_t i = 0; d == &oci_desc_config && i < sizeof platforms / sizeof *platforms; i++)
        if (str_eq(platforms[i], key))
            return true;
    return false;
}

static void tell_unknown(struct binder *b, const struct step *s, const struct oci_desc *d,
                         const struct json *m)
{
    char pointer[256];
    unsigned line, column;

    if (!b->unknown || is_foreign(d, m->key))
        return;
    write_pointer(s, pointer, sizeof pointer);
    json_place(b->src->text, m->key_offset, &line, &column);
    b->unknown(b->unknown_arg, pointer, line, column);
}

static int check_required(struct binder *b, const struct step *s, const struct oci_desc *d,
                          const struct json *v, uint64_t has)
{
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].must && !(has >> i & 1)) {
            struct step here = {.up = s, .key = d->fields[i].key};
            refuse(b->e, EINVAL, "\"%s\" is required", d->fields[i].key);
            return at(b, &here, v->offset);
        }
    return 0;
}

static int bind_object(struct binder *b, const struct step *s, const struct oci_desc *d,
                       const struct json *v, void *to)
{
    uint64_t *has = to; /* the first member of every struct */

    if (v->type != JSON_OBJECT)
        return expected(b, s, v, "an object");
    for (const struct json *m = v->first; m; m = m->next) {
        unsigned i = find_field(d, m->key);
        struct step here = {.up = s, .key = m->key};

        if (i == d->n_fields) {
            tell_unknown(b, &here, d, m);
            continue;
        }
        if (m->type == JSON_NULL)
            continue; /* as good as absent: what Go programs write for an empty list */
        if (bind_field(b, &here, &d->fields[i], m, (char *)to + d->fields[i].offset) < 0)
            return -b->e->code;
        *has |= UINT64_C(1) << i;
    }
    return check_required(b, s, d, v, *has);
}

/* ---- documents ---- */

int oci_parse_unknown(struct arena *a, const struct oci_desc *d, const struct oci_source *src,
                      void **out, oci_unknown_fn *unknown, void *arg, struct err *e)
{
    struct err unwanted = {0};
    struct binder b = {
        .arena = a, .src = src, .unknown = unknown, .unknown_arg = arg, .e = e ? e : &unwanted};
    struct json *root = NULL;
    int r = json_parse(a, src->text, src->len, src->name, &root, b.e);

    if (r < 0)
        return r;
    *out = arena_alloc(a, d->size);
    return bind_object(&b, NULL, d, root, *out);
}

int oci_parse(struct arena *a, const struct oci_desc *d, const struct oci_source *src, void **out,
              struct err *e)
{
    return oci_parse_unknown(a, d, src, out, NULL, NULL, e);
}

/* Follow a JSON pointer as far as it exists. */
static const struct json *look_up(const struct json *v, const char *pointer)
{
    while (*pointer == '/') {
        size_t n = strcspn(++pointer, "/");
        size_t index = strtoul(pointer, NULL, 10);
        const struct json *m = v->first;

        if (v->type == JSON_ARRAY)
            while (m && index--)
                m = m->next;
        else
            while (m && (strncmp(m->key, pointer, n) != 0 || m->key[n]))
                m = m->next;
        if (!m)
            return v;
        v = m;
        pointer += n;
    }
    return v;
}

/* A rule knows the pointer alone; line and column come from parsing again, as it failed anyway. */
static int place_rule(struct arena *a, const struct oci_source *src, struct err *e)
{
    char pointer[sizeof e->at];
    struct json *root = NULL;
    unsigned line, column;

    memcpy(pointer, e->at, sizeof pointer);
    if (json_parse(a, src->text, src->len, src->name, &root, NULL) < 0)
        return -e->code;
    json_place(src->text, look_up(root, pointer)->offset, &line, &column);
    e->at[0] = '\0';
    return err_at(e, "%s:%u:%u: %.120s", src->name, line, column, pointer);
}

int oci_parse_config(struct arena *a, const char *text, size_t len, const char *name,
                     struct oci_config **out, struct err *e)
{
    struct oci_source src = {.text = text, .len = len, .name = name};
    void *config = NULL;

    if (oci_parse(a, &oci_desc_config, &src, &config, e) < 0)
        return -e->code;
    *out = config;
    return oci_check_rules(*out, e) < 0 ? place_rule(a, &src, e) : 0;
}

/* ---- writing ---- */

static void write_object(struct json_out *o, const struct oci_desc *d, const void *from);

static void write_number(struct json_out *o, enum oci_type type, const void *from)
{
    char text[24];

    switch (type) {
    case OCI_I64:
        snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)from);
        break;
    case OCI_U64:
        snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)from);
        break;
    case OCI_I32:
        snprintf(text, sizeof text, "%" PRId32, *(const int32_t *)from);
        break;
    case OCI_U16:
        snprintf(text, sizeof text, "%" PRIu16, *(const uint16_t *)from);
        break;
    default:
        snprintf(text, sizeof text, "%" PRIu32, *(const uint32_t *)from);
    }
    json_raw(o, text);
}

static void write_element(struct json_out *o, const struct oci_field *f, const void *from)
{
    switch (f->type) {
    case OCI_STRS:
        json_string(o, *(const char *const *)from);
        break;
    case OCI_WORDS:
        json_string(o, f->vocab->words[*(const int *)from]);
        break;
    case OCI_U32S:
        write_number(o, OCI_U32, from);
        break;
    default:
        write_object(o, f->obj, from);
    }
}

static void write_array(struct json_out *o, const struct oci_field *f, const struct list *l)
{
    json_open(o, '[');
    for (size_t i = 0; i < l->n; i++) {
        json_item(o);
        write_element(o, f, (const char *)l->v + i * element_size(f));
    }
    json_close(o, ']');
}

static void write_map_str(struct json_out *o, const struct oci_str_map *m)
{
    json_open(o, '{');
    for (size_t i = 0; i < m->n; i++) {
        json_key(o, m->v[i].key);
        json_string(o, m->v[i].value);
    }
    json_close(o, '}');
}

static void write_map_obj(struct json_out *o, const struct oci_field *f, const struct object_map *m)
{
    json_open(o, '{');
    for (size_t i = 0; i < m->n; i++) {
        json_key(o, m->k[i]);
        write_object(o, f->obj, (const char *)m->v + i * f->obj->size);
    }
    json_close(o, '}');
}

static void write_field(struct json_out *o, const struct oci_field *f, const void *from)
{
    switch (f->type) {
    case OCI_BOOL:
        json_raw(o, *(const bool *)from ? "true" : "false");
        break;
    case OCI_STR:
        json_string(o, *(const char *const *)from);
        break;
    case OCI_WORD:
        json_string(o, f->vocab->words[*(const int *)from]);
        break;
    case OCI_OBJ:
        write_object(o, f->obj, *(const void *const *)from);
        break;
    case OCI_MAP_STR:
        write_map_str(o, from);
        break;
    case OCI_MAP_OBJ:
        write_map_obj(o, f, from);
        break;
    case OCI_STRS:
    case OCI_WORDS:
    case OCI_U32S:
    case OCI_OBJS:
        write_array(o, f, from);
        break;
    default:
        write_number(o, f->type, from);
    }
}

static void write_object(struct json_out *o, const struct oci_desc *d, const void *from)
{
    uint64_t has = *(const uint64_t *)from;

    json_open(o, '{');
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (!(has >> i & 1))
            continue;
        json_key(o, d->fields[i].key);
        write_field(o, &d->fields[i], (const char *)from + d->fields[i].offset);
    }
    json_close(o, '}');
}

char *oci_write(struct arena *a, const struct oci_desc *d, const void *object, bool indent,
                size_t *len)
{
    struct json_out o = {.arena = a, .indent = indent ? 2 : 0, .fresh = true};

    write_object(&o, d, object);
    *len = o.n;
    return o.buf;
}
