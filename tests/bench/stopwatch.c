/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times commands as whole processes, from spawn to the end of the wait, each variant once in every
 * round and in a new random order, after a wait of at most PATIENCE ms for a quiet machine.
 * One line of JSON a measure.
 *
 *   stopwatch [-n ROUNDS] [-w WARM_UP] [-p PATIENCE] [-j JOBS] NAME=COMMAND...
 *
 * A command is words between blanks. %i is a new id, the same within one measure. ";;" separates
 * commands that are timed as one; "::" stands before and after what is timed, around it is what
 * prepares and what cleans up. With -j, JOBS measures run at once and the whole batch of ROUNDS is
 * one measure. Small, static and without allocations, as a child's peak memory begins with ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VARIANTS = 16, WORDS = 48, STEPS = 8, TEXT = 4096, NAP_US = 1000 };

struct sum {
    double ms, user, sys;
    long rss, faults;
    int failed;
};

static unsigned long ids;
static int patience = 2000;
static int nowhere; /* /dev/null: what a detached container keeps of ours */

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

/* ---- quiet ---- */

static long stat_value(const char *key, unsigned n)
{
    static char text[16384];
    int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    const char *at;

    close(fd);
    text[got < 0 ? 0 : got] = '\0';
    at = strstr(text, key);
    return at ? atol(at + n) : 0;
}

static long processes(void)
{
    return stat_value("\nprocesses ", 11);
}

static void wait_for_quiet(void)
{
    for (int i = 0; i < patience && stat_value("\nprocs_running ", 15) > 1; i++)
        usleep(NAP_US);
}

/* ---- running ---- */

static pid_t spawn(char **argv)
{
    pid_t pid = vfork();

    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            dup2(nowhere, fd);
        execvp(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static void collect(pid_t pid, struct sum *s)
{
    struct rusage r;
    int status = -1;

    while (wait4(pid, &status, 0, &r) < 0 && errno == EINTR)
        ;
    s->user += ms_of(r.ru_utime);
    s->sys += ms_of(r.ru_stime);
    s->faults += r.ru_minflt;
    if (r.ru_maxrss > s->rss)
        s->rss = r.ru_maxrss;
    s->failed |= status != 0;
}

static void run_one(char **argv, struct sum *s)
{
    double begin = now_ms();

    collect(spawn(argv), s);
    s->ms += now_ms() - begin;
}

static void expand(const char *command, char text[TEXT])
{
    char *out = text, *end = text + TEXT - 32;

    ids++;
    for (const char *p = command; *p && out < end; p++)
        if (p[0] == '%' && p[1] == 'i') {
            out += snprintf(out, 32, "b%d-%lu", (int)getpid(), ids);
            p++;
        } else {
            *out++ = *p;
        }
    *out = '\0';
}

/* Each step of a command as argv; timed[] says which part it is in: 0, 1 is timed, 2. */
static int split(char *text, char *argv[STEPS][WORDS], int part[STEPS])
{
    int n = 0, words = 0, now = strstr(text, " :: ") ? 0 : 1;
    char *save, *word;

    part[0] = now;
    for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        int ends = strcmp(word, ";;") == 0, turns = strcmp(word, "::") == 0;
        if (!ends && !turns && words < WORDS - 1) {
            argv[n][words++] = word;
            continue;
        }
        argv[n][words] = NULL;
        n += words > 0 && n < STEPS - 1;
        words = 0;
        now += turns;
        part[n] = now;
    }
    argv[n][words] = NULL;
    return n + (words > 0);
}

static struct sum measure(const char *command)
{
    char text[TEXT], *argv[STEPS][WORDS];
    int part[STEPS], n;
    struct sum timed = {0}, rest = {0};

    expand(command, text);
    n = split(text, argv, part);
    for (int i = 0; i < n; i++)
        run_one(argv[i], part[i] == 1 ? &timed : &rest);
    timed.failed |= rest.failed;
    return timed;
}

static void tell(const char *name, int round, const struct sum *s, long others)
{
    printf("{\"name\": \"%s\", \"round\": %d, \"ms\": %.4f, \"user\": %.3f, \"sys\": %.3f, "
           "\"rss\": %ld, \"faults\": %ld, \"failed\": %d, \"forks\": %ld}\n",
           name, round, s->ms, s->user, s->sys, s->rss, s->faults, s->failed, others);
    fflush(stdout);
}

static void shuffle(int *order, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = rand() % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

static void interleaved(char **variants, int n, int rounds, int warm)
{
    for (int round = -warm; round < rounds; round++) {
        int order[VARIANTS];
        for (int i = 0; i < n; i++)
            order[i] = i;
        shuffle(order, n);
        for (int i = 0; i < n; i++) {
            char *name = variants[order[i]], *command = strchr(name, '=') + 1;
            struct sum s;
            long forks;
            wait_for_quiet();
            forks = processes();
            s = measure(command);
            forks = processes() - forks;
            command[-1] = '\0';
            if (round >= 0)
                tell(name, round, &s, forks);
            command[-1] = '=';
        }
    }
}

/* ---- many at once ---- */

static void side_by_side(char *variant, int rounds, int jobs)
{
    char *command = strchr(variant, '=') + 1, text[TEXT], *argv[STEPS][WORDS];
    struct sum s = {0};
    int part[STEPS], running = 0;
    double begin = now_ms();

    for (int begun = 0; begun < rounds || running;) {
        if (begun < rounds && running < jobs) {
            expand(command, text);
            split(text, argv, part);
            spawn(argv[0]);
            begun++;
            running++;
        } else {
            collect(-1, &s);
            running--;
        }
    }
    s.ms = now_ms() - begin;
    command[-1] = '\0';
    tell(variant, rounds, &s, jobs);
}

int main(int argc, char **argv)
{
    int rounds = 40, warm = 3, jobs = 0, c;

    while ((c = getopt(argc, argv, "+n:w:p:j:")) != -1)
        if (c == 'n')
            rounds = atoi(optarg);
        else if (c == 'w')
            warm = atoi(optarg);
        else if (c == 'p')
            patience = atoi(optarg);
        else if (c == 'j')
            jobs = atoi(optarg);
        else
            return 2;
    if (argc - optind < 1 || argc - optind > VARIANTS)
        return 2;
    for (int i = optind; i < argc; i++)
        if (!strchr(argv[i], '='))
            return 2;
    srand((unsigned)getpid());
    nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = optind; jobs && i < argc; i++)
        side_by_side(argv[i], rounds, jobs);
    if (!jobs)
        interleaved(argv + optind, argc - optind, rounds, warm);
    return 0;
}
