/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns GVariant's text format (GLib, "GVariant Text Format"), as far as properties of units need
 * it. The type of a value is what its prefix says, else what its surroundings say, else int32,
 * double, string or boolean by its looks.
 */
#include "cgroup/gvariant.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, WORD_MAX = 64 };

struct parser {
    const char *at;
    struct arena *a;
    struct err *e;
    int depth;
};

static const struct keyword {
    const char *word, *type;
} keywords[] = {
    {"boolean", "b"}, {"byte", "y"},   {"int16", "n"},      {"uint16", "q"},
    {"int32", "i"},   {"uint32", "u"}, {"int64", "x"},      {"uint64", "t"},
    {"double", "d"},  {"string", "s"}, {"objectpath", "o"}, {"signature", "g"},
};

static int value(struct parser *p, const char *expected, char *type, struct lines *out);

static int bad(struct parser *p, const char *why)
{
    if (*p->at)
        return refuse(p->e, EINVAL, "%s at \"%.32s\"", why, p->at);
    return refuse(p->e, EINVAL, "%s at the end", why);
}

static void skip_blanks(struct parser *p)
{
    p->at += strspn(p->at, " \t\n");
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

static int set_type(struct parser *p, char *type, const char *is)
{
    if (strlen(is) >= SIGNATURE_MAX)
        return bad(p, "the type is too long");
    strcpy(type, is);
    return 0;
}

/* ---- the length of one complete type in a signature; 0: none ---- */

static size_t one_type(const char *s)
{
    size_t n = 1;

    if (*s == 'a')
        return one_type(s + 1) ? 1 + one_type(s + 1) : 0;
    if (*s != '(')
        return *s && strchr("bynqiuxtdsogv", *s) ? 1 : 0;
    while (s[n] != ')') {
        size_t part = one_type(s + n);
        if (!part)
            return 0;
        n += part;
    }
    return n + 1;
}

/* ---- basic values ---- */

static size_t word_length(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._");
}

static int boolean(struct parser *p, const char *word, char *type, struct lines *out)
{
    lines_add(out, "b %d", str_eq(word, "true"));
    return set_type(p, type, "b");
}

static bool fits(char type, const char *word)
{
    static const struct {
        char type;
        int64_t least, most;
    } ranges[] = {{'y', 0, UINT8_MAX},
                  {'n', INT16_MIN, INT16_MAX},
                  {'q', 0, UINT16_MAX},
                  {'i', INT32_MIN, INT32_MAX},
                  {'u', 0, UINT32_MAX}};
    uint64_t u;
    int64_t i;

    if (type == 't')
        return num_u64(word, &u) == 0;
    if (num_i64(word, &i) < 0)
        return false;
    for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++)
        if (ranges[k].type == type)
            return i >= ranges[k].least && i <= ranges[k].most;
    return type == 'x';
}

static int number(struct parser *p, const char *word, const char *expected, char *type,
                  struct lines *out)
{
    const char *digits = word + (*word == '+');
    char as[2] = {expected ? *expected : strpbrk(word, ".e") ? 'd' : 'i', '\0'}, *end;

    if (as[0] == 'd') {
        double d = strtod(word, &end);
        if (*end || end == word)
            return bad(p, "no number");
        lines_add(out, "d %.17g", d);
    } else if (strchr("ynqiuxt", as[0]) && fits(as[0], digits)) {
        lines_add(out, "%c %s", as[0], digits);
    } else {
        return refuse(p->e, EINVAL, "\"%s\" is not of type %s", word, as);
    }
    return set_type(p, type, as);
}

static int word_value(struct parser *p, const char *expected, char *type, struct lines *out)
{
    size_t n = word_length(p->at);
    char word[WORD_MAX];

    if (!n || n >= sizeof word)
        return bad(p, "expected a value");
    memcpy(word, p->at, n);
    word[n] = '\0';
    if (str_eq(word, "true") || str_eq(word, "false")) {
        if (expected && *expected != 'b')
            return bad(p, "a boolean does not fit");
        p->at += n;
        return boolean(p, word, type, out);
    }
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (str_eq(word, keywords[i].word)) {
            p->at += n;
            return value(p, keywords[i].type, type, out);
        }
    if (!strchr("+-.0123456789", *word))
        return bad(p, "expected a value; a string stands in quotes");
    p->at += n;
    return number(p, word, expected, type, out);
}

/* One character of a string, with its backslash. */
static int character(struct parser *p, char *c)
{
    static const char from[] = "ntr\\'\"", to[] = "\n\t\r\\'\"";
    const char *found;

    *c = *p->at++;
    if (*c != '\\')
        return 0;
    found = *p->at ? strchr(from, *p->at) : NULL;
    if (!found)
        return bad(p, "unknown escape in a string");
    p->at++;
    *c = to[found - from];
    return 0;
}

