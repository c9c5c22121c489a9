/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the memory of a command: blocks of growing size, handed out from the front. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

enum { FIRST_BLOCK = 16 * 1024 - 64, LARGEST_BLOCK = 1024 * 1024 };

static void exhausted(void)
{
    static const char text[] = "rt: out of memory\n";
    ssize_t told = write(STDERR_FILENO, text, sizeof text - 1);

    _exit(told < 0 ? 1 : 1);
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
    struct arena_block *b;

    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (size < need)
        size = need;
    b = malloc(sizeof *b + size);
    if (!b)
        exhausted();
    b->next = a->head;
    b->used = 0;
    b->size = size;
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->head;
    void *p;

    if (a->sealed)
        abort();
    if (size > SIZE_MAX / 2)
        exhausted();
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!b || b->size - b->used < size)
        b = add_block(a, size);
    p = b->data + b->used;
    b->used += size;
    return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 2 / size)
        exhausted();
    return arena_alloc(a, n * size);
}

void arena_seal(struct arena *a)
{
    a->sealed = 1;
}

void arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        free(b);
    }
    a->sealed = 0;
}
