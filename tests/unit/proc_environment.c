/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/proc/environment.c and plan.c: the environment as a program gets it. */
#include "proc/internal.h"
#include "proc/proc.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <unistd.h>

struct setup {
    struct arena arena;
    struct oci_process process;
    struct oci_config cfg;
    struct request req;
    struct plan plan;
    struct err e;
};

static int make(struct setup *s, const char **env, size_t n)
{
    s->process.env = (struct oci_strs){n, env};
    s->cfg.process = &s->process;
    s->plan.req = &s->req;
    s->plan.cfg = &s->cfg;
    return process_plan(&s->plan, &s->arena, &s->e);
}

static const char *joined(const struct setup *s)
{
    static char buf[4096];

    buf[0] = '\0';
    for (const char **v = s->plan.process.env; *v; v++)
        snprintf(buf + strlen(buf), sizeof buf - strlen(buf), "%s|", *v);
    return buf;
}

static void last_one_wins(void)
{
    const char *env[] = {"A=1", "HOME=/x", "B=2", "A=", "AB=3", "A=4"};
    struct setup s = {0};

    is_int(make(&s, env, 6), 0, "a plan");
    is_str(joined(&s), "HOME=/x|B=2|AB=3|A=4|", "of a name the last one, in its place");
    ok(!s.plan.process.needs_home, "HOME is there");
    is_str(environment_get(s.plan.process.env, "A"), "4", "a value by name");
    ok(!environment_get(s.plan.process.env, "HOM"), "no value by part of a name");
    arena_free(&s.arena);
}

static void many_names(void)
{
    struct setup s = {0};
    enum { N = 20000 };
    const char **env = arena_array(&s.arena, N, sizeof *env);
    size_t n = 0;

    for (int i = 0; i < N; i++)
        env[i] = str_fmt(&s.arena, "V%d=%d", i % (N / 2), i);
    is_int(make(&s, env, N), 0, "twenty thousand entries");
    while (s.plan.process.env[n])
        n++;
    is_int((intmax_t)n, N / 2 + 1, "half of them, and HOME");
    is_str(s.plan.process.env[0], "V0=10000", "the later half");
    arena_free(&s.arena);
}

static void home(void)
{
    const char *env[] = {"HOME=", "A=1"};
    struct setup s = {0};

    make(&s, env, 2);
    is_str(joined(&s), "A=1|HOME=/|", "an empty HOME is none; until it is known it is the root");
    ok(s.plan.process.needs_home, "and has to be found");
    arena_free(&s.arena);
}

static void sockets(void)
{
    const char *env[] = {"HOME=/", "LISTEN_PID=77", "NOTIFY_SOCKET=/old"};
    struct setup s = {.req = {.listen_fds = 1, .listen_fdnames = "web", .notify_socket = "@x"}};
    struct ctx ctx = {.plan = &s.plan};
    char want[64];
    int fds[2];

    if (pipe(fds) < 0 || dup2(fds[0], 3) < 0) {
        printf("Bail out! no pipe\n");
        return;
    }
    is_int(make(&s, env, 3), 0, "a socket is passed");
    is_str(joined(&s),
           "HOME=/|LISTEN_FDS=1|LISTEN_PID=1|LISTEN_FDNAMES=web|"
           "NOTIFY_SOCKET=/run/notify/notify.sock|",
           "what systemd's protocols say replaces what stands there");
    is_int(step_finish_environment(&ctx, &s.e), 0, "finished");
    snprintf(want, sizeof want, "LISTEN_PID=%d", (int)getpid());
    is_str(s.plan.process.env[2], want, "the pid as it is inside");
    s.req.preserve_fds = 900;
    is_int(make(&s, env, 3), -EBADF, "a descriptor that is not open");
    ok(strstr(s.e.text, "not open"), "says so: %s", s.e.text);
    arena_free(&s.arena);
}

int main(void)
{
    last_one_wins();
    many_names();
    home();
    sockets();
    return done_testing();
}
