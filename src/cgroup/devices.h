/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to src/cgroup: device rules. Before the first rule of linux.resources.devices everything
 * is denied; after the last one come the devices that every container has.
 */
#ifndef RT_CGROUP_DEVICES_H
#define RT_CGROUP_DEVICES_H

#include "cgroup/kind.h"
#include <linux/bpf.h>

enum { DEV_READ = 1, DEV_WRITE = 2, DEV_MKNOD = 4, DEV_ALL_ACCESS = 7 };

#define DEV_ANY (-1)

struct dev_rule {
    char type;            /* 'a', 'b', 'c' */
    int64_t major, minor; /* DEV_ANY: all */
    unsigned access;      /* DEV_READ | ... */
    bool allow;
    int index; /* in the configuration, -1: a default */
};

static inline bool dev_is_everything(const struct dev_rule *r)
{
    return r->type == 'a' && r->major == DEV_ANY && r->minor == DEV_ANY &&
           r->access == DEV_ALL_ACCESS;
}

struct dev_rules {
    struct dev_rule *v;
    size_t n;
};

/* The rules of r, checked, and the default ones behind them. r may be NULL. */
int devices_rules(struct arena *a, const struct oci_resources *r, struct dev_rules *out,
                  struct err *e);

/* ---- v2 ---- */

/* The last rule that speaks of a device decides, for each kind of access by itself. NULL: all is
 * allowed, no program is needed. *n: instructions. */
struct bpf_insn *devices_program(struct arena *a, const struct dev_rules *rules, size_t *n);

/* ---- v1 ---- */

/* What devices.list can hold: everything, or a list of exceptions to nothing. */
struct dev_list {
    bool all;
    struct dev_rule *v; /* all: what is denied; else what is allowed */
    size_t n;
};

/* The kernel's own state after the rules. -EINVAL for a rule that it could not carry out: it
 * cannot cut a hole into a wider exception (Documentation/admin-guide/cgroup-v1/devices.rst). */
int devices_list(struct arena *a, const struct dev_rules *rules, struct dev_list *out,
                 struct err *e);
int devices_parse_list(struct arena *a, const char *text, struct dev_list *out);

int devices_set_v1(const struct cgroup *cg, const struct hier *h, const struct oci_resources *r,
                   bool fresh, struct err *e);
int devices_set_v2(const struct cgroup *cg, const struct hier *h, const struct oci_resources *r,
                   bool fresh, struct err *e);

#endif
