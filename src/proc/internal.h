/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/proc: what its files tell each other. */
#ifndef RT_PROC_INTERNAL_H
#define RT_PROC_INTERNAL_H

#include "core/ctx.h"

/* environment.c: plan->process.env, needs_home, home, listen_pid. */
void environment_build(struct plan *p, struct arena *a);

/* Value of a variable in a NULL-terminated environment, or NULL. */
const char *environment_get(const char *const *env, const char *name);

/* Each judges its part of the configuration on the host; 0 or -errno. */
int scheduler_check(const struct oci_scheduler *cfg, struct err *e);
int mempolicy_check(const struct oci_memory_policy *cfg, struct err *e);
int personality_check(const struct oci_personality *cfg, struct err *e);

/* rlimits.c: set exactly what step_set_rlimits put off. */
int rlimits_finish(const struct oci_process *process, struct err *e);

/* The kernel's word for an errno value as engines match it: small initial. In buf. */
const char *errno_word(int code, char *buf, size_t size);

#endif
