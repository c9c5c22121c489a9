/* SPDX-License-Identifier: Apache-2.0 */
/* Owns `rt explain`: the script as it would be walked for one bundle. */
#include "run/run.h"

#include "base/str.h"

#include <errno.h>

static const char *who(const struct row *r, struct arena *a)
{
    static const char *const arrows[] = {[OP_SAY] = "->", [OP_FORK] = "=>", [OP_GONE] = "~>"};

    if (r->op == OP_DO)
        return role_name(r->from);
    return str_fmt(a, "%s %s %s", role_name(r->from), arrows[r->op], role_name(r->to));
}

int run_explain(const struct request *req, struct arena *a, FILE *out, struct err *e)
{
    const struct script *s = run_script();
    struct plan plan;
    unsigned walked = 0;

    if (run_plan(req, a, &plan, e) < 0)
        return -e->code;
    for (unsigned i = 0; i < s->n; i++) {
        const struct row *r = &s->rows[i];
        bool applies = script_row_applies(r, &plan);

        if (!(r->scope & SCOPE_NEW))
            continue;
        walked += applies;
        fprintf(out, "%-3s %-15s %-22s %s\n", applies ? "yes" : "-", who(r, a), r->name, r->doc);
    }
    fprintf(out, "\n%u of %u rows apply to this bundle.\n", walked, s->n);
    return ferror(out) ? fail(e, EIO, "print the script") : 0;
}
