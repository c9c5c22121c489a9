/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the container on disk. */
#include "run/record.h"

#include "base/fd.h"
#include "base/moment.h"
#include "base/num.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "fs/file.h"
#include "fs/procfs.h"
#include "schema.h"
#include "sys/cred.h"
#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_VERSION = 1, LARGEST_RECORD = 1 << 20, LONGEST_ID = 255 };
enum { CLAIM_MS = 1000, CLAIM_TRIES = 10, ABOUT_TO_MS = 10 };

/* ---- names ---- */

int record_root_dir(struct arena *a, const char *option, const char **out, struct err *e)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char cwd[4096];

    if (!option && runtime && runtime[0] == '/' && (geteuid() != 0 || sys_in_user_namespace()))
        option = str_path(a, runtime, "rt");
    if (!option)
        option = "/run/rt";
    if (!option[0] || option[strspn(option, "/")] == '\0')
        return refuse(e, EINVAL, "\"%s\" cannot be the folder of containers", option);
    if (option[0] != '/' && !getcwd(cwd, sizeof cwd))
        return fail(e, errno, "find the working directory");
    *out = option[0] == '/' ? option : str_path(a, cwd, option);
    return 0;
}

static bool may_be_in_id(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_+-.", c);
}

int record_check_id(const char *id, struct err *e)
{
    size_t n = strlen(id);

    if (n == 0)
        return refuse(e, EINVAL, "a container needs an ID");
    if (n > LONGEST_ID)
        return refuse(e, ENAMETOOLONG, "a container ID has at most %d characters", LONGEST_ID);
    for (size_t i = 0; i < n; i++)
        if (!may_be_in_id(id[i])) {
            refuse(e, EINVAL, "invalid container ID \"%.64s\"", id);
            return err_hint(e, "letters, digits and _ + - . are allowed");
        }
    if (id[0] == '.')
        return refuse(e, EINVAL, "invalid container ID \"%.64s\": it begins with a dot", id);
    return 0;
}

/* ---- making ---- */

