/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/str.c. */
#include "base/str.h"
#include "tap.h"

static void copies(struct arena *a)
{
    char text[] = "config.json";
    char *copy = str_dup(a, text);

    text[0] = 'C';
    is_str(copy, "config.json", "str_dup copies");
    is_str(str_dup(a, ""), "", "str_dup copies nothing");
    is_str(str_ndup(a, "abcdef", 3), "abc", "str_ndup ends its copy");
    is_str(str_ndup(a, "abcdef", 0), "", "str_ndup of no characters");
}

static void formats(struct arena *a)
{
    char *s = str_fmt(a, "%0900d", 7);

    is_str(str_fmt(a, "%s-%d", "ns", 42), "ns-42", "str_fmt formats");
    is_str(str_fmt(a, "%s", ""), "", "str_fmt of an empty result");
    is_int((intmax_t)strlen(s), 900, "str_fmt of a long result");
    ok(s[899] == '7', "its end is not cut");
}

/* Texts are written into what is left of a block, and some do not fit there. */
static void at_every_place(void)
{
    struct arena a = {0};
    bool same = true, zero = true;

    for (unsigned i = 0; i < 3000; i++) {
        char *s = str_fmt(&a, "%0*u", (int)(i % 97 + 1), 7U), *after = arena_alloc(&a, 24);
        same = same && strlen(s) == i % 97 + 1 && s[i % 97] == '7' && s[0] == (i % 97 ? '0' : '7');
        for (unsigned j = 0; j < 24; j++)
            zero = zero && after[j] == 0;
        memset(after, 'x', 24);
    }
    ok(same, "str_fmt is whole at the end of a block too");
    ok(zero, "and leaves nothing of a text that did not fit");
    arena_free(&a);
}

static void paths(struct arena *a)
{
    is_str(str_path(a, "/run", "rt"), "/run/rt", "a slash comes between");
    is_str(str_path(a, "/run/", "rt"), "/run/rt", "but one only");
    is_str(str_path(a, "/run///", "rt"), "/run/rt", "where there were three too");
    is_str(str_path(a, "/", "rt"), "/rt", "the root");
    is_str(str_path(a, "bundle", "rootfs"), "bundle/rootfs", "a relative folder");
    is_str(str_path(a, "/run", "/etc"), "/etc", "an absolute name stands alone");
}

static void dotdot(void)
{
    static const char *const with[] = {"..", "../a", "a/..", "a/../b", "/..", "...//.."};
    static const char *const without[] = {"", "a", ".", "...", "a..", "..a", "a..b/c", "a/..b"};

    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        ok(str_has_dotdot(with[i]), "\"%s\" leads upwards", with[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        ok(!str_has_dotdot(without[i]), "\"%s\" does not", without[i]);
}

static void nearest(void)
{
    static const char *const words[] = {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_LOCAL", "rw", "ro"};
    enum { N = sizeof words / sizeof *words };
    char huge[200] = {0};

    is_str(str_nearest("MPOL_BIMD", words, N), "MPOL_BIND", "one wrong letter");
    is_str(str_nearest("MPOL_BIDN", words, N), "MPOL_BIND", "two swapped letters");
    is_str(str_nearest("MPOLDEFAULT", words, N), "MPOL_DEFAULT", "a letter is missing");
    is_str(str_nearest("MPOL_LOCAL", words, N), "MPOL_LOCAL", "the word itself");
    is_str(str_nearest("rx", words, N), "rw", "the first of two that are equally near");
    is_str(str_nearest("shared", words, N), NULL, "nothing is near");
    is_str(str_nearest("MPOL_BIND", words, 0), NULL, "there is no word");
    memset(huge, 'M', sizeof huge - 1);
    is_str(str_nearest(huge, words, N), NULL, "a word longer than any");
}

static void questions(void)
{
    ok(str_eq("a", "a") && !str_eq("a", "ab"), "str_eq compares all of it");
    ok(str_starts("CAP_KILL", "CAP_") && str_starts("a", ""), "str_starts finds a beginning");
    ok(!str_starts("CAP", "CAP_") && !str_starts("xCAP_", "CAP_"), "and nothing else");
}

int main(void)
{
    struct arena a = {0};

    copies(&a);
    formats(&a);
    at_every_place();
    paths(&a);
    dotdot();
    nearest();
    questions();
    arena_free(&a);
    return done_testing();
}
