/* SPDX-License-Identifier: Apache-2.0 */
/* The state document, for state and list. */
#ifndef RT_CMD_STATE_H
#define RT_CMD_STATE_H

#include "oci.h"
#include "run/record.h"

/* Fill the document out of a container; owner is left to the caller. A container whose creation
 * was killed at its first step has little to say. */
void state_fill(struct oci_state *, const struct container *);

#endif