static int make_root(const char *root, struct err *e)
{
    char path[4096];
    size_t n = strlen(root);
    int r;

    if (n >= sizeof path)
        return fail(e, ENAMETOOLONG, "make %.64s...", root);
    r = sys_mkdir(AT_FDCWD, root, 0700);
    if (r == 0 || r == -EEXIST)
        return 0;
    memcpy(path, root, n + 1);
    for (char *p = path + 1; r == -ENOENT && (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        r = sys_mkdir(AT_FDCWD, path, 0700);
        r = r == 0 || r == -EEXIST ? -ENOENT : r;
    }
    if (r == -ENOENT)
        r = sys_mkdir(AT_FDCWD, root, 0700);
    return r < 0 && r != -EEXIST ? fail(e, r, "make the folder of containers %s", root) : 0;
}

/* Between the mkdir and the lock a delete may have taken the folder away again. */
static int still_there(int dir)
{
    struct stat st;
    int r = sys_fstat(dir, &st);

    return r < 0 ? r : st.st_nlink ? 0 : -ENOENT;
}

static void sleep_ms(int ms)
{
    struct timespec ts = {.tv_nsec = ms * 1000000L};

    nanosleep(&ts, NULL);
}

/* flock has no deadline of its own. */
static int lock(int dir, int patience_ms)
{
    enum { STEP_MS = 5 };
    int r = sys_flock(dir, LOCK_EX | LOCK_NB);

    for (int waited = 0; r == -EWOULDBLOCK && waited < patience_ms && still_there(dir) == 0;
         waited += STEP_MS) {
        sleep_ms(STEP_MS);
        r = sys_flock(dir, LOCK_EX | LOCK_NB);
    }
    return r;
}

/* Others may look at the folder, or remove it, before it is locked. -ENOENT when it was removed. */
static int make_folder(int top, const char *id, int *dir)
{
    auto_close int own = -1;
    int r = sys_mkdir(top, id, 0700);

    if (r < 0)
        return r;
    own = r = sys_open(top, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (r >= 0)
        r = lock(own, CLAIM_MS);
    if (r >= 0)
        r = still_there(own);
    if (r >= 0 && sys_access(own, "record.json", F_OK) == 0)
        return -EEXIST; /* removed and made again by others, before it was opened */
    if (r >= 0)
        *dir = take_fd(&own);
    else if (r != -ENOENT)
        drop(sys_unlink(top, id, AT_REMOVEDIR), "the error is told");
    return r;
}

int record_claim(const char *root, const char *id, int *dir, struct err *e)
{
    auto_close int top = -1;
    int r = -ENOENT;

    if (record_check_id(id, e) < 0 || make_root(root, e) < 0)
        return -e->code;
    top = sys_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
    if (top < 0)
        return fail(e, top, "open the folder of containers %s", root);
    for (int tries = 0; r == -ENOENT && tries < CLAIM_TRIES; tries++)
        r = make_folder(top, id, dir);
    if (r == -EEXIST)
        return refuse(e, EEXIST, "container with given ID already exists: %s", id);
    return r < 0 ? fail(e, r, "make the folder of container %s", id) : 0;
}

static const char *now(struct arena *a)
{
    struct timespec ts;
    char *text = arena_alloc(a, MOMENT_TEXT);

    clock_gettime(CLOCK_REALTIME, &ts);
    moment_text(&ts, text);
    return text;
}

static bool has_own_pids(const struct oci_config *c)
{
    for (size_t i = 0; c->linux && i < c->linux->namespaces.n; i++)
        if (c->linux->namespaces.v[i].type == OCI_NAMESPACE_TYPE_PID)
            return !c->linux->namespaces.v[i].path || !c->linux->namespaces.v[i].path[0];
    return false;
}

void record_describe(struct oci_record *r, const struct request *req, const struct oci_config *c,
                     struct arena *a)
{
    *r = (struct oci_record){
        .version = RECORD_VERSION,
        .id = req->id,
        .oci_version = c->oci_version,
        .bundle = req->bundle,
        .rootfs = str_path(a, req->bundle, c->root->path),
        .created = now(a),
        .owner = geteuid(),
        .phase = OCI_RECORD_PHASE_CREATING,
        .own_pid_namespace = has_own_pids(c),
        .notify = req->notify_socket != NULL,
        .annotations = c->annotations,
    };
    SET(r, record, version);
    SET(r, record, id);
    SET(r, record, oci_version);
    SET(r, record, bundle);
    SET(r, record, rootfs);
    SET(r, record, created);
    SET(r, record, owner);
    SET(r, record, phase);
    SET(r, record, own_pid_namespace);
    SET(r, record, notify);
    if (c->annotations.n)
        SET(r, record, annotations);
}

int record_save(int dir, const struct oci_record *r, struct err *e)
{
    struct arena a = {0};
    size_t n;
    char *text = oci_write(&a, &oci_desc_record, r, false, &n);
    int result = file_write_atomic(dir, "record.json", text, n, 0600, e);

    arena_free(&a);
    return result;
}

int record_save_config(int dir, const char *text, size_t len, struct err *e)
{
    return file_write_atomic(dir, "config.json", text, len, 0600, e);
}

/* ---- finding ---- */

/* A folder without a record is a creation that was killed at its first step. */
static int read_record(struct container *c, struct err *e)
{
    struct oci_source src = {.name = "record.json"};
    char *text;
    void *record = NULL;
    int r = file_read(c->arena, c->dir, "record.json", LARGEST_RECORD, &text, &src.len, e);

    c->record = NULL;
    if (r == -ENOENT) {
        if (e)
            *e = (struct err){0};
        return 0;
    }
    src.text = text;
    if (r == 0)
        r = oci_parse(c->arena, &oci_desc_record, &src, &record, e);
    if (r < 0)
        return r;
    c->record = record;
    if (c->record->version != RECORD_VERSION)
        return refuse(e, EPROTO, "the record of container %s has version %u, this rt knows %d",
                      c->id, c->record->version, RECORD_VERSION);
    return 0;
}

static int no_container(const char *id, struct err *e)
{
    return refuse(e, ENOENT, "container %s does not exist", id);
}

static bool is_unfinished(const struct container *c)
{
    return !c->record || c->record->phase == OCI_RECORD_PHASE_CREATING;
}

/* A creator holds the lock. Where it is free, he has died, or has finished after the record was
 * read: what it says under the lock is so. Without a record he may be about to take the lock. */
static int look_again(struct container *c, struct err *e)
{
    for (int tries = 0;; tries++) {
        auto_close int probe = sys_open(c->dir, ".", O_RDONLY | O_DIRECTORY, 0);
        int r = probe < 0 ? probe : sys_flock(probe, LOCK_SH | LOCK_NB);
        c->being_made = r == -EWOULDBLOCK;
        if (c->being_made)
            return 0;
        r = r < 0 ? fail(e, r, "look at container %s", c->id) : read_record(c, e);
        if (r < 0 || c->record)
            return r;
        if (still_there(c->dir) < 0)
            return no_container(c->id, e);
        if (tries)
            return 0;
        fd_close(&probe);
        sleep_ms(ABOUT_TO_MS);
    }
}

int record_load(const char *root, const char *id, struct arena *a, struct container *c,
                struct err *e)
{
    int r;

    *c = (struct container){.root = root, .id = id, .dir = -1, .arena = a};
    if (record_check_id(id, e) < 0)
        return -e->code;
    c->dir = sys_open(AT_FDCWD, str_path(a, root, id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (c->dir == -ENOENT)
        return no_container(id, e);
    if (c->dir < 0)
        return fail(e, c->dir, "open the folder of container %s", id);
    r = read_record(c, e);
    return r == 0 && is_unfinished(c) ? look_again(c, e) : r;
}

int record_find(const char *root, const char *id, struct arena *a, struct container *c,
                struct err *e)
{
    int r = record_load(root, id, a, c, e);

    if (r == 0 && !c->record && c->being_made)
        r = no_container(id, e);
    if (r < 0)
        fd_close(&c->dir);
    return r;
}

int record_relock(int dir, const char *id, int patience_ms, struct err *e)
{
    int r = lock(dir, patience_ms);

    if (still_there(dir) < 0) /* whoever removed it may still run its poststop hooks */
        return no_container(id, e);
    if (r == -EWOULDBLOCK)
        return refuse(e, EBUSY, "container %s is in use by another command", id);
    return r < 0 ? fail(e, r, "lock container %s", id) : 0;
}

void record_unlock(int dir)
{
    drop(sys_flock(dir, LOCK_UN), "the end of the process unlocks it too");
}

int record_lock(struct container *c, int patience_ms, struct err *e)
{
    if (record_relock(c->dir, c->id, patience_ms, e) < 0)
        return -e->code;
    c->being_made = false;
    return read_record(c, e);
}

/* ---- status ---- */

void record_note_inode(struct oci_record *r, int proc, int pidfd, struct arena *a)
{
    char boot[BOOT_ID];

    r->pid_inode = sys_pidfd_inode(pidfd);
    if (!r->pid_inode)
        return;
    SET(r, record, pid_inode);
    if (procfs_boot_id(proc, boot) < 0)
        return;
    r->boot_id = str_dup(a, boot);
    SET(r, record, boot_id);
}

/* Inodes of pidfds begin anew with each boot. */
static bool is_this_boot(const struct container *c, int proc)
{
    static char boot[BOOT_ID];

    if (!HAS(c->record, record, boot_id) || (!*boot && procfs_boot_id(proc, boot) < 0))
        return false;
    return str_eq(boot, c->record->boot_id);
}

/* The process of the record, not another with its pid, and not a zombie that nobody reaped. The
 * inode of a pidfd is never another's. The start time has a resolution of 10 ms, so that a process
 * that took over the pid at once may share it, and costs the kernel more than all the rest. */
static bool is_running(const struct container *c, int pidfd)
{
    auto_close int own = c->proc ? -1 : procfs_open(NULL);
    int proc = c->proc ? *c->proc : own;
    unsigned long long ticks;
    char state;

    if (proc < 0)
        return false;
    if (HAS(c->record, record, pid_inode)) {
        if (sys_pidfd_inode(pidfd) != c->record->pid_inode)
            return false;
        if (is_this_boot(c, proc))
            return sys_poll_in(pidfd, 0) == 0;
    }
    if (procfs_start_time(proc, (pid_t)c->record->pid, &ticks, &state) < 0)
        return false;
    return ticks == c->record->start_time && state != 'Z' && state != 'X';
}

int record_pidfd(const struct container *c)
{
    auto_close int fd = -1;

    if (!c->record || !HAS(c->record, record, pid))
        return -ESRCH;
    /* Opened first, verified then: it stays the process that was verified. */
    fd = sys_pidfd_open((pid_t)c->record->pid);
    if (fd < 0)
        return -ESRCH;
    return is_running(c, fd) ? take_fd(&fd) : -ESRCH;
}

bool record_is_frozen(const struct container *c)
{
    struct cgroup *cg;
    bool frozen;

    if (!c->record || !c->record->cgroup || cgroup_load(c->arena, c->record->cgroup, &cg, NULL) < 0)
        return false;
    frozen = cgroup_is_frozen(cg, NULL) > 0;
    cgroup_close(cg);
    return frozen;
}

enum container_status record_status(const struct container *c)
{
    auto_close int pidfd = is_unfinished(c) ? -1 : record_pidfd(c);

    return record_status_by(c, pidfd);
}

enum container_status record_status_by(const struct container *c, int pidfd)
{
    if (is_unfinished(c))
        return c->being_made ? CONTAINER_CREATING : CONTAINER_STOPPED;
    if (pidfd < 0)
        return CONTAINER_STOPPED;
    if (c->record->phase == OCI_RECORD_PHASE_CREATED)
        return CONTAINER_CREATED;
    return record_is_frozen(c) ? CONTAINER_PAUSED : CONTAINER_RUNNING;
}

const char *container_status_word(enum container_status s)
{
    static const char *const words[] = {"creating", "created", "running", "stopped", "paused"};

    return words[s];
}

struct request record_request(const struct container *c, enum kind kind)
{
    return (struct request){
        .kind = kind,
        .id = c->id,
        .root = c->root,
        .bundle = c->record ? c->record->bundle : "/",
        .config_file = str_fmt(c->arena, "%s/%s/config.json", c->root, c->id),
        .detach = true,
        .rootless = -1,
        .notify_socket = c->record && c->record->notify ? getenv("NOTIFY_SOCKET") : NULL,
    };
}

/* ---- removing and listing ---- */

/* What is in the folder of nearly every container goes without a look around. */
static bool remove_plain(int top, const char *id, int dir)
{
    static const char *const files[] = {"record.json", "config.json"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        drop(sys_unlink(dir, files[i], 0), "the removal of the folder tells what is left");
    return sys_unlink(top, id, AT_REMOVEDIR) == 0;
}

int record_remove(const char *root, const char *id, int dir, struct err *e)
{
    auto_close int top = sys_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);

    if (top < 0)
        return fail(e, top, "open the folder of containers %s", root);
    return remove_plain(top, id, dir) ? 0 : file_remove_tree(top, id, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int record_list(const char *root, struct arena *a, const char ***ids, size_t *n, struct err *e)
{
    auto_closedir DIR *d = opendir(root);
    struct dirent *entry;
    size_t room = 64;

    *n = 0;
    *ids = arena_array(a, room, sizeof **ids);
    if (!d)
        return errno == ENOENT ? 0 : fail(e, errno, "list the folder of containers %s", root);
    while ((entry = readdir(d))) {
        if (record_check_id(entry->d_name, NULL) < 0 ||
            (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
            continue;
        if (*n == room) {
            const char **more = arena_array(a, room * 2, sizeof *more);
            memcpy(more, *ids, room * sizeof *more);
            *ids = more;
            room *= 2;
        }
        (*ids)[(*n)++] = str_dup(a, entry->d_name);
    }
    qsort(*ids, *n, sizeof **ids, by_name);
    return 0;
}
