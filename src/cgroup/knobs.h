/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/cgroup: the table of limits, and the settings that come out of it. */
#ifndef RT_CGROUP_KNOBS_H
#define RT_CGROUP_KNOBS_H

#include "cgroup/kind.h"

/* How a file's old content is written back. */
enum restore {
    RESTORE_WHOLE, /* as it was read */
    RESTORE_LINE,  /* the line that begins with `key`, or `unset` where there was none */
    RESTORE_VALUE, /* what stands behind `key` */
};

/* One line for one file. */
struct setting {
    const char *at; /* property below /linux/resources, "/memory/limit" */
    enum ctl ctl;   /* CTL_NONE: see file */
    const char *file, *value;
    const char *other_file, *other_value; /* taken where `file` does not exist, or NULL */
    bool optional; /* fine if the file does not exist: it asks for what is so anyway */
    bool kept;     /* the kernel may take the value and forget it: read it back */
    enum restore restore;
    const char *key, *unset;
};

struct settings {
    struct setting *v;
    size_t n, room;
};

/* What a conversion may look at: the present value of a file of the same cgroup. On a new cgroup
 * reading is spared: NULL. The text lives in the arena. */
struct present {
    const char *(*read)(const void *arg, struct arena *a, enum ctl ctl, const char *file);
    const void *arg;
};

/* The settings that r asks for, on the backend on which each controller lives (`backend_of`), of
 * the controllers in `mask` (BIT(CTL_NONE) for unified). -EINVAL: an impossible combination, or
 * what the backend does not have; e->at is set. */
struct knob_env {
    struct arena *a;
    const struct oci_resources *r;
    enum backend backend[CTLS + 1];
    struct present present;
    bool systemd_only; /* rows with a property of systemd, and no others */
};

int knobs_convert(const struct knob_env *env, unsigned mask, struct settings *out, struct err *e);

/* Controllers without which r cannot be honoured on a backend; what it has no file for is not
 * counted, as its conversion refuses it. */
unsigned knobs_needs(const struct oci_resources *r, enum backend backend);

/* The property, below /linux/resources, for which r needs a controller; "" if none does. */
const char *knobs_asker(const struct oci_resources *r, enum ctl ctl);

/* Conversions by their own: the formulas. */
uint64_t knob_cpu_weight(uint64_t shares); /* 1 to 10000 */
uint64_t knob_io_weight(uint64_t weight);  /* 1 to 10000 */

/* A row, for documents. */
struct knob_row {
    const char *pointer;
    enum ctl ctl;
    const char *file[BACKENDS]; /* NULL: none */
    const char *sentence;
};
const struct knob_row *knobs_rows(size_t *n);

#endif
