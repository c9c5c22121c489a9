/* SPDX-License-Identifier: Apache-2.0 */
/* Judging one value at a time, and several together. */
#ifndef OCI_CHECK_H
#define OCI_CHECK_H

#include "base/err.h"
#include "oci.h"

#define STR(name, expected, condition) const char *oci_check_##name(const char *, long long);
#define NUM(name, expected, condition) const char *oci_check_##name(const char *, long long);
#include "check.def"
#undef STR
#undef NUM

/* `any` is no check. */
#define oci_check_any NULL

/* The rules between fields (rules.def). On failure *e has the reason, and e->at the JSON pointer
 * of the value at fault, without file and line. */
int oci_check_rules(const struct oci_config *, struct err *);

#endif
