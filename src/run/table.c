/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the expansion of script.def into the table that the executor walks. */
#include "run/table.h"
#include "run/run.h"
#include "run/steps.h"
#include "run/when.h"

#include "box/box.h"
#include "cgroup/cgroup.h"
#include "hook/hook.h"
#include "io/io.h"
#include "mount/mount.h"
#include "net/net.h"
#include "ns/ns.h"
#include "proc/proc.h"
#include "rdt/rdt.h"
#include "sec/sec.h"

#define host   ROLE_HOST
#define middle ROLE_MIDDLE
#define init   ROLE_INIT
#define NEW    SCOPE_NEW
#define EXEC   SCOPE_EXEC
#define ALL    SCOPE_ALL

/* The last column of a row says whether it can be undone. */
#define UNDO_undo(name) .undo = undo_##name,
#define UNDO_none(name)

static const struct row rows[] = {
#define DO(role, walk, n, w, u, d)                                                                 \
    {.op = OP_DO,                                                                                  \
     .from = role,                                                                                 \
     .to = role,                                                                                   \
     .scope = walk,                                                                                \
     .name = #n,                                                                                   \
     .fn = step_##n,                                                                               \
     UNDO_##u(n).when = w,                                                                         \
     .doc = d},
#define SAY(a, b, walk, n, w, d)                                                                   \
    {.op = OP_SAY, .from = a, .to = b, .scope = walk, .name = #n, .when = w, .doc = d},
#define SAY_WITH(a, b, walk, n, w, d)                                                              \
    {.op = OP_SAY,                                                                                 \
     .from = a,                                                                                    \
     .to = b,                                                                                      \
     .scope = walk,                                                                                \
     .name = #n,                                                                                   \
     .fn = say_##n,                                                                                \
     .hear = hear_##n,                                                                             \
     .when = w,                                                                                    \
     .doc = d},
#define FORK(a, b, walk, n, w, u, d)                                                               \
    {.op = OP_FORK,                                                                                \
     .from = a,                                                                                    \
     .to = b,                                                                                      \
     .scope = walk,                                                                                \
     .name = #n,                                                                                   \
     .fn = n,                                                                                      \
     UNDO_##u(n).when = w,                                                                         \
     .doc = d},
#define GONE(a, b, walk, n, w, d)                                                                  \
    {.op = OP_GONE, .from = a, .to = b, .scope = walk, .name = #n, .when = w, .doc = d},
#define MARK(n, d)
#include "run/script.def"
#undef DO
#undef SAY
#undef SAY_WITH
#undef FORK
#undef GONE
#undef MARK
};

static const struct script script = {
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .explain_death = explain_death,
};

const struct script *run_script(void)
{
    return &script;
}
