/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the NUMA memory policy, set_mempolicy(2), numa(7). */
#include "proc/internal.h"
#include "proc/proc.h"

#include "base/num.h"
#include "sys/sched.h"

#include <errno.h>

/* The kernel looks at no more than one page of bits (get_nodes in mm/mempolicy.c), however many
 * nodes it is built for. */
enum { MOST_NODES = 32768, WORD = 8 * sizeof(unsigned long) };

struct nodes {
    unsigned long mask[MOST_NODES / WORD];
    unsigned n; /* one more than the largest */
};

static int parse(const char *text, struct nodes *to)
{
    return num_list(text, to->mask, MOST_NODES, &to->n);
}

static int mode_of(const struct oci_memory_policy *cfg)
{
    int mode = (int)oci_word_value(mpol_mode, cfg->mode);

    for (size_t i = 0; i < cfg->flags.n; i++)
        mode |= (int)oci_word_value(mpol_flag, cfg->flags.v[i]);
    return mode;
}

static bool forbids_nodes(int mode)
{
    return mode == OCI_MPOL_MODE_DEFAULT || mode == OCI_MPOL_MODE_LOCAL;
}

int mempolicy_check(const struct oci_memory_policy *cfg, struct err *e)
{
    struct nodes nodes;
    const char *text = cfg->nodes ? cfg->nodes : "";
    int r = parse(text, &nodes);

    if (r == -ERANGE)
        return refuse(e, r, "/linux/memoryPolicy/nodes: \"%.64s\" names a node above %d", text,
                      MOST_NODES - 1);
    if (r < 0)
        return refuse(e, r, "/linux/memoryPolicy/nodes: expected a list like 0-3,7, got \"%.64s\"",
                      text);
    if (nodes.n && forbids_nodes(cfg->mode))
        return refuse(e, EINVAL, "/linux/memoryPolicy/nodes: %s takes none",
                      oci_word(mpol_mode, cfg->mode));
    if (!nodes.n && !forbids_nodes(cfg->mode) && cfg->mode != OCI_MPOL_MODE_PREFERRED)
        return refuse(e, EINVAL, "/linux/memoryPolicy/nodes: %s needs some",
                      oci_word(mpol_mode, cfg->mode));
    return 0;
}

static const char *reason(int code)
{
    if (code == -ENOSYS)
        return "this kernel is built without CONFIG_NUMA";
    if (code == -EINVAL)
        return "a node does not exist or is not in the cpuset, or the flags do not go together";
    return NULL;
}

int step_set_memory_policy(struct ctx *ctx, struct err *e)
{
    const struct oci_linux *lin = ctx->plan->cfg->linux;
    const struct oci_memory_policy *cfg = lin ? lin->memory_policy : NULL;
    struct nodes nodes;
    int r;

    if (!cfg)
        return 0;
    r = parse(cfg->nodes ? cfg->nodes : "", &nodes);
    if (r == 0)
        r = sys_set_mempolicy(mode_of(cfg), nodes.n ? nodes.mask : NULL, nodes.n);
    if (r == 0)
        return 0;
    fail(e, r, "/linux/memoryPolicy: set %s of nodes \"%.64s\"", oci_word(mpol_mode, cfg->mode),
         cfg->nodes ? cfg->nodes : "");
    if (reason(r))
        err_hint(e, "%s", reason(r));
    return r;
}
