/* SPDX-License-Identifier: Apache-2.0 */
/* rt state */
#include "cmd/state.h"

#include "cmd/app.h"
#include "schema.h"

#include <stdio.h>

static int status_word(enum container_status s)
{
    static const int words[] = {
        [CONTAINER_CREATING] = OCI_STATE_STATUS_CREATING,
        [CONTAINER_CREATED] = OCI_STATE_STATUS_CREATED,
        [CONTAINER_RUNNING] = OCI_STATE_STATUS_RUNNING,
        [CONTAINER_STOPPED] = OCI_STATE_STATUS_STOPPED,
        [CONTAINER_PAUSED] = OCI_STATE_STATUS_PAUSED,
    };

    return words[s];
}

void state_fill(struct oci_state *s, const struct container *c)
{
    const struct oci_record *r = c->record;
    enum container_status status = record_status(c);

    *s = (struct oci_state){
        .oci_version = r ? r->oci_version : OCI_SPEC_VERSION,
        .id = c->id,
        .pid = r && status != CONTAINER_STOPPED ? r->pid : 0,
        .status = status_word(status),
        .bundle = r ? r->bundle : "/",
        .rootfs = r ? r->rootfs : "/",
        .created = r ? r->created : "1970-01-01T00:00:00Z",
        .owner = "",
    };
    if (r)
        s->annotations = r->annotations;
    SET(s, state, oci_version);
    SET(s, state, id);
    SET(s, state, pid);
    SET(s, state, status);
    SET(s, state, bundle);
    SET(s, state, rootfs);
    SET(s, state, created);
    SET(s, state, owner);
    if (s->annotations.n)
        SET(s, state, annotations);
}

int cmd_state(struct app *app, int argc, char **argv, struct err *e)
{
    int first = command_words(app, "state", NULL, 0, 1, 1, argc, argv, e);
    struct container c;
    struct oci_state s;
    size_t n;

    if (first < 0 || record_find(app->root, argv[first], app->arena, &c, e) < 0)
        return -e->code;
    state_fill(&s, &c);
    printf("%s\n", oci_write(app->arena, &oci_desc_state, &s, true, &n));
    return 0;
}
