/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a list of CPUs: refused, or the same as a reading bit by bit, and printed anew the
 * same again. */
#include "base/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BITS = 256, WORD = 8 * sizeof(unsigned long) };

struct set {
    unsigned long v[BITS / WORD];
};

static bool has(const struct set *s, unsigned bit)
{
    return s->v[bit / WORD] >> bit % WORD & 1;
}

static void add(struct set *s, unsigned bit)
{
    s->v[bit / WORD] |= 1ul << bit % WORD;
}

/* Digits, at most six of them, or false. */
static bool number(const char **text, unsigned *n)
{
    const char *s = *text;

    for (*n = 0; *s >= '0' && *s <= '9'; s++) {
        *n = *n * 10 + (unsigned)(*s - '0');
        if (*n > 100000)
            *n = 100000;
    }
    if (s == *text)
        return false;
    *text = s;
    return true;
}

/* Item by item, with nothing but what cpuset(7) shows: numbers and ranges between commas. */
static bool naive(const char *s, struct set *set)
{
    unsigned from, to;

    for (;; s++) {
        if (!number(&s, &from))
            return false;
        to = from;
        if (*s == '-') {
            s++;
            if (!number(&s, &to))
                return false;
        }
        if (to < from || to >= BITS)
            return false;
        for (unsigned i = from; i <= to; i++)
            add(set, i);
        if (*s != ',')
            return *s == '\0';
    }
}

static void print(const struct set *s, char *out)
{
    for (unsigned i = 0; i < BITS; i++)
        if (has(s, i))
            out += sprintf(out, "%u,", i);
    out[-1] = '\0';
}

/* What is read is exactly what is there, and `n` is one more than the largest. */
static void check(const struct set *got, unsigned n)
{
    char text[BITS * 4 + 1];
    struct set again;
    unsigned n_again;

    if (n == 0 || n > BITS || !has(got, n - 1))
        abort();
    for (unsigned i = n; i < BITS; i++)
        if (has(got, i))
            abort();
    print(got, text);
    if (num_list(text, again.v, BITS, &n_again) != 0 || n != n_again ||
        memcmp(got, &again, sizeof again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct set got, want = {0};
    unsigned n = 0;
    char *text = malloc(size + 1);
    int r;

    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    r = num_list(text, got.v, BITS, &n);
    if (r != 0 && r != -EINVAL && r != -ERANGE)
        abort();
    if (naive(text, &want) && (r != 0 || memcmp(&got, &want, sizeof got) != 0))
        abort();
    if (r == 0 && n)
        check(&got, n);
    free(text);
    return 0;
}
