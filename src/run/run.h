/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that make, start and remove containers, as functions. */
#ifndef RT_RUN_RUN_H
#define RT_RUN_RUN_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"
#include "core/script.h"
#include "run/record.h"
#include <stdio.h>

/* Make a container up to the point before its program: 0 or -errno with nothing left behind. */
int run_create(const struct request *, struct arena *, struct err *);

/* Make, start, and unless detached wait for and remove a container. *exit_code is the program's,
 * 128 + signal when it was killed. -errno: the container could not be made or started. */
int run_run(const struct request *, struct arena *, int *exit_code, struct err *);

/* Run one more process in a container out of record_load. `process` is complete. *exit_code as in
 * run_run; 0 when detached. */
int run_exec(struct request *, struct container *, const struct oci_process *, int *exit_code,
             struct err *);

/* Start a created container. A failing startContainer or poststart hook destroys it. */
int run_start(const char *root, const char *id, struct arena *, struct err *);

/* Remove a container. With `force` it is killed first, and an unknown id is no error. A container
 * that was only created is killed too: engines rely on it. */
int run_delete(const char *root, const char *id, bool force, struct arena *, struct err *);

/* Print the rows that a bundle's creation would walk. */
int run_explain(const struct request *, struct arena *, FILE *out, struct err *);

/* Parse and check config.json of the request and complete the plan. Nothing is made. */
int run_plan(const struct request *, struct arena *, struct plan *, struct err *);

/* Only read and check config.json of p->req into p->cfg and p->config_text. */
int run_read_config(struct plan *p, struct arena *, struct err *);

/* The table itself, for those who print it. */
const struct script *run_script(void);

#endif
