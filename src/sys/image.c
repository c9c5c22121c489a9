/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the remapping of the running program. */
#include "sys/image.h"

#include "sys/sys.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

int sys_reopen(int proc, int fd, int flags)
{
    char path[32];

    snprintf(path, sizeof path, "self/fd/%d", fd);
    return sys_open(proc, path, flags, 0);
}

bool sys_image_is_read_only(int proc)
{
    struct statvfs st;
    int fd = sys_open(proc, "self/exe", O_PATH, 0);
    bool is = fd >= 0 && fstatvfs(fd, &st) == 0 && (st.f_flag & ST_RDONLY);

    if (fd >= 0)
        close(fd);
    return is;
}

struct span {
    uintptr_t begin, end; /* page aligned */
    uintptr_t relro_begin, relro_end;
    int prot;
    off_t offset;
};

static uintptr_t page_size(void)
{
    return (uintptr_t)getauxval(AT_PAGESZ);
}

static uintptr_t down(uintptr_t at)
{
    return at & ~(page_size() - 1);
}

static uintptr_t up(uintptr_t at)
{
    return down(at + page_size() - 1);
}

static int map_file(const struct span *s, int fd)
{
    void *p =
        mmap((void *)s->begin, s->end - s->begin, s->prot, MAP_PRIVATE | MAP_FIXED, fd, s->offset);

    return p == MAP_FAILED ? -errno : 0;
}

/* Written pages must survive: they are copied aside and the copy is moved into place, in one call,
 * so that there is no moment without them. Made present at once, instead of by a fault each. */
static int move_copy(const struct span *s)
{
    size_t n = s->end - s->begin;
    void *copy =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (copy == MAP_FAILED)
        return -errno;
    memcpy(copy, (void *)s->begin, n);
    if (mremap(copy, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)s->begin) == MAP_FAILED) {
        int r = -errno;
        munmap(copy, n);
        return r;
    }
    /* The loader had made its relocated part read-only. */
    if (s->relro_end > s->relro_begin &&
        mprotect((void *)s->relro_begin, s->relro_end - s->relro_begin, PROT_READ) < 0)
        return -errno;
    return 0;
}

static int protection(const ElfW(Phdr) * ph)
{
    return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
           (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

static void find_relro(struct span *s, const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + ph->p_vaddr;
        if (ph->p_type != PT_GNU_RELRO || at < s->begin || at >= s->end)
            continue;
        s->relro_begin = down(at);
        s->relro_end = down(at + ph->p_memsz);
    }
}

struct swap {
    int fd, result, objects;
};

static int swap_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct swap *swap = arg;

    (void)size;
    if (swap->objects++)
        return 1; /* the first is the program; static programs have only the vDSO besides */
    for (int i = 0; swap->result == 0 && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + ph->p_vaddr;
        struct span s = {
            .begin = down(at),
            .end = up(at + ph->p_filesz),
            .prot = protection(ph),
            .offset = (off_t)down(ph->p_offset),
        };
        if (ph->p_type != PT_LOAD || s.begin == s.end)
            continue;
        find_relro(&s, info);
        swap->result = s.prot & PROT_WRITE ? move_copy(&s) : map_file(&s, swap->fd);
    }
    return 1;
}

/* Where exec put the arguments: their strings, those of the environment and the file's name follow
 * one another at the top of the stack. Listings of processes read the command line there. */
static void keep_arguments(struct prctl_mm_map *map)
{
    uintptr_t args = (uintptr_t)program_invocation_name, end = (uintptr_t)getauxval(AT_EXECFN);
    uintptr_t env = environ && *environ ? (uintptr_t)*environ : end;

    if (args >= env || env > end)
        return;
    map->arg_start = args;
    map->arg_end = map->env_start = env;
    map->env_end = end;
}

/* The kernel wants the whole description of the address space along with the new executable; only
 * what /proc/self shows of it depends on these, and exec replaces all. */
static int point_exe(int fd)
{
    uintptr_t code = (uintptr_t)&sys_image_swap, stack = (uintptr_t)&fd;
    uintptr_t brk = (uintptr_t)sbrk(0);
    struct prctl_mm_map map = {
        .start_code = code,
        .end_code = code + 1,
        .start_data = code,
        .end_data = code + 1,
        .start_brk = brk,
        .brk = brk,
        .start_stack = stack,
        .arg_start = stack,
        .arg_end = stack + 1,
        .env_start = stack,
        .env_end = stack + 1,
        .exe_fd = (uint32_t)fd,
    };

    keep_arguments(&map);
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) < 0 ? -errno : 0;
}

int sys_image_swap(int fd)
{
    struct swap swap = {.fd = fd};

    dl_iterate_phdr(swap_object, &swap);
    return swap.result < 0 ? swap.result : point_exe(fd);
}
