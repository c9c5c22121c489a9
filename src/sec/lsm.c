/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns AppArmor profiles and SELinux labels of the program (apparmor(7); proc_pid_attr(5)). Both
 * are attributes that the next exec takes on. They are written through the verified /proc only: a
 * mount over it would send them elsewhere (CVE-2019-16884, CVE-2023-28642, CVE-2025-52881).
 */
#include "sec/sec.h"

#include "base/fd.h"
#include "base/str.h"
#include "fs/procfs.h"
#include "sys/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>

static const char *given(const char *s)
{
    return s && s[0] ? s : NULL;
}

static bool has_apparmor(void)
{
    auto_close int fd = sys_open(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", O_RDONLY, 0);
    char answer = 'N';

    return fd >= 0 && sys_read(fd, &answer, 1) == 1 && answer == 'Y';
}

static bool has_selinux(void)
{
    auto_close int fd = sys_open(AT_FDCWD, "/sys/fs/selinux", O_PATH | O_DIRECTORY, 0);
    long magic;

    return fd >= 0 && sys_fs_type(fd, &magic) == 0 && magic == SELINUX_MAGIC;
}

/* "unconfined" is what every process is where there is no AppArmor: nothing is left to do. */
static const char *profile_of(const struct oci_process *process)
{
    const char *profile = process ? given(process->apparmor_profile) : NULL;

    return profile && str_eq(profile, "unconfined") && !has_apparmor() ? NULL : profile;
}

/* Since Linux 5.8 each module has a folder of its own; before, and where it is not compiled in, one
 * file serves the only module that wants it. */
static int write_profile(int proc, const char *verb, const char *profile, struct err *e)
{
    char value[512];
    int n = snprintf(value, sizeof value, "%s %s", verb, profile);
    int r;

    if (n < 0 || n >= (int)sizeof value)
        return refuse(e, ENAMETOOLONG, "process.apparmorProfile: name of %zu bytes is too long",
                      strlen(profile));
    r = procfs_write(proc, "self/attr/apparmor/exec", value, NULL);
    if (r == -ENOENT || r == -ENOTDIR)
        r = procfs_write(proc, "self/attr/exec", value, e);
    else if (r < 0)
        fail(e, r, "write to /proc/self/attr/apparmor/exec");
    return r;
}

/* A runtime that is confined itself may not be allowed to leave its profile, but may always add
 * one on top: the program is then held by both. */
static int label_apparmor(int proc, const char *profile, struct err *e)
{
    int r = write_profile(proc, "exec", profile, e);

    if (r == -EACCES || r == -EPERM)
        r = write_profile(proc, "stack", profile, e);
    if (r == -ENOENT)
        return refuse(e, ENOENT, "process.apparmorProfile: profile \"%.128s\" is not loaded",
                      profile);
    if (r < 0)
        return fail(e, r, "process.apparmorProfile: apply \"%.128s\" by /proc/self/attr/exec",
                    profile);
    return 0;
}

static int label_selinux(int proc, const char *label, struct err *e)
{
    int r = procfs_write(proc, "self/attr/exec", label, NULL);

    return r < 0
               ? fail(e, r, "process.selinuxLabel: write \"%.128s\" to /proc/self/attr/exec", label)
               : 0;
}

static int refuse_label(const char *what, const char *label, struct err *e)
{
    return refuse(e, EOPNOTSUPP,
                  "%s: \"%.128s\" cannot be applied, SELinux is not enabled in this kernel", what,
                  label);
}

int lsm_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_process *process = p->process.cfg;
    const char *on_mounts = p->cfg && p->cfg->linux ? given(p->cfg->linux->mount_label) : NULL;

    (void)a;
    p->lsm.profile = profile_of(process);
    p->lsm.label = process ? given(process->selinux_label) : NULL;
    if (p->lsm.profile && !has_apparmor())
        return refuse(e, EOPNOTSUPP,
                      "process.apparmorProfile: \"%.128s\" cannot be applied, AppArmor is not "
                      "enabled in this kernel",
                      p->lsm.profile);
    if (p->lsm.label && !has_selinux())
        return refuse_label("process.selinuxLabel", p->lsm.label, e);
    if (on_mounts && !has_selinux())
        return refuse_label("/linux/mountLabel", on_mounts, e);
    return 0;
}

int step_label_exec(struct ctx *ctx, struct err *e)
{
    const struct lsm_plan *lsm = &ctx->plan->lsm;
    int r = lsm->profile ? label_apparmor(ctx->proc, lsm->profile, e) : 0;

    return r == 0 && lsm->label ? label_selinux(ctx->proc, lsm->label, e) : r;
}
