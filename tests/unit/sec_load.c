/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/sec/seccomp_load.c: the moment a filter takes hold, in processes of their own. */
#include "sec/sec.h"

#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct setup {
    struct oci_seccomp_syscall rule;
    struct oci_seccomp seccomp;
    struct oci_linux lin;
    struct oci_process process;
    struct oci_config cfg;
    struct plan plan;
    struct arena arena;
    struct ctx ctx;
    struct err e;
    const char *name;
};

static const struct request none;

/* getppid(2) fails with EXDEV. */
static int make(struct setup *s, bool nnp, int action)
{
    *s = (struct setup){.name = "getppid"};
    s->rule = (struct oci_seccomp_syscall){.names = {1, &s->name}, .action = action};
    if (action == OCI_SECCOMP_ACTION_ERRNO) {
        s->rule.errno_ret = EXDEV;
        SET(&s->rule, seccomp_syscall, errno_ret);
    }
    s->seccomp = (struct oci_seccomp){.default_action = OCI_SECCOMP_ACTION_ALLOW,
                                      .listener_path = "/unused",
                                      .syscalls = {1, &s->rule}};
    s->lin.seccomp = &s->seccomp;
    s->process.no_new_privileges = nnp;
    s->cfg.linux = &s->lin;
    s->plan = (struct plan){.req = &none, .cfg = &s->cfg, .process.cfg = &s->process};
    s->ctx = (struct ctx){.plan = &s->plan, .arena = &s->arena};
    if (seccomp_plan(&s->plan, &s->arena, &s->e) < 0 || step_prepare_seccomp(&s->ctx, &s->e) < 0)
        return -s->e.code;
    return step_compile_seccomp(&s->ctx, &s->e);
}

static bool is_held(void)
{
    return syscall(SYS_getppid) < 0 && errno == EXDEV;
}

/* Which of the three steps made it take hold: 1 early, 2 listener, 3 late; 100 on an error. */
static int walk(struct setup *s)
{
    if (step_load_seccomp_early(&s->ctx, &s->e) < 0)
        return 100;
    if (is_held())
        return 1;
    if (step_set_no_new_privs(&s->ctx, &s->e) < 0 || step_load_seccomp_listener(&s->ctx, &s->e) < 0)
        return 100;
    if (is_held())
        return 2;
    return step_load_seccomp_late(&s->ctx, &s->e) < 0 ? 100 : is_held() ? 3 : 0;
}

static int in_child(struct setup *s, uid_t uid)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int r = uid && setresuid(uid, uid, uid) < 0 ? 101 : walk(s);
        if (r == 100)
            printf("# %s (%s)\n", s->e.text, s->e.hint);
        fflush(stdout);
        _exit(r);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void when_it_takes_hold(void)
{
    struct setup s;

    is_int(make(&s, true, OCI_SECCOMP_ACTION_ERRNO), 0, "compiled");
    is_int(in_child(&s, 0), 3, "with no_new_privs as the last thing");
    arena_free(&s.arena);
    if (geteuid() != 0) {
        skip("other users", "needs root");
        return;
    }
    make(&s, true, OCI_SECCOMP_ACTION_ERRNO);
    is_int(in_child(&s, 12345), 3, "a user may load it then");
    arena_free(&s.arena);
    make(&s, false, OCI_SECCOMP_ACTION_ERRNO);
    is_int(in_child(&s, 0), 1, "without no_new_privs early");
    is_int(in_child(&s, 12345), 100, "which needs privilege");
    arena_free(&s.arena);
}

static void the_number_of_the_descriptor(void)
{
    struct setup s;
    int status;
    pid_t pid;

    is_int(make(&s, true, OCI_SECCOMP_ACTION_NOTIFY), 0, "compiled with a listener");
    ok(s.plan.seccomp.listener && *s.plan.seccomp.number == -1, "its number is not there yet");
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int early = step_load_seccomp_early(&s.ctx, &s.e) + *s.plan.seccomp.number;
        int r = step_set_no_new_privs(&s.ctx, &s.e);
        if (r == 0)
            r = step_load_seccomp_listener(&s.ctx, &s.e);
        _exit(r == 0 && early == -1 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    is_int(status, 0, "loaded by the step for listeners");
    ok(*s.plan.seccomp.number > 2, "the other process sees the number %d", *s.plan.seccomp.number);
    arena_free(&s.arena);
}

int main(void)
{
    when_it_takes_hold();
    the_number_of_the_descriptor();
    return done_testing();
}
