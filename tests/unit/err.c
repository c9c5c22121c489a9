/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/err.c. */
#include "base/err.h"
#include "tap.h"

#include <errno.h>

static void records(void)
{
    struct err e = {0};

    is_int(fail(&e, ENOENT, "open %s", "/a"), -ENOENT, "fail returns the negative code");
    is_int(e.code, ENOENT, "it records the code");
    is_str(e.text, "open /a: No such file or directory", "and the words, with the kernel's");
    is_int(fail(&e, -EPERM, "x"), -EPERM, "a negative code is the same");
    is_str(e.text, "x: Operation not permitted", "and replaces what was recorded");
    is_int(fail(NULL, EIO, "x"), -EIO, "nobody need listen");
    is_int(refuse(&e, EINVAL, "two %s", "roots"), -EINVAL, "refuse returns the negative code");
    is_str(e.text, "two roots", "its words are alone");
    is_int(refuse(NULL, -EINVAL, "x"), -EINVAL, "nobody need listen to it either");
}

static void places_and_hints(void)
{
    struct err e = {0};
    char line[900];

    refuse(&e, EINVAL, "no root");
    is_str(err_line(&e, line, sizeof line), "no root", "an error alone");
    is_int(err_at(&e, "config.json:%d:%d", 4, 1), -EINVAL, "err_at ends a chain of returns");
    is_str(err_line(&e, line, sizeof line), "config.json:4:1: no root", "a place comes first");
    err_at(&e, "elsewhere");
    is_str(e.at, "config.json:4:1", "the place nearest to the reason stays");
    is_int(err_hint(&e, "add one"), -EINVAL, "err_hint ends a chain of returns");
    is_str(err_line(&e, line, sizeof line), "config.json:4:1: no root (add one)",
           "what to do comes last");
    err_hint(&e, "add %d", 2);
    is_str(e.hint, "add 2", "a later hint replaces it");
    refuse(&e, EINVAL, "again");
    is_str(err_line(&e, line, sizeof line), "again", "a new error forgets the old one's place");
    ok(err_at(NULL, "x") < 0 && err_hint(NULL, "x") < 0, "nobody need listen");
}

static void long_ones_are_cut(void)
{
    struct err e = {0};
    char line[900], tiny[8];

    is_int(fail(&e, ENOENT, "%01000d", 1), -ENOENT, "a text longer than its place");
    is_int((intmax_t)strlen(e.text), sizeof e.text - 1, "is cut at the end of it");
    err_at(&e, "%01000d", 1);
    err_hint(&e, "%01000d", 1);
    is_int((intmax_t)strlen(err_line(&e, line, sizeof line)),
           sizeof e.at - 1 + 2 + sizeof e.text - 1 + 3 + sizeof e.hint - 1, "all three full");
    err_line(&e, tiny, sizeof tiny);
    is_str(tiny, "0000000", "a line longer than its place is cut too");
}

int main(void)
{
    records();
    places_and_hints();
    long_ones_are_cut();
    return done_testing();
}
