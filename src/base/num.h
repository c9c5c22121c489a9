/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers out of text: the whole string or nothing, no white space, no sign games. */
#ifndef RT_BASE_NUM_H
#define RT_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Decimal. 0, or -EINVAL (not a number, trailing text) or -ERANGE. *out only changes on 0. */
int num_u64(const char *text, uint64_t *out);
int num_i64(const char *text, int64_t *out);
int num_u32(const char *text, uint32_t *out);

/* Bytes with an optional K, M, G or T suffix (powers of 1024, either case, an optional B or iB
 * behind it), or a negative number. Same returns. */
int num_bytes(const char *text, int64_t *out);

/* A list of numbers as "0-3,7" (cpuset(7), "List format") to bits of `mask`, which has room for
 * `bits` of them and is cleared first. *n: one more than the largest. -ERANGE: beyond the room. */
int num_list(const char *text, unsigned long *mask, size_t bits, unsigned *n);

#endif
