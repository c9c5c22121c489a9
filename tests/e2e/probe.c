/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the filter that it runs under what it says of system calls. For each line of the standard
 * input, ABI (64 or 32), number and six arguments, it prints a line:
 *
 *   errno N    the filter fails the call
 *   signal N   the filter ends the process, or sends SIGSYS: "trap N" with the number in si_errno
 *   allow      the filter lets it pass
 *
 * No call is executed: a second filter below reports whatever the first lets pass, and it is
 * answered with an error that no filter here uses. Linked statically.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 4000, MOST = 4096 };

struct question {
    int abi;
    unsigned nr;
    uint64_t args[6];
};

struct shared {
    volatile int listener, now, done;
    struct question q[MOST];
    volatile long result[MOST];
    volatile int trapped[MOST];
};

static struct shared *shared;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    shared->trapped[shared->now] = info->si_errno + 1;
}

static long ask(const struct question *q)
{
    const uint64_t *a = q->args;

#ifdef __x86_64__
    if (q->abi == 32) {
        long r;
        register uint64_t si __asm__("rsi") = a[3], di __asm__("rdi") = a[4];
        __asm__ volatile("lea -128(%%rsp), %%rsp; push %%rbp; mov %[last], %%rbp; int $0x80;"
                         "pop %%rbp; lea 128(%%rsp), %%rsp"
                         : "=a"(r)
                         : "a"((long)q->nr), "b"(a[0]), "c"(a[1]), "d"(a[2]), "r"(si),
                           "r"(di), [last] "r"(a[5])
                         : "memory", "r8", "r9", "r10", "r11");
        return (int)r;
    }
#endif
    long r = syscall((long)q->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    return r < 0 ? -errno : r;
}

/* Shares descriptors with the parent, who answers. From the second filter on, any call of ours is
 * only reported, so there is nothing but memory left; at the end we wait to be killed. */
static int child(void *arg)
{
    int from = *(int *)arg;
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
    struct sock_fprog program = {1, all};
    struct sigaction act = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigaction(SIGSYS, &act, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    shared->listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (shared->listener < 0)
        _exit(1);
    for (shared->now = from; shared->now < shared->done; shared->now++)
        shared->result[shared->now] = ask(&shared->q[shared->now]);
    for (;;)
        shared->listener = -2;
}

static void answer(int listener)
{
    union {
        struct seccomp_notif notif;
        char room[256];
    } in;
    union {
        struct seccomp_notif_resp resp;
        char room[256];
    } out;

    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
        return;
    out.resp.id = in.notif.id;
    out.resp.error = -PASSED;
    /* The way back from a signal handler is a call as well; it must happen. */
    if (in.notif.data.nr == SYS_rt_sigreturn && shared->trapped[shared->now]) {
        out.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        out.resp.error = 0;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
}

/* One process until it has asked everything or dies; the index of the question it died of. */
static int serve(int from, int *signal)
{
    static char stack[64 * 1024];
    int status = 0;
    pid_t pid;

    shared->listener = -1;
    pid = clone(child, stack + sizeof stack, CLONE_FILES | SIGCHLD, &from);
    if (pid < 0) {
        perror("clone");
        exit(1);
    }
    for (;;) {
        struct pollfd p = {.fd = shared->listener, .events = POLLIN};
        if (waitpid(pid, &status, WNOHANG) == pid)
            break;
        if (shared->listener == -2) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return shared->done;
        }
        if (p.fd >= 0 && poll(&p, 1, 1) > 0 && p.revents & POLLIN)
            answer(p.fd);
    }
    *signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    for (int i = from; i < shared->done; i++)
        if (shared->result[i] == 1 && !shared->trapped[i])
            return i;
    return shared->done;
}

static void print(int i)
{
    long r = shared->result[i];

    if (shared->trapped[i])
        printf("trap %d\n", shared->trapped[i] - 1);
    else if (r == -PASSED)
        printf("allow\n");
    else
        printf("errno %ld\n", -r);
}

int main(void)
{
    struct question q;
    int n = 0;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    while (n < MOST && scanf("%d %u %li %li %li %li %li %li", &q.abi, &q.nr, (long *)&q.args[0],
                             (long *)&q.args[1], (long *)&q.args[2], (long *)&q.args[3],
                             (long *)&q.args[4], (long *)&q.args[5]) == 8) {
        shared->result[n] = 1; /* not asked */
        shared->q[n++] = q;
    }
    shared->done = n;
    for (int from = 0; from < n;) {
        int signal = 0, end = serve(from, &signal);
        for (int i = from; i < end; i++)
            print(i);
        if (end < n)
            printf("signal %d\n", signal);
        from = end + 1;
    }
    return 0;
}
