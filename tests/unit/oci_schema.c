/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libocispec/schema.c: each property of each table, in turn, right, of every wrong type, out of
 * its range, of an unknown word, missing. All of it is generated from the tables.
 */
#include "check.h"
#include "oci_sample.h"
#include "tap.h"

#include <errno.h>

static struct arena a;
static struct err e;

static int parse(const struct oci_desc *d, const char *text, void **out)
{
    struct oci_source src = {.text = text, .len = strlen(text), .name = "t"};

    e = (struct err){0};
    return oci_parse(&a, d, &src, out, &e);
}

/* Is it refused, at the place "t:1:N: POINTER", with these words? */
static bool refused(const struct oci_desc *d, const char *text, const char *pointer,
                    const char *words)
{
    void *out = &e;
    int r = parse(d, text, &out);
    const char *at = strstr(e.at, ": ");
    bool good = r == -EINVAL && out == &e && at && str_eq(at + 2, pointer) &&
                str_starts(e.at, "t:1:") && strstr(e.text, words);

    if (!good)
        printf("# %s\n# wanted %s: %s\n# got %d, %s: %s\n", text, pointer, words, r, e.at, e.text);
    return good;
}

static bool accepted(const struct oci_desc *d, const char *text)
{
    void *out;
    bool good = parse(d, text, &out) == 0;

    if (!good)
        printf("# %s\n# %s: %s\n", text, e.at, e.text);
    return good;
}

/* ---- types ---- */

enum kind { KIND_BOOL, KIND_NUMBER, KIND_STRING, KIND_ARRAY, KIND_OBJECT, N_KINDS };

static const char *const values[N_KINDS] = {"true", "5", "\"x\"", "[]", "{}"};

static enum kind kind_of(enum oci_type t)
{
    static const enum kind kinds[] = {
        [OCI_BOOL] = KIND_BOOL,      [OCI_I64] = KIND_NUMBER,   [OCI_U64] = KIND_NUMBER,
        [OCI_I32] = KIND_NUMBER,     [OCI_U32] = KIND_NUMBER,   [OCI_U16] = KIND_NUMBER,
        [OCI_STR] = KIND_STRING,     [OCI_WORD] = KIND_STRING,  [OCI_STRS] = KIND_ARRAY,
        [OCI_WORDS] = KIND_ARRAY,    [OCI_U32S] = KIND_ARRAY,   [OCI_OBJS] = KIND_ARRAY,
        [OCI_OBJ] = KIND_OBJECT,     [OCI_OTHER] = KIND_OBJECT, [OCI_MAP_STR] = KIND_OBJECT,
        [OCI_MAP_OBJ] = KIND_OBJECT,
    };

    return kinds[t];
}

static enum kind entry_kind(enum oci_type t)
{
    switch (t) {
    case OCI_U32S:
        return KIND_NUMBER;
    case OCI_OBJS:
    case OCI_MAP_OBJ:
        return KIND_OBJECT;
    default:
        return KIND_STRING;
    }
}

static bool with(const struct oci_desc *d, const struct oci_field *f, const char *value,
                 const char *pointer, const char *words)
{
    return refused(d, sample_object(&a, d, false, f->key, value), pointer, words);
}

/* Values of every other type are refused, in the field itself. */
static bool wrong_types(const struct oci_desc *d, const struct oci_field *f)
{
    const char *pointer = str_fmt(&a, "/%s", f->key);
    bool good = true;

    for (enum kind k = 0; k < N_KINDS; k++)
        if (k != kind_of(f->type))
            good = with(d, f, values[k], pointer, "expected ") && good;
    return good;
}

