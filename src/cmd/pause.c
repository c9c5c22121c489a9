/* SPDX-License-Identifier: Apache-2.0 */
/* rt pause, rt resume */
#include "cmd/app.h"

#include "cgroup/cgroup.h"
#include "run/record.h"

#include <errno.h>

static int freeze(struct app *app, const char *name, bool frozen, int argc, char **argv,
                  struct err *e)
{
    int first = command_words(app, name, NULL, 0, 1, 1, argc, argv, e);
    enum container_status status;
    struct cgroup *cg;
    struct container c;

    if (first < 0 || record_load(app->root, argv[first], app->arena, &c, e) < 0)
        return -e->code;
    status = record_status(&c);
    if (status == CONTAINER_STOPPED)
        return refuse(e, ESRCH, "container not running: %s", c.id);
    if (!frozen && status != CONTAINER_PAUSED)
        return refuse(e, EINVAL, "container %s is not paused: %s", c.id,
                      container_status_word(status));
    if (!c.record->cgroup) {
        refuse(e, ENOTSUP, "container %s has no cgroup that could be frozen", c.id);
        return err_hint(e, "it was made with --cgroup-manager disabled");
    }
    if (cgroup_load(app->arena, c.record->cgroup, &cg, e) < 0)
        return -e->code;
    return cgroup_freeze(cg, frozen, e);
}

int cmd_pause(struct app *app, int argc, char **argv, struct err *e)
{
    return freeze(app, "pause", true, argc, argv, e);
}

int cmd_resume(struct app *app, int argc, char **argv, struct err *e)
{
    return freeze(app, "resume", false, argc, argv, e);
}
