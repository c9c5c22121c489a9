/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what src/proc refuses on the host: scheduler, memory policy, personality. */
#include "proc/internal.h"

#include "tap.h"

#include <errno.h>

static void schedulers(void)
{
    enum { OTHER = OCI_SCHED_POLICY_OTHER, FIFO = OCI_SCHED_POLICY_FIFO };
    enum { DL = OCI_SCHED_POLICY_DEADLINE };
    static const struct {
        struct oci_scheduler cfg;
        bool good;
        const char *what;
    } table[] = {
        {{.policy = OTHER, .nice = 5}, true, "SCHED_OTHER with a nice value"},
        {{.policy = OTHER, .priority = 1}, false, "SCHED_OTHER has no priority"},
        {{.policy = FIFO, .priority = 1}, true, "the lowest real-time priority"},
        {{.policy = FIFO, .priority = 99}, true, "the highest"},
        {{.policy = FIFO}, false, "a real-time policy needs one"},
        {{.policy = FIFO, .priority = 100}, false, "100 is too high"},
        {{.policy = FIFO, .priority = -1}, false, "-1 is too low"},
        {{.policy = OTHER, .runtime = 1}, false, "a runtime belongs to SCHED_DEADLINE"},
        {{.policy = DL, .runtime = 1, .deadline = 2, .period = 3}, true, "SCHED_DEADLINE"},
        {{.policy = DL, .runtime = 1, .deadline = 2}, true, "the period is the deadline if absent"},
        {{.policy = DL, .deadline = 2, .period = 3}, false, "no runtime"},
        {{.policy = DL, .runtime = 3, .deadline = 2, .period = 3}, false, "runtime > deadline"},
        {{.policy = DL, .runtime = 1, .deadline = 4, .period = 3}, false, "deadline > period"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err e = {0};
        int r = scheduler_check(&table[i].cfg, &e);
        ok((r == 0) == table[i].good, "%s: %s", table[i].what, e.text);
    }
}

static void memory_policies(void)
{
    enum { BIND = OCI_MPOL_MODE_BIND, LOCAL = OCI_MPOL_MODE_LOCAL };
    enum { PREFERRED = OCI_MPOL_MODE_PREFERRED };
    static const struct {
        int mode;
        const char *nodes;
        int result;
    } table[] = {
        {BIND, "0", 0},
        {BIND, "0-3,7", 0},
        {BIND, "32767", 0},
        {BIND, "32768", -ERANGE},
        {BIND, "0-99999999999", -ERANGE},
        {BIND, "", -EINVAL},
        {BIND, NULL, -EINVAL},
        {BIND, "3-0", -EINVAL},
        {BIND, "0,", -EINVAL},
        {BIND, ",0", -EINVAL},
        {BIND, "0-", -EINVAL},
        {BIND, "-1", -EINVAL},
        {BIND, "a", -EINVAL},
        {BIND, "0 1", -EINVAL},
        {BIND, "0-1-2", -EINVAL},
        {LOCAL, NULL, 0},
        {LOCAL, "", 0},
        {LOCAL, "0", -EINVAL},
        {PREFERRED, NULL, 0},
        {PREFERRED, "1", 0},
        {OCI_MPOL_MODE_DEFAULT, "0", -EINVAL},
        {OCI_MPOL_MODE_INTERLEAVE, "", -EINVAL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct oci_memory_policy cfg = {.mode = table[i].mode, .nodes = table[i].nodes};
        struct err e = {0};
        int r = mempolicy_check(&cfg, &e);
        ok(r == table[i].result, "%s of \"%s\": %d %s", oci_word(mpol_mode, cfg.mode),
           cfg.nodes ? cfg.nodes : "(none)", r, e.text);
    }
}

static void personalities(void)
{
    const char *flag = "ADDR_NO_RANDOMIZE";
    struct oci_personality cfg = {.domain = OCI_PERSONALITY_DOMAIN_LINUX32};
    struct err e = {0};

    is_int(personality_check(&cfg, &e), 0, "a domain alone");
    cfg.flags = (struct oci_strs){1, &flag};
    is_int(personality_check(&cfg, &e), -EINVAL, "no flag is valid");
}

int main(void)
{
    schedulers();
    memory_policies();
    personalities();
    return done_testing();
}