/* And in the entries of a list or map. */
static bool wrong_entries(const struct oci_desc *d, const struct oci_field *f)
{
    bool is_array = kind_of(f->type) == KIND_ARRAY, good = true;
    const char *key = f->check ? sample_check(f->check_name)->good : "\"k\"";
    const char *pointer = is_array ? str_fmt(&a, "/%s/0", f->key)
                                   : str_fmt(&a, "/%s/%.*s", f->key, (int)strlen(key) - 2, key + 1);

    if (!is_array && f->type != OCI_MAP_STR && f->type != OCI_MAP_OBJ)
        return true;
    for (enum kind k = 0; k < N_KINDS; k++) {
        const char *value =
            is_array ? str_fmt(&a, "[%s]", values[k]) : str_fmt(&a, "{%s:%s}", key, values[k]);
        if (k != entry_kind(f->type))
            good = with(d, f, value, pointer, "expected ") && good;
    }
    return with(d, f, is_array ? "[null]" : str_fmt(&a, "{%s:null}", key), pointer, "got null") &&
           good;
}

static void test_types(const struct oci_desc *d, const struct oci_field *f)
{
    const char *good = sample_value(&a, d, f, false);

    ok(accepted(d, sample_object(&a, d, false, f->key, good)), "%s/%s: %.60s", d->name, f->key,
       good);
    ok(wrong_types(d, f) && wrong_entries(d, f), "%s/%s: nothing of another type", d->name, f->key);
}

/* ---- ranges ---- */

static const struct bounds {
    const char *least, *most, *below, *above;
} bounds[] = {
    [OCI_I64] = {"-9223372036854775808", "9223372036854775807", "-9223372036854775809",
                 "9223372036854775808"},
    [OCI_U64] = {"0", "18446744073709551615", "-1", "18446744073709551616"},
    [OCI_I32] = {"-2147483648", "2147483647", "-2147483649", "2147483648"},
    [OCI_U32] = {"0", "4294967295", "-1", "4294967296"},
    [OCI_U16] = {"0", "65535", "-1", "65536"},
};

static bool is_plain(const struct oci_desc *d, const struct oci_field *f)
{
    return !f->check && d != &oci_desc_scheduler && d != &oci_desc_rlimit;
}

static void test_range(const struct oci_desc *d, const struct oci_field *f)
{
    const struct bounds *b = &bounds[f->type];
    const char *pointer = str_fmt(&a, "/%s", f->key);

    if (is_plain(d, f))
        ok(accepted(d, sample_object(&a, d, false, f->key, b->least)) &&
               accepted(d, sample_object(&a, d, false, f->key, b->most)),
           "%s/%s: %s to %s", d->name, f->key, b->least, b->most);
    ok(with(d, f, b->below, pointer, b->below) && with(d, f, b->above, pointer, b->above),
       "%s/%s: not %s nor %s", d->name, f->key, b->below, b->above);
    ok(with(d, f, "1.0", pointer, "got the number 1.0") && with(d, f, "1e0", pointer, "1e0"),
       "%s/%s: only digits", d->name, f->key);
}

/* ---- words and checks ---- */

static void test_word(const struct oci_desc *d, const struct oci_field *f)
{
    bool list = f->type == OCI_WORDS, good = true;
    const char *pointer = str_fmt(&a, list ? "/%s/0" : "/%s", f->key);
    const char *near = str_fmt(&a, "%s_", f->vocab->words[0]);

    good = with(d, f, str_fmt(&a, list ? "[\"%s\"]" : "\"%s\"", near), pointer,
                str_fmt(&a, "got \"%s\"", near));
    ok(good && strstr(e.text, f->vocab->words[0]) && strstr(e.hint, "did you mean "),
       "%s/%s: %s is no word of %s", d->name, f->key, near, f->vocab->name);
}

static void test_check(const struct oci_desc *d, const struct oci_field *f)
{
    const struct sample_check *check = sample_check(f->check_name);
    const char *bad = check->bad, *pointer = str_fmt(&a, "/%s", f->key);

    if (kind_of(f->type) == KIND_ARRAY) {
        bad = str_fmt(&a, "[%s]", bad);
        pointer = str_fmt(&a, "%s/0", pointer);
    } else if (f->type == OCI_MAP_STR) {
        const char *key = str_eq(bad, "\"../x\"") ? "..~1x" : "";
        bad = str_fmt(&a, "{%s:\"\"}", bad);
        pointer = str_fmt(&a, "%s/%s", pointer, key);
    }
    ok(with(d, f, bad, pointer, f->expects), "%s/%s: %s, not %s", d->name, f->key, f->expects,
       check->bad);
}

