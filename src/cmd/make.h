/* SPDX-License-Identifier: Apache-2.0 */
/* What create and run have in common. */
#ifndef RT_CMD_MAKE_H
#define RT_CMD_MAKE_H

#include "cmd/app.h"

/* Complete the request out of its options and the environment: the bundle becomes absolute, socket
 * and file names too, as they are used from other directories. */
int make_request(struct app *, struct request *, struct err *);

/* The options of create; run has them too. N_MAKE_OPTIONS rows at `table`. */
enum { N_MAKE_OPTIONS = 11 };
void make_options(struct request *, struct option *table);

#endif
