/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: signals to all processes of one open hierarchy. */
#ifndef RT_CGROUP_SIGNAL_H
#define RT_CGROUP_SIGNAL_H

#include "cgroup/kind.h"

/* One by one. 0; 1 for SIGKILL when new processes keep turning up; -errno when one could not be
 * signalled, after the others were. */
int signal_hier(const struct hier *h, int sig);

#endif
