/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: values of D-Bus as a person writes them. */
#ifndef RT_CGROUP_GVARIANT_H
#define RT_CGROUP_GVARIANT_H

#include "cgroup/bus.h"

enum { SIGNATURE_MAX = 128 };

/* A value in GVariant's text format: 'text', true, 5, uint64 5, ['a', 'b'], (1, 'x'), <'v'>,
 * @as []. Its type goes to signature, its lines (bus.h) to out. Dictionaries are not among what
 * units take from us. -EINVAL with the reason. */
int gvariant_parse(const char *text, char signature[SIGNATURE_MAX], struct lines *out,
                   struct err *e);

#endif
