/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/run: annotations that are part of how engines talk to runtimes. */
#ifndef RT_RUN_ANNOTATIONS_H
#define RT_RUN_ANNOTATIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"

/* Refuse those of other runtimes that ask for what rt does not do, so that nobody believes in it,
 * and combinations that cannot be. Those that rt honours are looked up where they take effect. */
int annotations_plan(struct plan *, struct arena *, struct err *);

#endif
