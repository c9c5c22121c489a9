/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on every container whose ID matches. */
#ifndef RT_CMD_EACH_H
#define RT_CMD_EACH_H

#include "cmd/app.h"

typedef int each_fn(struct app *, const char *id, void *arg, struct err *);

/* Call fn for each container whose ID matches the extended regular expression. The first failure
 * is returned, after all were tried. A bad pattern is an error. */
int each_matching(struct app *, const char *pattern, each_fn *, void *arg, struct err *);

#endif
