/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the options of one mount. */
#ifndef RT_MOUNT_OPTIONS_H
#define RT_MOUNT_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"

/* Apply n option words to the item, in order: a later word overrides an earlier one. Words that
 * are not in the table become data; empty ones mean nothing. */
void options_read(struct mount_item *, const char *const *words, size_t n, struct arena *);

/* A propagation word like "rslave". -EINVAL when it is none. */
int options_propagation(const char *word, uint64_t *propagation, bool *recursive);

/* The value of a data option, or NULL. */
const char *options_data(const struct mount_item *, const char *key);

#endif