/* ---- presence ---- */

static void test_presence(const struct oci_desc *d, const struct oci_field *f, unsigned i)
{
    const char *pointer = str_fmt(&a, "/%s", f->key);
    void *out = NULL;

    if (f->must) {
        ok(with(d, f, NULL, pointer, "required") && with(d, f, "null", pointer, "required"),
           "%s/%s: required", d->name, f->key);
        return;
    }
    if (sample_set(d, f))
        return;
    parse(d, sample_object(&a, d, false, f->key, "null"), &out);
    ok(out && !(*(uint64_t *)out >> i & 1), "%s/%s: null is absent", d->name, f->key);
    parse(d, sample_object(&a, d, false, f->key, sample_value(&a, d, f, false)), &out);
    ok(out && (*(uint64_t *)out >> i & 1), "%s/%s: present", d->name, f->key);
}

static void test_field(const struct oci_desc *d, unsigned i)
{
    const struct oci_field *f = &d->fields[i];

    test_types(d, f);
    test_presence(d, f, i);
    if (kind_of(f->type) == KIND_NUMBER)
        test_range(d, f);
    if (f->vocab)
        test_word(d, f);
    if (f->check)
        test_check(d, f);
}

static void test_tables(void)
{
    for (size_t i = 0; i < N_SAMPLE_OBJECTS; i++) {
        const struct oci_desc *d = sample_objects[i];
        ok(d->n_fields <= 64, "%s has no more fields than `has` has bits", d->name);
        for (unsigned k = 0; k < d->n_fields; k++)
            test_field(d, k);
        ok(refused(d, "[]", "/", "expected an object, got an array"), "%s is an object", d->name);
        arena_free(&a);
    }
}

