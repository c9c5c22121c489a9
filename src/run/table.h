/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the script's rows, and its borders. */
#ifndef RT_RUN_TABLE_H
#define RT_RUN_TABLE_H

/* ROW_name is the row's number. MARK_name is the number of the first row behind the border: a mark
 * takes no number of its own, as the next enumerator starts over from it. */
enum run_row {
#define DO(role, walk, n, w, u, d)    ROW_##n,
#define SAY(a, b, walk, n, w, d)      ROW_##n,
#define SAY_WITH(a, b, walk, n, w, d) ROW_##n,
#define FORK(a, b, walk, n, w, u, d)  ROW_##n,
#define GONE(a, b, walk, n, w, d)     ROW_##n,
#define MARK(n, d)                    MARK_##n, MARK_##n##_before = MARK_##n - 1,
#include "run/script.def"
#undef DO
#undef SAY
#undef SAY_WITH
#undef FORK
#undef GONE
#undef MARK
};

#endif
