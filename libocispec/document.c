/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables say, for other readers: the tables of rt-config.5 (roff or markdown), the tables
 * as JSON, an example of each document, and a check of one file. It runs at build time and in
 * tests, and is not installed.
 *
 *   document roff|markdown [OBJECT...]    objects reachable from these (default: config)
 *   document json                         all tables
 *   document check KIND FILE              KIND: config, process, resources, state, features, ...
 */
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "check.h"
#include "schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct oci_desc *const objects[] = {
#define OBJ(name, doc) &oci_desc_##name,
#define F(object, need, type, sub, field, key, doc)
#define END(name)
#include "def/all.def"
#undef OBJ
#undef F
#undef END
};

static const struct oci_vocab *const vocabs[] = {
#define VOCAB(name, NAME, doc) &oci_vocab_##name,
#define W(NAME, WORD, text, number)
#define VOCAB_END(name, NAME)
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END
};

enum { N_OBJECTS = sizeof objects / sizeof *objects, N_VOCABS = sizeof vocabs / sizeof *vocabs };

static const struct rule_text {
    const struct oci_desc *desc;
    const char *text;
} rules[] = {
#define RULE(object, name, doc) {&oci_desc_##object, doc},
#define CLOSED(object, doc)     {&oci_desc_##object, doc},
#include "rules.def"
#undef RULE
#undef CLOSED
};

static const struct oci_desc *find_object(const char *name)
{
    for (size_t i = 0; i < N_OBJECTS; i++)
        if (str_eq(objects[i]->name, name))
            return objects[i];
    return NULL;
}

/* ---- names of types ---- */

static const struct type_name {
    const char *token; /* as in the tables */
    const char *words; /* for people */
} types[] = {
    [OCI_BOOL] = {"bool", "true or false"},
    [OCI_I64] = {"i64", "integer"},
    [OCI_U64] = {"u64", "integer from 0"},
    [OCI_I32] = {"i32", "integer of 32 bits"},
    [OCI_U32] = {"u32", "integer from 0 to 4294967295"},
    [OCI_U16] = {"u16", "integer from 0 to 65535"},
    [OCI_STR] = {"str", "string"},
    [OCI_STRS] = {"strs", "array of strings"},
    [OCI_WORD] = {"word", "word"},
    [OCI_WORDS] = {"words", "array of words"},
    [OCI_OBJ] = {"obj", "object"},
    [OCI_OBJS] = {"objs", "array of objects"},
    [OCI_MAP_STR] = {"map_str", "object of strings"},
    [OCI_MAP_OBJ] = {"map_obj", "object of objects"},
    [OCI_U32S] = {"u32s", "array of integers from 0 to 4294967295"},
    [OCI_OTHER] = {"other", "object"},
};

/* ---- manual ---- */

struct manual {
    bool roff;
    bool wanted[N_OBJECTS];
    bool wanted_vocab[N_VOCABS];
};

static size_t index_of(const struct oci_desc *d)
{
    size_t i = 0;

    while (objects[i] != d)
        i++;
    return i;
}

static size_t vocab_index(const struct oci_vocab *v)
{
    size_t i = 0;

    while (vocabs[i] != v)
        i++;
    return i;
}

static void want(struct manual *m, const struct oci_desc *d)
{
    if (m->wanted[index_of(d)])
        return;
    m->wanted[index_of(d)] = true;
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].obj)
            want(m, d->fields[i].obj);
        if (d->fields[i].vocab)
            m->wanted_vocab[vocab_index(d->fields[i].vocab)] = true;
    }
}

/* Text for roff: a backslash or a hyphen would be taken for something else, as would a dot or an
 * apostrophe at the beginning of a line. */
static void say(const struct manual *m, const char *s)
{
    if (m->roff && (*s == '.' || *s == '\''))
        fputs("\\&", stdout);
    for (; *s; s++) {
        if (m->roff && *s == '\\')
            fputs("\\e", stdout);
        else if (m->roff && *s == '-')
            fputs("\\-", stdout);
        else if (!m->roff && strchr("|*_<>", *s))
            printf("\\%c", *s);
        else
            putchar(*s);
    }
}

static void say_bold(const struct manual *m, const char *s)
{
    if (m->roff) {
        fputs("\\fB", stdout);
        say(m, s);
        fputs("\\fR", stdout);
    } else {
        printf("`%s`", s);
    }
}

static void heading(const struct manual *m, const char *name)
{
    if (m->roff)
        printf(".SS %s\n", name);
    else
        printf("\n### %s\n\n", name);
}

static void say_type(const struct manual *m, const struct oci_field *f)
{
    const char *of = f->vocab ? f->vocab->name : f->obj ? f->obj->name : NULL;

    say(m, types[f->type].words);
    if (of) {
        fputs(" ", stdout);
        say_bold(m, of);
    }
    if (f->expects) {
        fputs(f->type == OCI_MAP_STR ? ", each key " : ", ", stdout);
        say(m, f->expects);
    }
}

static void field(const struct manual *m, const struct oci_field *f)
{
    fputs(m->roff ? ".TP\n" : "| ", stdout);
    say_bold(m, f->key);
    fputs(m->roff ? " (" : " | ", stdout);
    say_type(m, f);
    if (m->roff)
        fputs(f->must ? "; required)\n" : ")\n", stdout);
    else
        fputs(f->must ? " | yes | " : " | | ", stdout);
    say(m, f->doc);
    fputs(m->roff ? "\n" : " |\n", stdout);
}

static void rules_of(const struct manual *m, const struct oci_desc *d)
{
    const char *before = m->roff ? ".PP\n" : "\n";

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].desc != d)
            continue;
        fputs(before, stdout);
        before = m->roff ? "" : " ";
        say(m, rules[i].text);
        fputs(m->roff ? "\n" : "", stdout);
    }
    if (!m->roff && before[0] == ' ')
        putchar('\n');
}

