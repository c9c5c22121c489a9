/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/arena.c. */
#include "base/arena.h"
#include "tap.h"

#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void memory_is_zeroed_and_aligned(void)
{
    struct arena a = {0};
    bool zero = true, aligned = true;

    for (size_t n = 1; n < 3000; n += 7) {
        unsigned char *p = arena_alloc(&a, n);
        zero = zero && is_zero(p, n);
        aligned = aligned && (uintptr_t)p % alignof(max_align_t) == 0;
        memset(p, 0xff, n);
    }
    ok(zero, "memory is zeroed");
    ok(aligned, "memory is aligned for any type");
    arena_free(&a);
}

static void objects_do_not_overlap(void)
{
    enum { N = 2000 };
    struct arena a = {0};
    unsigned *v[N], intact = 0;

    for (unsigned i = 0; i < N; i++) {
        v[i] = arena_array(&a, i % 50 + 1, sizeof *v[i]);
        for (unsigned j = 0; j < i % 50 + 1; j++)
            v[i][j] = i;
    }
    for (unsigned i = 0; i < N; i++)
        intact += v[i][0] == i && v[i][i % 50] == i;
    is_int(intact, N, "objects over several blocks keep what was written to them");
    arena_free(&a);
}

static void large_objects(void)
{
    struct arena a = {0};
    size_t n = 5 * 1024 * 1024;
    unsigned char *large = arena_alloc(&a, n), *small;

    ok(is_zero(large, n), "an object larger than any block");
    memset(large, 0xff, n);
    small = arena_alloc(&a, 16);
    ok(is_zero(small, 16), "a small one behind it");
    ok(arena_alloc(&a, 0) != NULL, "nothing is an object too");
    arena_free(&a);
}

static void free_gives_back(void)
{
    struct arena a = {0};

    arena_alloc(&a, 10);
    arena_free(&a);
    ok(a.head == NULL, "an arena that was given back is empty");
    ok(is_zero(arena_alloc(&a, 100), 100), "it can be used again");
    arena_free(&a);
    arena_free(&a);
    ok(a.head == NULL, "giving back twice does nothing");
}

/* Arenas that live shortly hand one block on to each other. */
static void blocks_come_back_clean(void)
{
    bool zero = true;

    for (unsigned i = 0; i < 8; i++) {
        struct arena a = {0};
        for (unsigned j = 0; j < 40; j++) {
            unsigned char *p = arena_alloc(&a, 4000);
            zero = zero && is_zero(p, 4000);
            memset(p, 0xff, 4000);
        }
        arena_free(&a);
    }
    ok(zero, "memory is zero again in the next arena");
}

static void the_rest(void)
{
    struct arena a = {0};
    size_t room = 1;
    char *rest = arena_rest(&a, &room), *s;

    ok(!rest && room == 0, "an empty arena has no rest");
    arena_alloc(&a, 100);
    rest = arena_rest(&a, &room);
    ok(rest && room >= 8, "there is a rest");
    memcpy(rest, "rest", 5);
    s = arena_alloc(&a, 5);
    ok(s == rest && strcmp(s, "rest") == 0, "what is allocated next lies there");
    arena_seal(&a);
    rest = arena_rest(&a, &room);
    ok(!rest && room == 0, "a sealed arena has none");
    arena_free(&a);
}

/* Wait status of a child that runs f; what it says goes nowhere. */
static int in_child(void (*f)(void))
{
    const struct rlimit no_core = {0};
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        close(STDERR_FILENO);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void use_sealed(void)
{
    struct arena a = {0};

    arena_alloc(&a, 8);
    arena_seal(&a);
    arena_alloc(&a, 8);
}

static void use_freed(void)
{
    struct arena a = {0};

    arena_alloc(&a, 8);
    arena_seal(&a);
    arena_free(&a);
    arena_alloc(&a, 8);
    arena_free(&a);
}

static void too_many(void)
{
    struct arena a = {0};
    volatile size_t n = SIZE_MAX / 16;

    arena_array(&a, n, 64);
}

static void too_large(void)
{
    struct arena a = {0};
    volatile size_t n = SIZE_MAX;

    arena_alloc(&a, n);
}

static void guards(void)
{
    int status = in_child(use_sealed);

    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "a sealed arena aborts");
    status = in_child(use_freed);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "giving back takes the seal off");
    status = in_child(too_many);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "an overflowing product is exhaustion");
    status = in_child(too_large);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "so is a size whose rounding overflows");
}

int main(void)
{
    memory_is_zeroed_and_aligned();
    objects_do_not_overlap();
    large_objects();
    free_gives_back();
    blocks_come_back_clean();
    the_rest();
    guards();
    return done_testing();
}
