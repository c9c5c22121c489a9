/* SPDX-License-Identifier: Apache-2.0 */
/* rt pause, rt resume */
#include "cmd/app.h"

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "fs/procfs.h"
#include "run/record.h"

#include <errno.h>

/* On v1 a frozen process cannot take the SIGKILL that `kill` or `delete` has just sent. They look
 * for the freeze after they have sent it, we for the signal after we have frozen: one of us sees
 * the other. */
static bool is_killed(const struct container *c)
{
    auto_close int proc = procfs_open(NULL);

    return proc >= 0 && procfs_is_killed(proc, (pid_t)c->record->pid) > 0;
}

static int let_it_die(const struct container *c, struct cgroup *cg, struct err *e)
{
    if (cgroup_freeze(cg, false, e) < 0)
        return -e->code;
    return refuse(e, ESRCH, "container not running: %s is being killed", c->id);
}

static int freeze(struct app *app, const char *name, bool frozen, int argc, char **argv,
                  struct err *e)
{
    int first = command_words(app, name, NULL, 0, 1, 1, argc, argv, e);
    enum container_status status;
    struct cgroup *cg;
    struct container c;

    if (first < 0 || record_find(app->root, argv[first], app->arena, &c, e) < 0)
        return -e->code;
    status = record_status(&c);
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
        return refuse(e, ESRCH, "container not running: %s", c.id);
    /* Frozen, it could not be started. */
    if (frozen && status == CONTAINER_CREATED) {
        refuse(e, EINVAL, "container not running: %s is only created", c.id);
        return err_hint(e, "start it first");
    }
    if (!c.record->cgroup) {
        refuse(e, ENOTSUP, "container %s has no cgroup that could be frozen", c.id);
        return err_hint(e, "it was made with --cgroup-manager disabled");
    }
    if (cgroup_load(app->arena, c.record->cgroup, &cg, e) < 0)
        return -e->code;
    if (!frozen && cgroup_is_frozen(cg, NULL) <= 0)
        return refuse(e, EINVAL, "container %s is not paused: %s", c.id,
                      container_status_word(status));
    if (cgroup_freeze(cg, frozen, e) < 0)
        return -e->code;
    return frozen && is_killed(&c) ? let_it_die(&c, cg, e) : 0;
}

int cmd_pause(struct app *app, int argc, char **argv, struct err *e)
{
    return freeze(app, "pause", true, argc, argv, e);
}

int cmd_resume(struct app *app, int argc, char **argv, struct err *e)
{
    return freeze(app, "resume", false, argc, argv, e);
}
