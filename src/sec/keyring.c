/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the session keyring. Without one of its own a container would share the caller's, and so
 * could read and use its keys: keyrings know no namespaces but the user namespace.
 */
#include "sec/sec.h"

#include "base/log.h"
#include "fs/procfs.h"
#include "sys/cred.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* keyctl_setperm(3): search by the owner, by others. */
enum { SEARCH_BY_USER = 0x00080000, SEARCH_BY_OTHER = 0x00000008 };

/* A key that SELinux labels with the runtime's own context would be out of the container's reach.
 */
static int set_key_label(const struct ctx *ctx, const char *label, struct err *e)
{
    int r = procfs_write(ctx->proc, "self/attr/keycreate", label, NULL);

    return r < 0 ? fail(e, r, "process.selinuxLabel: write \"%.128s\" to /proc/self/attr/keycreate",
                        label)
                 : 0;
}

/* "keyring;UID;GID;PERMISSIONS;NAME", keyctl_describe(3), the permissions in hex. */
static bool permissions(const char *description, unsigned *perm)
{
    char *end;

    for (unsigned i = 0; i < 3; i++) {
        description = strchr(description, ';');
        if (!description)
            return false;
        description++;
    }
    *perm = (unsigned)strtoul(description, &end, 16);
    return end > description && *end == ';';
}

/* A later process of the container finds the ring by its name, and for that needs to search it:
 * with a user namespace as an id that may not be the owner's, without one as the owner. */
static int let_search(int ring, bool userns, struct err *e)
{
    char text[512];
    unsigned perm;
    int r = sys_keyring_describe(ring, text, sizeof text);

    if (r < 0)
        return fail(e, r, "look at the session keyring");
    if (!permissions(text, &perm))
        return refuse(e, EPROTO, "the session keyring is described as \"%.64s\"", text);
    r = sys_keyring_setperm(ring, perm | (userns ? SEARCH_BY_OTHER : SEARCH_BY_USER));
    return r < 0 ? fail(e, r, "let the container search its session keyring") : 0;
}

/* A ring of that name that belongs to somebody else is out of reach: then a nameless one. */
static int join(const char *name)
{
    int ring = sys_join_session_keyring(name);

    return ring == -EACCES ? sys_join_session_keyring(NULL) : ring;
}

int step_new_keyring(struct ctx *ctx, struct err *e)
{
    const struct plan *p = ctx->plan;
    const char *label = p->lsm.label;
    char name[300];
    int ring, r;

    if (p->req->no_new_keyring)
        return 0;
    snprintf(name, sizeof name, "_ses.%.256s", p->req->id);
    r = label ? set_key_label(ctx, label, e) : 0;
    if (r < 0)
        return r;
    ring = join(name);
    r = label ? set_key_label(ctx, "", e) : 0;
    if (r < 0)
        return r;
    if (ring == -ENOSYS)
        return 0; /* no keys at all: nothing to keep apart */
    if (ring == -EDQUOT || ring == -EACCES) {
        log_warn("the container keeps the caller's session keyring: %s",
                 ring == -EDQUOT ? "the quota of keys is used up" : "access is denied");
        return 0;
    }
    if (ring < 0)
        return fail(e, ring, "join session keyring %s", name);
    return let_search(ring, (p->ns.fresh | p->ns.joined) & CLONE_NEWUSER, e);
}
