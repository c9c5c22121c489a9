/* SPDX-License-Identifier: Apache-2.0 */
/* libocispec/json.c: what is JSON and what is not, places, pointers, writing. */
#include "json.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>

struct parsed {
    struct arena strings, nodes;
    struct json doc;
    struct err e;
    int result;
};

static struct parsed *parse(struct parsed *p, const char *text, size_t len)
{
    static struct oci_source src;

    *p = (struct parsed){0};
    src = (struct oci_source){.text = text, .len = len, .name = "/some/where/config.json"};
    p->result = json_parse(&p->strings, &p->nodes, &src, &p->doc, &p->e);
    return p;
}

static void done(struct parsed *p)
{
    arena_free(&p->strings);
    arena_free(&p->nodes);
}

static void test_good(void)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "null",
        " true ",
        "12",
        "-0.5e+10",
        "\"\"",
        "[1,2,[3,{\"a\":[]}]]",
        "\t\r\n{\"a\":1}\n",
        "\"\\u00e4 \\ud83d\\ude00 \\\\ud800 \\n\"",
        "\"\xc3\xa4 \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"",
        "[\"a,b\",\"[{\",\":\"]",
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct parsed p;
        ok(parse(&p, good[i], strlen(good[i]))->result == 0, "%s is JSON", i == 8 ? "it" : good[i]);
        done(&p);
    }
}

static void test_bad(void)
{
    static const struct {
        const char *text, *at, *why, *name;
    } bad[] = {
        {"", "", "is empty", "nothing"},
        {" \n\t ", "", "is empty", "blanks"},
        {"{", ":1:2", "not JSON", "half an object"},
        {"{\"a\":1", ":1:7", "not JSON", "a cut object"},
        {"\"abc", "", "not JSON", "half a string"},
        {"tru", "", "not JSON", "half a word"},
        {"{} {}", ":1:4", "not JSON", "two values"},
        {"{}x", ":1:3", "not JSON", "something behind the end"},
        {"[1,]", ":1:4", "not JSON", "a comma too many in an array"},
        {"{\"a\":1,}", ":1:8", "not JSON", "a comma too many in an object"},
        {"[1 2]", ":1:4", "not JSON", "a missing comma"},
        {"{a:1}", ":1:2", "not JSON", "a bare key"},
        {"{1:1}", ":1:2", "not JSON", "a number as key"},
        {"['a']", ":1:2", "not JSON", "an apostrophe"},
        {"[01]", ":1:3", "not JSON", "a leading zero"},
        {"[+1]", ":1:2", "not JSON", "a plus"},
        {"[1.]", "", "not JSON", "a point without digits"},
        {"[NaN]", ":1:2", "not JSON", "NaN"},
        {"/* x */ {}", ":1:1", "not JSON", "a comment"},
        {"// x\n{}", ":1:1", "not JSON", "a comment to the end of the line"},
        {"[\"a\tb\"]", "", "not JSON", "a tab in a string"},
        {"[\"\\x\"]", "", "not JSON", "an unknown escape"},
        {"[\"\\u12\"]", "", "not JSON", "half an escape"},
        {"{\n\"a\\u0000b\": 1}", ":2:3", "NUL character", "a NUL in a key"},
        {"[\"\\u0000\"]", ":1:3", "NUL character", "a NUL in a string"},
        {"[\"\\ud800\"]", ":1:3", "surrogate", "the first half of a surrogate pair"},
        {"[\"\\udc00\"]", ":1:3", "surrogate", "the second half of a surrogate pair"},
        {"[\"\\ud800\\u0041\"]", ":1:3", "surrogate", "a surrogate and a letter"},
        {"[\"\\ud8", "", "not JSON", "an escape that the end cuts"},
        {"[\"\xff\"]", ":1:3", "not UTF-8", "a byte that UTF-8 has not"},
        {"[\"\xc0\x80\"]", ":1:3", "not UTF-8", "an overlong NUL"},
        {"[\"\xe0\x80\xaf\"]", ":1:3", "not UTF-8", "an overlong slash"},
        {"[\"\xed\xa0\x80\"]", ":1:3", "not UTF-8", "a surrogate in UTF-8"},
        {"[\"\xf4\x90\x80\x80\"]", ":1:3", "not UTF-8", "a character above U+10FFFF"},
        {"[\"\xc3", ":1:3", "not UTF-8", "a character that the end cuts"},
        {"\xef\xbb\xbf{}", ":1:1", "byte order mark", "a byte order mark"},
        {"[1,\f2]", ":1:4", "control character", "a form feed"},
        {"{\"a\":1,\n \"b\":2,\n \"a\":3}", ":3:2", "there twice", "a duplicate key"},
        {"{\"a\":1,\"\\u0061\":3}", ":1:8", "there twice", "a duplicate key in disguise"},
        {"[{\"x\":{\"b\":1,\"b\":2}}]", ":1:14", "there twice", "a duplicate key inside"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct parsed p;
        bool refused = parse(&p, bad[i].text, strlen(bad[i].text))->result == -EINVAL;
        bool placed = !bad[i].at[0] || (strncmp(p.e.at, "config.json", 11) == 0 &&
                                        strcmp(p.e.at + 11, bad[i].at) == 0);
        if (!ok(refused && placed && strstr(p.e.text, bad[i].why), "%s is refused", bad[i].name))
            printf("# %d, at \"%s\": %s\n", p.result, p.e.at, p.e.text);
        done(&p);
    }
}

static void test_nul_byte(void)
{
    struct parsed p;

    ok(parse(&p, "{}\0", 3)->result == -EINVAL && strstr(p.e.text, "NUL"), "a NUL behind the end");
    done(&p);
    ok(parse(&p, "[\"a\0b\"]", 7)->result == -EINVAL && strstr(p.e.text, "NUL"),
       "a NUL byte in a string");
    done(&p);
}

static void test_depth(void)
{
    char text[2 * JSON_DEEPEST + 3];
    struct parsed p;

    memset(text, '[', JSON_DEEPEST);
    memset(text + JSON_DEEPEST, ']', JSON_DEEPEST);
    is_int(parse(&p, text, 2 * JSON_DEEPEST)->result, 0, "as deep as may be");
    done(&p);
    memset(text, '[', JSON_DEEPEST + 1);
    memset(text + JSON_DEEPEST + 1, ']', JSON_DEEPEST + 1);
    ok(parse(&p, text, 2 * JSON_DEEPEST + 2)->result == -EINVAL &&
           strstr(p.e.text, "deeper than 64"),
       "one deeper is refused");
    done(&p);
}

static void test_size(void)
{
    size_t len = (size_t)JSON_LARGEST + 1;
    char *text = malloc(len);
    struct parsed p;

    if (!text)
        abort();
    memset(text, ' ', len);
    memcpy(text, "{}", 2);
    is_int(parse(&p, text, len - 1)->result, 0, "as large as may be");
    done(&p);
    is_int(parse(&p, text, len)->result, -EFBIG, "one byte larger is refused");
    done(&p);
    free(text);
}

/* Enough keys that duplicates are looked for by sorting. */
static void test_many_keys(void)
{
    char text[4096] = "{\"x\":0";
    size_t n = strlen(text);
    struct parsed p;

    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",\"k%d\":%d", (i * 37) % 100, i);
    snprintf(text + n, sizeof text - n, "}");
    ok(parse(&p, text, n + 1)->result == 0 && p.doc.nodes->n == 101, "101 keys");
    done(&p);
    n += (size_t)snprintf(text + n, sizeof text - n, ",\n\"k50\":1}");
    ok(parse(&p, text, n)->result == -EINVAL && strstr(p.e.text, "\"k50\" is there twice"),
       "a duplicate among many is found");
    is_str(p.e.at, "config.json:2:1", "and it is the second that is reported");
    done(&p);
}