static void object(const struct manual *m, const struct oci_desc *d)
{
    heading(m, d->name);
    say(m, d->doc);
    fputs(m->roff ? "\n" : "\n\n| Key | Type | Required | |\n|---|---|---|---|\n", stdout);
    for (unsigned i = 0; i < d->n_fields; i++)
        field(m, &d->fields[i]);
    rules_of(m, d);
}

static void vocabulary(const struct manual *m, const struct oci_vocab *v)
{
    heading(m, v->name);
    say(m, v->doc);
    fputs(m->roff ? "\n.PP\n" : "\n\n", stdout);
    for (unsigned i = 0; i < v->n; i++) {
        say_bold(m, v->words[i]);
        fputs(i + 1 == v->n ? "\n" : m->roff ? ",\n" : ", ", stdout);
    }
}

static int manual(bool roff, char **names)
{
    struct manual m = {.roff = roff};

    if (!names[0])
        want(&m, &oci_desc_config);
    for (; names[0]; names++) {
        const struct oci_desc *d = find_object(names[0]);
        if (!d)
            return fprintf(stderr, "document: no object is called %s\n", names[0]), 2;
        want(&m, d);
    }
    /* what contains others stands behind them in the tables, but is read first */
    for (size_t i = N_OBJECTS; i-- > 0;)
        if (m.wanted[i])
            object(&m, objects[i]);
    for (size_t i = 0; i < N_VOCABS; i++)
        if (m.wanted_vocab[i])
            vocabulary(&m, vocabs[i]);
    return 0;
}

/* ---- tables as JSON ---- */

static void put_text(struct json_out *o, const char *key, const char *text)
{
    json_put_key(o, key);
    json_put_string(o, text);
}

static void put_field(struct json_out *o, const struct oci_field *f)
{
    json_put_entry(o);
    json_open(o, '{');
    put_text(o, "key", f->key);
    put_text(o, "type", types[f->type].token);
    json_put_key(o, "must");
    json_put_bool(o, f->must);
    if (f->obj)
        put_text(o, "object", f->obj->name);
    if (f->vocab)
        put_text(o, "words", f->vocab->name);
    if (f->expects) {
        put_text(o, "check", f->check_name);
        put_text(o, "expects", f->expects);
    }
    put_text(o, "doc", f->doc);
    json_close(o, '}');
}

static void put_object(struct json_out *o, const struct oci_desc *d)
{
    json_put_key(o, d->name);
    json_open(o, '{');
    put_text(o, "doc", d->doc);
    json_put_key(o, "fields");
    json_open(o, '[');
    for (unsigned i = 0; i < d->n_fields; i++)
        put_field(o, &d->fields[i]);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_vocab(struct json_out *o, const struct oci_vocab *v)
{
    json_put_key(o, v->name);
    json_open(o, '[');
    for (unsigned i = 0; i < v->n; i++) {
        json_put_entry(o);
        json_put_string(o, v->words[i]);
    }
    json_close(o, ']');
}

static int tables(void)
{
    struct arena a = {0};
    struct json_out o = {.arena = &a, .indent = true};
    size_t n;

    json_open(&o, '{');
    json_put_key(&o, "objects");
    json_open(&o, '{');
    for (size_t i = 0; i < N_OBJECTS; i++)
        put_object(&o, objects[i]);
    json_close(&o, '}');
    json_put_key(&o, "words");
    json_open(&o, '{');
    for (size_t i = 0; i < N_VOCABS; i++)
        put_vocab(&o, vocabs[i]);
    json_close(&o, '}');
    json_close(&o, '}');
    puts(json_take(&o, &n));
    arena_free(&a);
    return 0;
}

/* ---- check ---- */

static void say_unknown(void *arg, const char *pointer, unsigned line, unsigned column)
{
    printf("%s:%u:%u: %s: unknown\n", (const char *)arg, line, column, pointer);
}

static char *read_all(struct arena *a, const char *path, size_t *len)
{
    auto_fclose FILE *f = str_eq(path, "-") ? stdin : fopen(path, "re");
    char *text = arena_alloc(a, JSON_LARGEST + 2);

    *len = f ? fread(text, 1, JSON_LARGEST + 1, f) : 0;
    return f && !ferror(f) ? text : NULL;
}

/* 0: fine, 1: refused, 2: not tried. What was read is written back to stdout. */
static int check(const char *kind, const char *path)
{
    const struct oci_desc *d = find_object(kind);
    struct oci_source src = {.name = path};
    struct arena a = {0};
    struct err e = {0};
    char line[1024];
    void *out;
    int r;

    src.text = d ? read_all(&a, path, &src.len) : NULL;
    if (!src.text) {
        fprintf(stderr, "document: %s %s: %s\n", kind, path, d ? strerror(errno) : "unknown kind");
        return 2;
    }
    r = oci_parse_unknown(&a, d, &src, &out, say_unknown, (void *)path, &e);
    if (r < 0)
        printf("%s\n", err_line(&e, line, sizeof line));
    else
        puts(oci_write(&a, d, out, true, &src.len));
    arena_free(&a);
    return r < 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (str_eq(what, "roff") || str_eq(what, "markdown"))
        return manual(what[0] == 'r', argv + 2);
    if (str_eq(what, "json") && argc == 2)
        return tables();
    if (str_eq(what, "check") && argc == 4)
        return check(argv[2], argv[3]);
    fputs("usage: document roff|markdown [OBJECT...] | json | check KIND FILE\n", stderr);
    return 2;
}
