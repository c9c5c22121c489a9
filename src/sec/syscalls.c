/* SPDX-License-Identifier: Apache-2.0 */
/* Owns names and numbers of system calls: the table syscalls.def and how to find in it. */
#include "sec/filter.h"

#include <linux/audit.h>
#include <string.h>

enum column {
    X86,
    X86_64,
    X32,
    ARM,
    AARCH64,
    RISCV64,
    MIPS,
    MIPS64,
    MIPS64N32,
    PARISC,
    PARISC64,
    PPC,
    PPC64,
    S390,
    S390X,
    N_COLUMNS,
};

/* Families of calls that share a door, as numbers above any subcall; see struct syscall. */
enum { FAMILY_SOCKET = 0x100, FAMILY_IPC = 0x200, SUBCALL = 0xff };

/* Without pointers, so that nothing of it is relocated when rt starts. */
struct syscall {
    char name[30];
    int16_t multiplexed; /* family and subcall, 0: none */
    int16_t number[N_COLUMNS];
};

enum { NONE = -1, ARM_PRIVATE_MARK = 0x4000, ARM_PRIVATE = 0xf0000 };

static const struct syscall calls[] = {
#define _                        NONE
#define P(n)                     (ARM_PRIVATE_MARK + (n))
#define SAME(name, n)            {#name, 0, {n, n, n, n, n, n, n, n, n, n, n, n, n, n, n}},
#define CALL(name, ...)          {#name, 0, {__VA_ARGS__}},
#define SOCK(name, subcall, ...) {#name, FAMILY_SOCKET + (subcall), {__VA_ARGS__}},
#define IPC(name, subcall, ...)  {#name, FAMILY_IPC + (subcall), {__VA_ARGS__}},
#include "sec/syscalls.def"
};

enum { N_CALLS = sizeof calls / sizeof *calls };

/* As libseccomp names them: AUDIT_ARCH_*, but one of its own for x32. */
static const struct arch {
    uint32_t token;
    int column;
} archs[] = {
    {AUDIT_ARCH_X86_64, X86_64},
    {AUDIT_ARCH_I386, X86},
    {AUDIT_ARCH_X86_64 & ~(uint32_t)__AUDIT_ARCH_64BIT, X32},
    {AUDIT_ARCH_ARM, ARM},
    {AUDIT_ARCH_AARCH64, AARCH64},
    {AUDIT_ARCH_LOONGARCH64, AARCH64},
    {AUDIT_ARCH_RISCV64, RISCV64},
    {AUDIT_ARCH_MIPS, MIPS},
    {AUDIT_ARCH_MIPSEL, MIPS},
    {AUDIT_ARCH_MIPS64, MIPS64},
    {AUDIT_ARCH_MIPSEL64, MIPS64},
    {AUDIT_ARCH_MIPS64N32, MIPS64N32},
    {AUDIT_ARCH_MIPSEL64N32, MIPS64N32},
    {AUDIT_ARCH_PARISC, PARISC},
    {AUDIT_ARCH_PARISC64, PARISC64},
    {AUDIT_ARCH_PPC, PPC},
    {AUDIT_ARCH_PPC64, PPC64},
    {AUDIT_ARCH_PPC64LE, PPC64},
    {AUDIT_ARCH_S390, S390},
    {AUDIT_ARCH_S390X, S390X},
};

/* Where the numbers of an architecture begin, unless at 0. */
static const uint32_t first[N_COLUMNS] = {
    [X32] = 0x40000000,
    [MIPS] = 4000,
    [MIPS64] = 5000,
    [MIPS64N32] = 6000,
};

static uint32_t number_of(const struct syscall *call, int column)
{
    int number = call->number[column];

    if (column == ARM && number >= ARM_PRIVATE_MARK)
        return ARM_PRIVATE + (uint32_t)(number - ARM_PRIVATE_MARK);
    return first[column] + (uint32_t)number;
}

static void add_door(struct syscall_place *place, const struct syscall *call, int column,
                     int subcall)
{
    if (!call || call->number[column] == NONE)
        return;
    place->v[place->n].number = number_of(call, column);
    place->v[place->n].subcall = subcall;
    place->n++;
}

int syscall_column(uint32_t token)
{
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        if (archs[i].token == token)
            return archs[i].column;
    return -1;
}

uint32_t syscall_first(int column)
{
    return first[column];
}

/* Between two rows. */
static const struct syscall *search(const char *name, size_t low, size_t high)
{
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, calls[middle].name);
        if (order == 0)
            return &calls[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct syscall *syscall_find(const char *name, const struct syscall *last)
{
    size_t low = last ? (size_t)(last - calls) + 1 : 0;
    int order;

    /* Doubling steps, as the name is likely to be near. */
    for (size_t step = 1; low < N_CALLS; low += step, step *= 2) {
        order = strcmp(name, calls[low].name);
        if (order == 0)
            return &calls[low];
        if (order < 0)
            return search(name, step == 1 ? 0 : low - step / 2 + 1, low);
    }
    return search(name, 0, N_CALLS);
}

void syscall_find_place(const struct syscall *call, int column, struct syscall_place *place)
{
    int family = call->multiplexed & ~SUBCALL;

    place->n = 0;
    add_door(place, call, column, -1);
    if (family)
        add_door(place, syscall_find(family == FAMILY_SOCKET ? "socketcall" : "ipc", NULL), column,
                 call->multiplexed & SUBCALL);
}
