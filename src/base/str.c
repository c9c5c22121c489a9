/* SPDX-License-Identifier: Apache-2.0 */
/* Owns strings in arenas and the search for the word that was meant. */
#include "base/str.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

char *str_ndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    memcpy(copy, s, n);
    return copy;
}

char *str_dup(struct arena *a, const char *s)
{
    return str_ndup(a, s, strlen(s));
}

char *str_fmt(struct arena *a, const char *format, ...)
{
    va_list ap, again;
    size_t room;
    char *rest = arena_rest(a, &room), *s;
    int n;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(rest, room, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room) {
        if (rest)
            memset(rest, 0, room);
        s = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
        if (n >= 0)
            vsnprintf(s, (size_t)n + 1, format, again);
    } else {
        s = arena_alloc(a, (size_t)n + 1);
    }
    va_end(again);
    return s;
}

char *str_path(struct arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);
    char *path;

    if (name[0] == '/')
        return str_ndup(a, name, m);
    while (n && dir[n - 1] == '/')
        n--;
    path = arena_alloc(a, n + 1 + m + 1);
    memcpy(path, dir, n);
    path[n] = '/';
    memcpy(path + n + 1, name, m);
    return path;
}

bool str_has_dotdot(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")); p += 2)
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return true;
    return false;
}

enum { LONGEST = 64 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance with one row of memory; words longer than LONGEST are never near. */
static unsigned distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    unsigned row[LONGEST + 1];

    if (la > LONGEST || lb > LONGEST)
        return UINT_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[lb];
}

const char *str_nearest(const char *word, const char *const *words, size_t n)
{
    unsigned best = (unsigned)strlen(word) / 3 + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, words[i]);
        if (d <= best && (!nearest || d < best)) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}
