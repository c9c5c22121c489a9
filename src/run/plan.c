/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the completion of the plan: from a request and config.json to what is going to happen. */
#include "run/annotations.h"
#include "run/run.h"

#include "base/str.h"
#include "box/box.h"
#include "cgroup/cgroup.h"
#include "fs/file.h"
#include "io/io.h"
#include "mount/mount.h"
#include "net/net.h"
#include "ns/ns.h"
#include "proc/proc.h"
#include "rdt/rdt.h"
#include "schema.h"
#include "sec/sec.h"
#include "sys/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_CONFIG = 16 << 20 };

int run_read_config(struct plan *p, struct arena *a, struct err *e)
{
    const char *path = str_path(a, p->req->bundle, p->req->config_file);
    struct oci_config *cfg = NULL;
    char *text;
    int r = file_read(a, AT_FDCWD, path, LARGEST_CONFIG, &text, &p->config_len, e);

    if (r == -ENOENT)
        return err_hint(e, "a bundle is a folder with a config.json; `rt spec` writes one");
    if (r < 0)
        return r;
    p->config_text = text;
    r = oci_parse_config(a, text, p->config_len, path, &cfg, e);
    p->cfg = cfg;
    return r;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return mask;
}

typedef int part_fn(struct plan *, struct arena *, struct err *);

/* Each concern completes its part, in an order in which it only needs what was decided before. */
static part_fn *const parts[] = {
    annotations_plan, ns_plan,      cgroup_plan, rdt_plan, net_plan,     io_plan,     mount_plan,
    caps_plan,        seccomp_plan, lsm_plan,    box_plan, process_plan, sysctl_plan,
};

int run_plan(const struct request *req, struct arena *a, struct plan *p, struct err *e)
{
    *p = (struct plan){.req = req,
                       .privileged = geteuid() == 0,
                       .in_userns = sys_in_user_namespace(),
                       .caller_umask = current_umask()};
    if (run_read_config(p, a, e) < 0)
        return -e->code;
    p->process.cfg = p->cfg->process;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i](p, a, e) < 0)
            return -e->code;
    return 0;
}
