/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/num.c. */
#include "base/num.h"
#include "tap.h"

#include <errno.h>

static const char *const not_numbers[] = {"",    " ",   "-",   "+1",  " 1",   "1 ",
                                          "0x1", "1.5", "1e3", "--1", "five", "1\n"};
enum { N = sizeof not_numbers / sizeof *not_numbers };

static void refuses_what_is_no_number(void)
{
    for (int i = 0; i < N; i++) {
        const char *text = not_numbers[i];
        uint64_t u = 11;
        uint32_t w = 11;
        int64_t s = 11, b = 11;
        ok(num_u64(text, &u) == -EINVAL && u == 11, "num_u64 refuses \"%s\"", text);
        ok(num_u32(text, &w) == -EINVAL && w == 11, "num_u32 refuses \"%s\"", text);
        ok(num_i64(text, &s) == -EINVAL && s == 11, "num_i64 refuses \"%s\"", text);
        ok(num_bytes(text, &b) == -EINVAL && b == 11, "num_bytes refuses \"%s\"", text);
    }
}

static void unsigned_numbers(void)
{
    uint64_t u = 0;
    uint32_t w = 0;

    ok(num_u64("0", &u) == 0 && u == 0, "0");
    ok(num_u64("007", &u) == 0 && u == 7, "leading zeros are decimal");
    ok(num_u64("18446744073709551615", &u) == 0 && u == UINT64_MAX, "the largest of 64 bits");
    is_int(num_u64("18446744073709551616", &u), -ERANGE, "one more is out of range");
    is_int(num_u64("-1", &u), -EINVAL, "a sign");
    ok(u == UINT64_MAX, "*out keeps its value on failure");
    ok(num_u32("4294967295", &w) == 0 && w == UINT32_MAX, "the largest of 32 bits");
    is_int(num_u32("4294967296", &w), -ERANGE, "one more is out of range");
    is_int(num_u32("99999999999999999999", &w), -ERANGE, "far more too");
    ok(w == UINT32_MAX, "*out keeps its value on failure");
}

static void signed_numbers(void)
{
    int64_t s = 0;

    ok(num_i64("-1", &s) == 0 && s == -1, "-1");
    ok(num_i64("9223372036854775807", &s) == 0 && s == INT64_MAX, "the largest");
    ok(num_i64("-9223372036854775808", &s) == 0 && s == INT64_MIN, "the smallest");
    is_int(num_i64("9223372036854775808", &s), -ERANGE, "above");
    is_int(num_i64("-9223372036854775809", &s), -ERANGE, "below");
    ok(s == INT64_MIN, "*out keeps its value on failure");
}

static void bytes(void)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},
        {"512", 512},
        {"-1", -1},
        {"1b", 1},
        {"1k", 1024},
        {"1K", 1024},
        {"1KB", 1024},
        {"1kib", 1024},
        {"3M", 3 << 20},
        {"2g", INT64_C(2) << 30},
        {"1TiB", INT64_C(1) << 40},
        {"-2k", -2048},
        {"8388607T", INT64_C(8388607) << 40},
        {"-8388608T", INT64_MIN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t b = 11;
        int r = num_bytes(cases[i].text, &b);
        ok(r == 0 && b == cases[i].bytes, "%s is %" PRId64, cases[i].text, cases[i].bytes);
    }
}

static void refused_bytes(void)
{
    static const char *const bad[] = {"k", "1x", "1kk", "1ki", "1bb", "1k ", "1 k"};
    int64_t b = 11;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(num_bytes(bad[i], &b) == -EINVAL, "%s is no size", bad[i]);
    is_int(num_bytes("8388608T", &b), -ERANGE, "a product that overflows");
    is_int(num_bytes("-8388609T", &b), -ERANGE, "and one downwards");
    is_int(num_bytes("9223372036854775808", &b), -ERANGE, "a number that overflows");
    is_int(b, 11, "*out keeps its value on failure");
}

static void lists(void)
{
    static const struct {
        const char *text;
        int r;
        unsigned long first;
        unsigned n;
    } cases[] = {
        {"", 0, 0, 0},
        {"0", 0, 1, 1},
        {"0-3,7", 0, 0x8f, 8},
        {"5,1", 0, 0x22, 6},
        {"64-65", 0, 0, 66},
        {"199", 0, 0, 200},
        {"3-2", -EINVAL, 0, 0},
        {"1,", -EINVAL, 0, 0},
        {",1", -EINVAL, 0, 0},
        {"1-", -EINVAL, 0, 0},
        {"a", -EINVAL, 0, 0},
        {"1 2", -EINVAL, 0, 0},
        {"-1", -EINVAL, 0, 0},
        {"200", -ERANGE, 0, 0},
        {"1-200", -ERANGE, 0, 0},
        {"99999999999999999999", -ERANGE, 0, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned long mask[4];
        unsigned n;
        int r = num_list(cases[i].text, mask, 200, &n);
        ok(r == cases[i].r && (r || (mask[0] == cases[i].first && n == cases[i].n)), "list \"%s\"",
           cases[i].text);
    }
}

int main(void)
{
    lists();
    refuses_what_is_no_number();
    unsigned_numbers();
    signed_numbers();
    bytes();
    refused_bytes();
    return done_testing();
}