static void test_tree(void)
{
    static const char text[] = "{\"a\": [10, {\"b/c\": \"x\\ty\"}], \"~\": true}";
    const struct json_node *v;
    struct parsed p;

    parse(&p, text, strlen(text));
    is_int(p.doc.nodes->n, 2, "members are counted");
    v = json_find(&p.doc, p.doc.nodes, "/a/1/b~1c");
    ok(v->type == JSON_STRING && strcmp(json_text(&p.doc, v), "x\ty") == 0,
       "a pointer leads to a decoded string");
    is_int(v->at, 19, "which knows its place");
    is_int(v->key_at, 12, "and that of its key");
    is_str(json_text(&p.doc, json_find(&p.doc, p.doc.nodes, "/~0")), "true", "~0 is a tilde");
    is_int(json_find(&p.doc, p.doc.nodes, "/a/7/x")->at, 6, "a pointer that goes on is cut");
    done(&p);
}

static void test_numbers(void)
{
    static const char text[] = "[18446744073709551615, 1e3, -0]";
    struct parsed p;

    parse(&p, text, strlen(text));
    is_str(json_text(&p.doc, p.doc.nodes + 1), "18446744073709551615", "2^64-1 stays as it is");
    is_str(json_text(&p.doc, p.doc.nodes + 2), "1e3", "so does 1e3");
    done(&p);
}

static void test_columns(void)
{
    struct oci_source src = {.text = "{\"\xc3\xa4\": x}", .len = 9};
    unsigned line, column;

    json_position(&src, 6, &line, &column);
    is_int(column, 6, "columns count characters, not bytes");
}

static void test_writer(void)
{
    struct arena a = {0};
    struct json_out o = {.arena = &a};
    size_t n;
    const char *text;

    json_open(&o, '{');
    json_put_key(&o, "k\"");
    json_open(&o, '[');
    json_put_entry(&o);
    json_put_string(&o, "\\ \b\f\n\r\t\x01\x7f \xc3\xa4 \xff/");
    json_put_entry(&o);
    json_put_bool(&o, false);
    json_close(&o, ']');
    json_put_key(&o, "e");
    json_open(&o, '{');
    json_close(&o, '}');
    json_close(&o, '}');
    text = json_take(&o, &n);
    is_str(text,
           "{\"k\\\"\":[\"\\\\ \\b\\f\\n\\r\\t\\u0001\\u007f \xc3\xa4 "
           "\xef\xbf\xbd/\",false],\"e\":{}}",
           "what is written is escaped, and UTF-8");
    is_int((intmax_t)strlen(text), (intmax_t)n, "the length is told");
    arena_free(&a);
}

static void test_writer_indents(void)
{
    struct arena a = {0};
    struct json_out o = {.arena = &a, .indent = true};
    size_t n;

    json_open(&o, '[');
    json_put_entry(&o);
    json_put_number(&o, "%d", -5);
    json_put_entry(&o);
    json_open(&o, '[');
    json_close(&o, ']');
    json_close(&o, ']');
    is_str(json_take(&o, &n), "[\n  -5,\n  []\n]", "two spaces a level, empty ones on one line");
    arena_free(&a);
}

int main(void)
{
    test_good();
    test_bad();
    test_nul_byte();
    test_depth();
    test_size();
    test_many_keys();
    test_tree();
    test_numbers();
    test_columns();
    test_writer();
    test_writer_indents();
    return done_testing();
}
