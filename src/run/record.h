/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container on disk: a folder ROOT/ID, mode 0700, with record.json (versioned, replaced
 * atomically), config.json (our own copy) and, until it is started, start.sock. The lock is on the
 * folder itself, so that there is no file to leave behind.
 */
#ifndef RT_RUN_RECORD_H
#define RT_RUN_RECORD_H

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"
#include "oci.h"

struct container {
    const char *root, *id;
    int dir;                   /* descriptor of the folder, owned; carries the lock */
    struct oci_record *record; /* NULL: rt has not written one yet, was killed before, or is
                                * removing the container */
    bool being_made;           /* its creator was at work when the record was read */
    struct arena *arena;
    const struct oci_config *cfg; /* our copy of config.json where a command has read it, or NULL */
    const int *proc; /* a verified /proc (fs/procfs.h) to look by, borrowed; NULL: one each time */
};

enum container_status {
    CONTAINER_CREATING,
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_STOPPED,
    CONTAINER_PAUSED,
};

/* The folder of all containers: `option` (--root) made absolute, or the default: /run/rt, without
 * root $XDG_RUNTIME_DIR/rt. "" and "/" are refused. */
int record_root_dir(struct arena *, const char *option, const char **out, struct err *);

/* Letters, digits and _ + - . with neither "." nor "..", at most 255 bytes. */
int record_check_id(const char *id, struct err *);

/* Make ROOT/ID and take its lock; of two callers exactly one wins. *dir is owned. -EEXIST. */
int record_claim(const char *root, const char *id, int *dir, struct err *);

/* Fill a new record out of the request and the configuration; phase creating, no process. */
void record_describe(struct oci_record *, const struct request *, const struct oci_config *,
                     struct arena *);

int record_save(int dir, const struct oci_record *, struct err *);
int record_save_config(int dir, const char *text, size_t len, struct err *);

/* Find a container, to take its lock next. -ENOENT "container ID does not exist". */
int record_load(const char *root, const char *id, struct arena *, struct container *, struct err *);
/* The same for who only looks: one that another command has just begun to make, or has all but
 * removed, does not exist either. */
int record_find(const char *root, const char *id, struct arena *, struct container *, struct err *);

/* Take the lock, waiting at most so many milliseconds, and read the record again under it.
 * -EBUSY when another command holds it, -ENOENT when it was deleted meanwhile. */
int record_lock(struct container *, int patience_ms, struct err *);
/* Let others have it while nothing changes, and take it again: -ENOENT when the container was
 * deleted meanwhile. `dir` as in struct container. */
void record_unlock(int dir);
int record_relock(int dir, const char *id, int patience_ms, struct err *);

/* Where its life is, from the record and the process: a zombie, a recycled pid or a creation whose
 * creator is gone count as stopped. Changes nothing and needs no lock. */
enum container_status record_status(const struct container *);
/* The same of a container whose process was looked for just now: pidfd out of record_pidfd. */
enum container_status record_status_by(const struct container *, int pidfd);
/* Just now; without a record or a cgroup it is not. */
bool record_is_frozen(const struct container *);
const char *container_status_word(enum container_status);

/* An owned pidfd of the container's process, or -ESRCH when it is gone or its pid is another's. */
int record_pidfd(const struct container *);

/* What tells its process from all others of this boot, for the record: the inode of its pidfd.
 * Nothing where the kernel gives it none. */
void record_note_inode(struct oci_record *, int proc, int pidfd, struct arena *);

/* The request that a later command on this container stands for. Strings are the container's. */
struct request record_request(const struct container *, enum kind);

/* Remove the folder with all in it. The lock goes with the caller's descriptor. */
int record_remove(const char *root, const char *id, int dir, struct err *);

/* All ids below the root that look like containers, sorted; *n of them. A missing root has none. */
int record_list(const char *root, struct arena *, const char ***ids, size_t *n, struct err *);

#endif