/* Each check has its samples: a new one cannot go untested. */
static void test_samples(void)
{
#define STR(name, expected, condition)                                                             \
    ok(sample_check(#name) != NULL, "check %s has samples", #name);
#define NUM STR
#include "check.def"
#undef STR
#undef NUM
}

/* ---- particular values ---- */

static void test_absent_zero_unlimited(void)
{
    struct oci_pids *p = NULL;

    parse(&oci_desc_pids, "{}", (void **)&p);
    ok(p && !HAS(p, pids, limit), "pids.limit absent");
    parse(&oci_desc_pids, "{\"limit\":0}", (void **)&p);
    ok(HAS(p, pids, limit) && p->limit == 0, "pids.limit 0 is there");
    parse(&oci_desc_pids, "{\"limit\":-1}", (void **)&p);
    ok(HAS(p, pids, limit) && p->limit == -1, "pids.limit -1 is there");
}

static void test_large_number(void)
{
    struct oci_rlimit *r = NULL;

    parse(&oci_desc_rlimit,
          "{\"type\":\"RLIMIT_CORE\",\"soft\":18446744073709551615,\"hard\":18446744073709551615}",
          (void **)&r);
    ok(r && r->soft == UINT64_MAX && r->type == OCI_RLIMIT_TYPE_CORE, "RLIM_INFINITY");
}

struct told {
    int n;
    char pointer[64];
    unsigned line, column;
};

static void tell(void *arg, const char *pointer, unsigned line, unsigned column)
{
    struct told *t = arg;

    t->n++;
    t->line = line;
    t->column = column;
    snprintf(t->pointer, sizeof t->pointer, "%s", pointer);
}

static void test_unknown(void)
{
    static const char text[] = "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\",\n"
                               "  \"a/b~\":{\"deep\":[1]}},\"windows\":{\"x\":1}}";
    struct oci_source src = {.text = text, .len = sizeof text - 1, .name = "t"};
    struct oci_config *c = NULL;
    struct told told = {0};

    ok(oci_parse_unknown(&a, &oci_desc_config, &src, (void **)&c, tell, &told, &e) == 0,
       "an unknown key is ignored");
    ok(told.n == 1 && str_eq(told.pointer, "/root/a~1b~0"), "and told of, other platforms are not");
    ok(told.line == 2 && told.column == 3, "with its place");
    ok(c && HAS(c, config, windows), "another platform's part is seen");
    ok(refused(&oci_desc_time_offsets, "{\"realtime\":{\"secs\":1}}", "/realtime", "unknown here"),
       "an unknown clock is refused");
}

static void test_message(void)
{
    static const char text[] = "{\n  \"ociVersion\": \"1.0.0\",\n  \"root\": {\"path\": \"r\"},\n"
                               "  \"linux\": {\"memoryPolicy\": {\"mode\": \"MPOL_BIMD\"}}\n}";
    struct oci_config *c = NULL;
    char line[700];

    e = (struct err){0};
    is_int(oci_parse_config(&a, text, strlen(text), "/b/config.json", &c, &e), -EINVAL, "refused");
    is_str(err_line(&e, line, sizeof line),
           "config.json:4:38: /linux/memoryPolicy/mode: expected one of MPOL_DEFAULT, MPOL_BIND, "
           "MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, "
           "MPOL_LOCAL, got \"MPOL_BIMD\" (did you mean MPOL_BIND?)",
           "the message says place, pointer, expectation, value and guess");
    ok(c == NULL, "out stays as it was");
    is_int(oci_parse_config(&a, text, strlen(text), "t", &c, NULL), -EINVAL,
           "an error need not be told");
}

/* Texts longer than the error's room must leave what matters. */
static void test_long_values(void)
{
    char text[2000], *x = text + sprintf(text, "{\"defaultAction\":\"");

    memset(x, 'x', 1500);
    memcpy(x + 1500, "\"}", 3);
    ok(refused(&oci_desc_seccomp, text, "/defaultAction", "got \"xxx"),
       "a long word leaves room for the message");
    ok(refused(&oci_desc_seccomp,
               "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"x\"]}",
               "/architectures/0", ", ..., got \"x\""),
       "a long vocabulary is cut, not what was found");
}

static void test_null_error(void)
{
    struct oci_source src = {.text = "{\"limit\":\"x\"}", .len = 13, .name = "t"};
    void *out = NULL;

    ok(oci_parse(&a, &oci_desc_pids, &src, &out, NULL) == -EINVAL && !out, "without a struct err");
}

/* ---- writing ---- */

static void test_round_trip(const struct oci_desc *d)
{
    const char *text = sample_object(&a, d, true, NULL, NULL), *once, *twice;
    void *object = NULL, *again = NULL;
    size_t len = 0;

    if (!ok(accepted(d, text), "%s with all its fields", d->name))
        return;
    parse(d, text, &object);
    once = oci_write(&a, d, object, true, &len);
    is_int((intmax_t)strlen(once), (intmax_t)len, "the length is that of the text");
    parse(d, once, &again);
    twice = again ? oci_write(&a, d, again, false, &len) : "";
    if (d != &oci_desc_config) /* other platforms' parts are not kept */
        is_str(twice, text, str_fmt(&a, "%s is written as it was read", d->name));
    is_str(twice, oci_write(&a, d, object, false, &len),
           str_fmt(&a, "%s is read as it was written", d->name));
}

static void test_write_shape(void)
{
    struct oci_state s = {.oci_version = "1.3.0", .id = "x", .bundle = "/b"};
    size_t len;

    SET(&s, state, id);
    SET(&s, state, annotations);
    is_str(oci_write(&a, &oci_desc_state, &s, true, &len),
           "{\n  \"id\": \"x\",\n  \"annotations\": {}\n}", "what is absent is not written");
    is_str(oci_write(&a, &oci_desc_state, &s, false, &len), "{\"id\":\"x\",\"annotations\":{}}",
           "compact has no blanks");
}

int main(void)
{
    test_samples();
    test_tables();
    test_absent_zero_unlimited();
    test_large_number();
    test_unknown();
    test_message();
    test_long_values();
    test_null_error();
    for (size_t i = 0; i < N_SAMPLE_OBJECTS; i++) {
        test_round_trip(sample_objects[i]);
        arena_free(&a);
    }
    test_write_shape();
    arena_free(&a);
    return done_testing();
}
