/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/sec/caps.c: names to masks, and the masks onto a process of its own. */
#include "sec/sec.h"

#include "base/log.h"
#include "proc/proc.h"
#include "sys/cred.h"
#include "sys/sys.h"
#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(name) (UINT64_C(1) << OCI_CAPABILITY_##name)
#define LIST(...)                                                                                  \
    {                                                                                              \
        sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[])                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

struct setup {
    struct oci_capabilities caps;
    struct oci_user user;
    struct oci_process process;
    struct oci_config cfg;
    struct plan plan;
    struct err e;
    char said[4096];
};

/* Plan, keeping what is logged. */
static int make(struct setup *s, uint64_t fresh)
{
    int log = sys_memfd("log", 0), r;

    s->process.capabilities = &s->caps;
    s->process.user = &s->user;
    s->cfg.process = &s->process;
    s->plan = (struct plan){.cfg = &s->cfg, .process.cfg = &s->process, .ns.fresh = fresh};
    log_to(log, LOG_SINK_STREAM, NULL);
    r = caps_plan(&s->plan, &(struct arena){0}, &s->e);
    log_to(-1, LOG_SINK_STREAM, NULL);
    s->said[pread(log, s->said, sizeof s->said - 1, 0)] = '\0';
    close(log);
    return r;
}

static void names_to_masks(void)
{
    struct setup s = {.caps = {
                          .bounding = LIST("CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"),
                          .permitted = LIST("CAP_CHOWN", "CAP_KILL"),
                          .effective = LIST("CAP_KILL"),
                          .inheritable = LIST("CAP_KILL"),
                          .ambient = LIST("CAP_KILL"),
                      }};

    is_int(make(&s, CLONE_NEWUSER), 0, "a plan");
    ok(s.plan.caps.given, "capabilities are given");
    ok(s.plan.caps.bounding == (BIT(CHOWN) | BIT(CHECKPOINT_RESTORE)), "bounding");
    ok(s.plan.caps.permitted == (BIT(CHOWN) | BIT(KILL)), "permitted");
    ok(s.plan.caps.effective == BIT(KILL), "effective");
    ok(s.plan.caps.inheritable == BIT(KILL), "inheritable");
    ok(s.plan.caps.ambient == BIT(KILL), "ambient");
    is_str(s.said, "", "nothing is warned of");
}

static void what_is_left_out(void)
{
    struct setup s = {.caps = {
                          .bounding = LIST("CAP_FLY", "cap_chown", "CHOWN", "CAP_KILL"),
                          .permitted = LIST("CAP_KILL", "CAP_FLY"),
                          .effective = LIST("CAP_KILL", "CAP_CHOWN"),
                          .inheritable = LIST("CAP_CHOWN"),
                          .ambient = LIST("CAP_KILL", "CAP_CHOWN"),
                      }};

    is_int(make(&s, CLONE_NEWUSER), 0, "unknown names are no error");
    ok(s.plan.caps.bounding == BIT(KILL), "names are as capabilities(7) writes them");
    ok(s.plan.caps.effective == BIT(KILL), "effective needs permitted");
    ok(s.plan.caps.ambient == 0, "ambient needs permitted and inheritable");
    ok(strstr(s.said, "CAP_FLY, cap_chown, CHOWN: unknown"), "unknown names are told once");
    ok(strstr(s.said, "CAP_CHOWN: effective but not permitted"), "so is the effective one");
    ok(strstr(s.said, "CAP_CHOWN, CAP_KILL: ambient"), "so are the ambient ones");
}

static void absent(void)
{
    struct oci_process process = {0};
    struct oci_config cfg = {.process = &process};
    struct plan plan = {.cfg = &cfg, .process.cfg = &process, .caps.given = true};
    struct err e = {0};

    is_int(caps_plan(&plan, &(struct arena){0}, &e), 0, "no capabilities in the configuration");
    ok(plan.caps.given && !(plan.caps.bounding | plan.caps.permitted | plan.caps.effective |
                            plan.caps.inheritable | plan.caps.ambient),
       "gives none");
    plan.process.cfg = NULL;
    is_int(caps_plan(&plan, &(struct arena){0}, &e), 0, "no process");
    ok(!plan.caps.given, "leaves them as they are");
}

static bool is_exact(const struct caps_plan *want)
{
    struct sys_caps c;
    uint64_t bounding = 0, known = 0;

    for (unsigned i = 0; sys_capbset_read(i) >= 0; i++) {
        known |= UINT64_C(1) << i;
        bounding |= sys_capbset_read(i) ? UINT64_C(1) << i : 0;
    }
    return sys_capget(&c) == 0 && c.effective == want->effective &&
           c.permitted == want->permitted && c.inheritable == want->inheritable &&
           bounding == (want->bounding & known);
}

static int apply(struct setup *s)
{
    struct ctx ctx = {.plan = &s->plan};

    if (step_drop_bounding(&ctx, &s->e) < 0 || step_set_user(&ctx, &s->e) < 0 ||
        step_set_caps(&ctx, &s->e) < 0) {
        printf("# %s\n", s->e.text);
        return 1;
    }
    return is_exact(&s->plan.caps) ? 0 : 2;
}

/* In a process of its own: 0 when the sets came out exactly as planned. */
static int apply_in_child(struct setup *s)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(apply(s));
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void onto_a_process(void)
{
    struct setup s = {.caps = {
                          .bounding = LIST("CAP_CHOWN", "CAP_KILL"),
                          .permitted = LIST("CAP_CHOWN", "CAP_NET_RAW"),
                          .effective = LIST("CAP_CHOWN"),
                          .inheritable = LIST("CAP_CHOWN", "CAP_NET_RAW"),
                          .ambient = LIST("CAP_NET_RAW"),
                      }};
    struct setup none = {0};

    if (geteuid() != 0) {
        skip("sets of a process", "needs root");
        return;
    }
    make(&s, 0);
    is_int(apply_in_child(&s), 0, "root: every set exact, inheritable beyond bounding");
    s.user.uid = s.user.gid = 12345;
    is_int(apply_in_child(&s), 0, "a user: the same");
    make(&none, 0);
    is_int(apply_in_child(&none), 0, "root without any");
    none.user.uid = none.user.gid = 12345;
    is_int(apply_in_child(&none), 0, "a user without any");
}

int main(void)
{
    names_to_masks();
    what_is_left_out();
    absent();
    onto_a_process();
    return done_testing();
}
