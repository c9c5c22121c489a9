/* SPDX-License-Identifier: Apache-2.0 */
/* Owns reading numbers from command lines and kernel files. */
#include "base/num.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int num_u64(const char *text, uint64_t *out)
{
    char *end;
    unsigned long long v;

    if (!is_digit(text[0]))
        return -EINVAL;
    errno = 0;
    v = strtoull(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno)
        return -ERANGE;
    *out = v;
    return 0;
}

int num_i64(const char *text, int64_t *out)
{
    char *end;
    long long v;

    if (!is_digit(text[text[0] == '-']))
        return -EINVAL;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno)
        return -ERANGE;
    *out = v;
    return 0;
}

int num_u32(const char *text, uint32_t *out)
{
    uint64_t v;
    int r = num_u64(text, &v);

    if (r < 0)
        return r;
    if (v > UINT32_MAX)
        return -ERANGE;
    *out = (uint32_t)v;
    return 0;
}

static int unit_shift(const char *suffix)
{
    static const char units[] = "kmgt";
    const char *u = strchr(units, suffix[0] | 0x20);

    if (!suffix[0])
        return 0;
    if (!strcasecmp(suffix, "b"))
        return 0;
    if (!u || (suffix[1] && strcasecmp(suffix + 1, "b") && strcasecmp(suffix + 1, "ib")))
        return -EINVAL;
    return 10 * (int)(u - units + 1);
}

int num_bytes(const char *text, int64_t *out)
{
    char *end;
    long long v;
    int shift;

    if (!is_digit(text[text[0] == '-']))
        return -EINVAL;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno)
        return -ERANGE;
    shift = unit_shift(end);
    if (shift < 0)
        return shift;
    if (v > INT64_MAX >> shift || v < INT64_MIN >> shift)
        return -ERANGE;
    *out = v * (INT64_C(1) << shift);
    return 0;
}

/* ---- lists ---- */

enum { WORD = 8 * sizeof(unsigned long) };

/* A number at *at, which moves behind its digits. */
static int list_number(const char **at, size_t bits, unsigned *value)
{
    const char *start = *at;

    for (*value = 0; is_digit(**at); ++*at)
        if (*value < bits)
            *value = 10 * *value + (unsigned)(**at - '0');
    if (*at == start)
        return -EINVAL;
    return *value < bits ? 0 : -ERANGE;
}

static int list_range(const char **at, size_t bits, unsigned *first, unsigned *last)
{
    int r = list_number(at, bits, first);

    *last = *first;
    if (r == 0 && **at == '-') {
        ++*at;
        r = list_number(at, bits, last);
    }
    return r == 0 && *last < *first ? -EINVAL : r;
}

int num_list(const char *text, unsigned long *mask, size_t bits, unsigned *n)
{
    memset(mask, 0, (bits + WORD - 1) / WORD * sizeof *mask);
    *n = 0;
    while (*text) {
        unsigned first, last;
        int r = list_range(&text, bits, &first, &last);
        if (r < 0)
            return r;
        if ((*text && *text != ',') || (*text == ',' && !text[1]))
            return -EINVAL;
        for (unsigned i = first; i <= last; i++)
            mask[i / WORD] |= 1UL << i % WORD;
        if (last >= *n)
            *n = last + 1;
        text += *text == ',';
    }
    return 0;
}
