/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the execution domain, personality(2). */
#include "proc/internal.h"
#include "proc/proc.h"

#include "sys/cred.h"

#include <errno.h>

/* runtime-spec config-linux.md, "Personality": no flag is supported; an unsupported value is to be
 * refused. */
int personality_check(const struct oci_personality *cfg, struct err *e)
{
    if (cfg->flags.n == 0)
        return 0;
    return refuse(e, EINVAL, "/linux/personality/flags: there is no flag \"%.64s\"",
                  cfg->flags.v[0]);
}

int step_set_personality(struct ctx *ctx, struct err *e)
{
    const struct oci_linux *lin = ctx->plan->cfg->linux;
    const struct oci_personality *cfg = lin ? lin->personality : NULL;
    int r;

    if (!cfg)
        return 0;
    r = sys_personality((unsigned long)oci_word_value(personality_domain, cfg->domain));
    return r < 0 ? fail(e, r, "/linux/personality: set domain %s",
                        oci_word(personality_domain, cfg->domain))
                 : 0;
}
