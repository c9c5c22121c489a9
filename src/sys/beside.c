/* SPDX-License-Identifier: Apache-2.0 */
/* Owns children that share our memory. */
#include "sys/beside.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>

/* errno and what else belongs to a thread are found from one register. The child's is set to the
 * middle of zeroed memory of its own, as the thread's area is below it on some machines and above
 * it on others: so it has its own errno, and no lock of ours. */
#if (defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__)
enum { SUPPORTED = 1 };
#else
enum { SUPPORTED = 0 };
#endif
#if defined(__SANITIZE_ADDRESS__)
enum { WATCHED = 1 }; /* instrumented code needs a thread that its library knows */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { WATCHED = 1 };
#else
enum { WATCHED = 0 };
#endif
#else
enum { WATCHED = 0 };
#endif

enum { THREAD_AREA = 16384, STACK = 32768 };

/* The area begins with its own address where errno is found through that (x86-64 psABI, 3.4.2). */
static void *thread_area(char *room)
{
    void **area = (void **)(void *)(room + THREAD_AREA / 2);

    area[0] = area[2] = area;
    return area;
}

int sys_beside(int (*fn)(void *), void *arg, int *pidfd)
{
    const int flags = CLONE_VM | CLONE_PIDFD | CLONE_SETTLS;
    char *room;
    int r;

    if (!SUPPORTED || WATCHED)
        return -ENOSYS;
    room =
        mmap(NULL, THREAD_AREA + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return -errno;
    /* Not unmapped: it is the child's, whose end nobody may wait for. */
    r = clone(fn, room + THREAD_AREA + STACK, flags, arg, pidfd, thread_area(room), NULL);
    return r < 0 ? -errno : 0;
}
