/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of what this version does not honour. A property is on it as long as no code
 * applies it; using it is an error that names it, so that nobody believes in a limit or a label
 * that is not there.
 */
#include "run/refuse.h"

#include "base/str.h"

#include <errno.h>

struct unsupported {
    const char *pointer;
    bool (*used)(const struct plan *);
    const char *instead;
};

static bool uses_rdt(const struct plan *p)
{
    return p->cfg->linux && p->cfg->linux->intel_rdt;
}

static const struct unsupported list[] = {
    {"/linux/intelRdt", uses_rdt, "leave it out, or prepare the resctrl group before"},
};

int refuse_unsupported(struct plan *p, struct arena *a, struct err *e)
{
    (void)a;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (!list[i].used(p))
            continue;
        refuse(e, ENOTSUP, "this version of rt does not honour %s", list[i].pointer);
        err_hint(e, "%s", list[i].instead);
        return err_at(e, "%s", list[i].pointer);
    }
    return 0;
}
