/* SPDX-License-Identifier: Apache-2.0 */
/* Judging one value at a time, and several together. */
#ifndef OCI_CHECK_H
#define OCI_CHECK_H

#include "base/err.h"
#include "oci.h"

#define STR(name, expected, condition)                                                             \
    bool oci_check_##name(const char *, long long);                                                \
    extern const char oci_expects_##name[];
#define NUM STR
#include "check.def"
#undef STR
#undef NUM

/* `any` is no check. */
#define oci_check_any   NULL
#define oci_expects_any NULL

/* The rules between the fields of one object (rules.def). On failure *e has the reason, and e->at
 * the JSON pointer of the value at fault below the object. */
int oci_check_rules(const struct oci_desc *desc, const void *object, struct err *e);

/* Is an unknown key of this object an error? */
bool oci_is_closed(const struct oci_desc *desc);

#endif
