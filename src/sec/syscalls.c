/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns names and numbers of system calls: libseccomp's tables, and those calls that are newer than
 * the library rt may be built with. Since Linux 5.1 a new call has the same number everywhere,
 * counted from where an architecture begins (0, or 4000 and up on MIPS, 2^30 on x32).
 */
#include "sec/filter.h"

#include "base/fd.h"
#include "base/str.h"

#include <seccomp.h>

static const struct {
    const char *name;
    int number;
    uint32_t only; /* architecture, 0: all */
} newer[] = {
    {"set_mempolicy_home_node", 450, 0},
    {"cachestat", 451, 0},
    {"fchmodat2", 452, 0},
    {"map_shadow_stack", 453, 0},
    {"futex_wake", 454, 0},
    {"futex_wait", 455, 0},
    {"futex_requeue", 456, 0},
    {"statmount", 457, 0},
    {"listmount", 458, 0},
    {"lsm_get_self_attr", 459, 0},
    {"lsm_set_self_attr", 460, 0},
    {"lsm_list_modules", 461, 0},
    {"mseal", 462, 0},
    {"setxattrat", 463, 0},
    {"getxattrat", 464, 0},
    {"listxattrat", 465, 0},
    {"removexattrat", 466, 0},
    {"open_tree_attr", 467, 0},
    {"file_getattr", 468, 0},
    {"file_setattr", 469, 0},
    {"uretprobe", 335, SCMP_ARCH_X86_64},
};

/* A call that every architecture has at its beginning plus 434. */
#define PROBE_NAME "pidfd_open"
enum { PROBE_NUMBER = 434 };

static int first_number(uint32_t token)
{
    return seccomp_syscall_resolve_name_arch(token, PROBE_NAME) - PROBE_NUMBER;
}

static bool find_newer(uint32_t token, const char *name, struct syscall_place *place)
{
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        if (!str_eq(newer[i].name, name))
            continue;
        if (newer[i].only == 0 || newer[i].only == token) {
            place->v[0].number = (uint32_t)(first_number(token) + newer[i].number);
            place->v[0].subcall = -1;
            place->n = 1;
        }
        return true;
    }
    return false;
}

/* libseccomp gives a multiplexed call a number of its own below zero: -100 less the subcall of
 * socketcall(2), -200 less that of ipc(2). The place of its direct number, NULL when it is neither.
 */
static int *multiplexed(struct syscall_table *t, int pseudo, const char **door, int *subcall)
{
    int *family = NULL;

    if (pseudo < -100 && pseudo > -100 - SYSCALL_SUBCALLS) {
        *subcall = -100 - pseudo;
        *door = "socketcall";
        family = t->socketcall;
    } else if (pseudo < -200 && pseudo > -200 - SYSCALL_SUBCALLS) {
        *subcall = -200 - pseudo;
        *door = "ipc";
        family = t->ipc;
    }
    return family ? &family[*subcall] : NULL;
}

/* The direct numbers: only the way from numbers to names tells them. */
static void scan(struct syscall_table *t)
{
    int first = first_number(t->token), subcall;
    const char *door;

    for (int number = first; number < first + PROBE_NUMBER; number++) {
        auto_free char *name = seccomp_syscall_resolve_num_arch(t->token, number);
        int pseudo = name ? seccomp_syscall_resolve_name_arch(t->token, name) : 0;
        int *direct = multiplexed(t, pseudo, &door, &subcall);
        if (direct)
            *direct = number;
    }
    t->scanned = true;
}

static void add_door(struct syscall_place *place, int number, int subcall)
{
    place->v[place->n].number = (uint32_t)number;
    place->v[place->n].subcall = subcall;
    place->n++;
}

uint32_t syscall_native_arch(void)
{
    return seccomp_arch_native();
}

bool syscall_knows_arch(uint32_t token)
{
    return seccomp_syscall_resolve_name_arch(token, PROBE_NAME) >= 0;
}

bool syscall_find(struct syscall_table *t, const char *name, struct syscall_place *place)
{
    int number = seccomp_syscall_resolve_name_arch(t->token, name), door, subcall, *direct;
    const char *door_name;

    *place = (struct syscall_place){0};
    if (number == __NR_SCMP_ERROR)
        return find_newer(t->token, name, place);
    if (number >= 0) {
        add_door(place, number, -1);
        return true;
    }
    direct = multiplexed(t, number, &door_name, &subcall);
    door = direct ? seccomp_syscall_resolve_name_arch(t->token, door_name) : -1;
    if (door < 0)
        return true; /* not of this architecture */
    if (!t->scanned)
        scan(t);
    if (*direct > 0)
        add_door(place, *direct, -1);
    add_door(place, door, subcall);
    return true;
}
