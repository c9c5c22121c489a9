/* SPDX-License-Identifier: Apache-2.0 */
/* What the specification knows and rt does not honour: refused by name, never ignored. */
#ifndef RT_RUN_REFUSE_H
#define RT_RUN_REFUSE_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"

/* -ENOTSUP, naming the first property of the configuration that rt would have to ignore. */
int refuse_unsupported(struct plan *, struct arena *, struct err *);

#endif
