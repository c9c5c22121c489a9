/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the judgement of single values. */
#include "check.h"

#include <ctype.h>
#include <string.h>

static bool is_file_name(const char *s)
{
    return s[0] && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* Huge page sizes as in the schema: ^[1-9][0-9]*[KMG]B$; it becomes part of a file name. */
static bool is_page_size(const char *s)
{
    size_t digits = strspn(s, "0123456789");

    return digits && s[0] != '0' && s[digits] && strchr("KMG", s[digits]) &&
           strcmp(s + digits + 1, "B") == 0;
}

/* A run of digits without a leading zero; what follows, or NULL. */
static const char *version_number(const char *s)
{
    size_t n = strspn(s, "0123456789");

    return n == 0 || (n > 1 && s[0] == '0') ? NULL : s + n;
}

static bool is_tail(const char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("-.+", *s))
            return false;
    return true;
}

/* semver.org 2.0.0: MAJOR.MINOR.PATCH with an optional -PRERELEASE and +BUILD. */
static bool is_semver(const char *s)
{
    for (int part = 0; part < 3; part++) {
        s = version_number(s);
        if (!s || (part < 2 && *s++ != '.'))
            return false;
    }
    return *s == '\0' || ((*s == '-' || *s == '+') && s[1] && is_tail(s + 1));
}

#define STR(name, expected, condition)                                                             \
    const char oci_expects_##name[] = expected;                                                    \
    bool oci_check_##name(const char *s, long long n)                                              \
    {                                                                                              \
        (void)n;                                                                                   \
        return condition;                                                                          \
    }
#define NUM(name, expected, condition)                                                             \
    const char oci_expects_##name[] = expected;                                                    \
    bool oci_check_##name(const char *s, long long n)                                              \
    {                                                                                              \
        (void)s;                                                                                   \
        return condition;                                                                          \
    }
#include "check.def"
