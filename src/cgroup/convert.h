/* SPDX-License-Identifier: Apache-2.0 */
/* Private to knobs.c and convert.c: the conversions that knobs.def names. */
#ifndef RT_CGROUP_CONVERT_H
#define RT_CGROUP_CONVERT_H

#include "cgroup/knobs.h"

/* A value of any of the types that the rows have. */
struct value {
    int64_t n;
    const char *s;
};

struct conv {
    const struct knob_env *env;
    const struct knob_row *row;
    struct settings *out;
    struct err *e;
    enum backend backend;
    const char *file;
};

/* Add the settings for value v, of row c->row, to c->out. -EINVAL, -ENOTSUP: c->e has text and
 * place. A list or map is read from c->env->r, and v is the number of its entries. */
typedef int conversion(struct conv *c, struct value v);

conversion conv_number, conv_not_zero, conv_positive, conv_text, conv_bytes, conv_bytes_kept,
    conv_count, conv_oom_control, conv_refused, conv_zero_only, conv_false_only, conv_true_only,
    conv_unlimited_only, conv_memory_limit, conv_memory_and_swap, conv_swap_alone, conv_weight,
    conv_quota, conv_cpu_max, conv_cpu_period, conv_io_weight, conv_device_weights, conv_read_bps,
    conv_write_bps, conv_read_iops, conv_write_iops, conv_hugepages, conv_priorities, conv_rdma,
    conv_unified;

/* The controller that a file of cgroup v2 belongs to, by the first word of its name. */
enum ctl convert_file_ctl(const char *name);

#endif
