/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that live in an arena, and questions about strings. */
#ifndef RT_BASE_STR_H
#define RT_BASE_STR_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

char *str_dup(struct arena *a, const char *s);
char *str_ndup(struct arena *a, const char *s, size_t n);
char *str_fmt(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "a" and "b" with exactly one slash between; an absolute b is returned as a copy of b. */
char *str_path(struct arena *a, const char *dir, const char *name);

/* Does a path have a component ".."? */
bool str_has_dotdot(const char *path);

/* The nearest of n words to `word` by edit distance, or NULL if none is near enough to be what
 * was meant (a third of its length, at least one). */
const char *str_nearest(const char *word, const char *const *words, size_t n);

static inline bool str_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

#endif
