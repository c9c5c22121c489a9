/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One arena holds everything that a command allocates: the parsed configuration, the plan,
 * paths. There is no free per object; the arena goes as a whole, or with the process.
 */
#ifndef RT_BASE_ARENA_H
#define RT_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *head;
    int sealed; /* debug guard: allocation after arena_seal aborts */
};

/* Zeroed memory, aligned for any type. Never NULL: when memory is exhausted the process says so
 * on stderr and leaves with status 1, as there is nothing a runtime could do then. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2)));

/* What is left of the present block, `room` bytes (0 and NULL: nothing), for text whose length is
 * not known yet: write it there, then allocate as much as it took, and it is in its place. What is
 * written and not allocated has to be zeroed again. */
char *arena_rest(struct arena *a, size_t *room);

/* n objects of `size` bytes; an overflowing product counts as exhausted memory. */
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((alloc_size(2, 3)));

/* From now on an allocation aborts: set in init once limits of the container apply, where
 * running out of memory could no longer be reported. */
void arena_seal(struct arena *a);

/* Give everything back. The arena may be used again. */
void arena_free(struct arena *a);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
