/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the memory of a command: blocks of growing size, mapped from the kernel, which clears them,
 * and handed out from the front. Nothing is touched before it is used: a page costs more than all
 * else that an allocation does.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

enum { PAGE = 4096, FIRST_BLOCK = 64 * 1024, LARGEST_BLOCK = 1024 * 1024 };

/* A block of an arena that ended, cleared: for the next arena that lives as shortly. */
static struct arena_block *spare;

static void exhausted(void)
{
    static const char text[] = "rt: out of memory\n";
    ssize_t told = write(STDERR_FILENO, text, sizeof text - 1);

    _exit(told < 0 ? 1 : 1);
}

static struct arena_block *map_block(size_t whole)
{
    struct arena_block *b =
        mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (b == MAP_FAILED)
        exhausted();
    b->size = whole - sizeof *b;
    return b;
}

static struct arena_block *take_spare(size_t need)
{
    struct arena_block *b = spare;

    if (!b || b->size < need)
        return NULL;
    spare = NULL;
    return b;
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
    struct arena_block *b = a->head ? NULL : take_spare(need);
    size_t whole = a->head ? 2 * (a->head->size + sizeof *b) : FIRST_BLOCK;

    if (whole > LARGEST_BLOCK)
        whole = LARGEST_BLOCK;
    if (whole < need + sizeof *b)
        whole = (need + sizeof *b + PAGE - 1) & ~(size_t)(PAGE - 1);
    if (!b)
        b = map_block(whole);
    b->next = a->head;
    a->head = b;
    return b;
}

static void end_block(struct arena_block *b)
{
    if (spare || b->size >= FIRST_BLOCK) {
        munmap(b, b->size + sizeof *b);
        return;
    }
    memset(b->data, 0, b->used);
    b->used = 0;
    spare = b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->head;
    void *p;

    if (a->sealed)
        abort();
    if (size > SIZE_MAX / 4)
        exhausted();
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!b || b->size - b->used < size)
        b = add_block(a, size);
    p = b->data + b->used;
    b->used += size;
    return p;
}

char *arena_rest(struct arena *a, size_t *room)
{
    struct arena_block *b = a->head;

    *room = b && !a->sealed ? b->size - b->used : 0;
    return *room ? (char *)b->data + b->used : NULL;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 4 / size)
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
        end_block(b);
    }
    a->sealed = 0;
}