static int string(struct parser *p, const char *expected, char *type, struct lines *out)
{
    char as[2] = {expected ? *expected : 's', '\0'}, quote = *p->at++;
    char *text = arena_alloc(p->a, strlen(p->at) + 1), *end = text;

    if (!strchr("sog", as[0]))
        return refuse(p->e, EINVAL, "a string does not fit type %s", as);
    while (*p->at && *p->at != quote) {
        int r = character(p, end++);
        if (r < 0)
            return r;
    }
    if (!*p->at)
        return bad(p, "a string without its closing quote");
    p->at++;
    *end = '\0';
    lines_string(out, as[0], text);
    return set_type(p, type, as);
}

/* ---- containers ---- */

static int array(struct parser *p, const char *expected, char *type, struct lines *out)
{
    char element[SIGNATURE_MAX - 1] = "", got[SIGNATURE_MAX];
    struct lines inner = {.a = p->a};
    bool first = true;

    if (expected && *expected != 'a')
        return bad(p, "an array does not fit");
    if (expected)
        snprintf(element, sizeof element, "%s", expected + 1);
    while (!take(p, ']')) {
        int r = first || take(p, ',') ? 0 : bad(p, "expected , or ]");
        if (r == 0)
            r = value(p, *element ? element : NULL, got, &inner);
        if (r < 0)
            return r;
        snprintf(element, sizeof element, "%.*s", (int)sizeof element - 1, got);
        first = false;
    }
    if (!*element)
        return bad(p, "the type of an empty array is unknown: write it as @as []");
    lines_add(out, "a %s", element);
    if (inner.text)
        lines_append(out, inner.text);
    lines_append(out, ".\n");
    type[0] = 'a';
    return set_type(p, type + 1, element);
}

static int tuple(struct parser *p, const char *expected, char *type, struct lines *out)
{
    char contents[SIGNATURE_MAX] = "", got[SIGNATURE_MAX], want[SIGNATURE_MAX];
    const char *rest = expected ? expected + 1 : NULL;
    struct lines inner = {.a = p->a};

    if (expected && *expected != '(')
        return bad(p, "a tuple does not fit");
    for (bool first = true; !take(p, ')'); first = false) {
        size_t n = rest ? one_type(rest) : 0;
        int r = first || take(p, ',') ? 0 : bad(p, "expected , or )");
        if (r == 0 && rest && !n)
            r = bad(p, "the tuple is too long");
        snprintf(want, sizeof want, "%.*s", (int)n, rest ? rest : "");
        if (r == 0)
            r = value(p, rest ? want : NULL, got, &inner);
        if (r == 0 && strlen(contents) + strlen(got) + 3 > sizeof contents)
            r = bad(p, "the tuple is too long");
        if (r < 0)
            return r;
        strcat(contents, got);
        rest = rest ? rest + n : NULL;
    }
    if (!*contents || (rest && *rest != ')'))
        return bad(p, "the tuple is too short");
    lines_add(out, "r %s", contents);
    lines_append(out, inner.text);
    lines_append(out, ".\n");
    snprintf(type, SIGNATURE_MAX, "(%.*s)", SIGNATURE_MAX - 3, contents);
    return 0;
}

static int variant(struct parser *p, const char *expected, char *type, struct lines *out)
{
    struct lines inner = {.a = p->a};
    char got[SIGNATURE_MAX];
    int r = expected && *expected != 'v' ? bad(p, "a variant does not fit")
                                         : value(p, NULL, got, &inner);

    if (r == 0 && !take(p, '>'))
        r = bad(p, "expected >");
    if (r < 0)
        return r;
    lines_add(out, "v %s", got);
    lines_append(out, inner.text);
    lines_append(out, ".\n");
    return set_type(p, type, "v");
}

/* "@as []" */
static int typed(struct parser *p, char *type, struct lines *out)
{
    size_t n = one_type(p->at);
    char given[SIGNATURE_MAX];

    if (!n || n >= sizeof given)
        return bad(p, "expected a type behind @");
    memcpy(given, p->at, n);
    given[n] = '\0';
    p->at += n;
    return value(p, given, type, out);
}

static int any(struct parser *p, const char *expected, char *type, struct lines *out)
{
    if (*p->at == '\'' || *p->at == '"')
        return string(p, expected, type, out);
    if (take(p, '['))
        return array(p, expected, type, out);
    if (take(p, '('))
        return tuple(p, expected, type, out);
    if (take(p, '<'))
        return variant(p, expected, type, out);
    if (take(p, '@'))
        return typed(p, type, out);
    return word_value(p, expected, type, out);
}

static int value(struct parser *p, const char *expected, char *type, struct lines *out)
{
    int r;

    skip_blanks(p);
    if (++p->depth > DEPTH_MAX)
        return bad(p, "nested too deeply");
    r = any(p, expected, type, out);
    p->depth--;
    if (r == 0 && expected && !str_eq(expected, type))
        r = refuse(p->e, EINVAL, "expected type %s, got %s", expected, type);
    return r;
}

int gvariant_parse(const char *text, char signature[SIGNATURE_MAX], struct lines *out,
                   struct err *e)
{
    struct parser p = {.at = text, .a = out->a, .e = e};
    int r = value(&p, NULL, signature, out);

    if (r < 0)
        return r;
    skip_blanks(&p);
    return *p.at ? bad(&p, "unexpected text") : 0;
}
