/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the format of messages between rt's processes. */
#include "core/wire.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 0x7274 };
enum kind { KIND_SAY = 1, KIND_FAIL = 2 };

struct message {
    uint16_t magic, kind, row, unused;
    struct err err; /* of KIND_FAIL only: other messages end before it */
};

enum { HEAD = offsetof(struct message, err) };

int wire_say(int sock, uint16_t row, int fd)
{
    struct message m = {.magic = MAGIC, .kind = KIND_SAY, .row = row};
    ssize_t n = sys_send_fd(sock, &m, HEAD, fd);

    return n < 0 ? (int)n : 0;
}

int wire_fail(int sock, const struct err *e)
{
    struct message m = {.magic = MAGIC, .kind = KIND_FAIL, .row = e->row, .err = *e};

    /* write, not sendmsg: a seccomp filter that is loaded already rarely forbids it. A peer that is
     * gone must not kill us by SIGPIPE. */
    ssize_t n = sys_write(sock, &m, sizeof m);

    return n < 0 ? (int)n : 0;
}

/* Strings of a peer are never trusted to end. */
static void terminate(struct err *e)
{
    e->at[sizeof e->at - 1] = '\0';
    e->text[sizeof e->text - 1] = '\0';
    e->hint[sizeof e->hint - 1] = '\0';
}

static int bad(struct err *e, const char *what, uint16_t expected)
{
    return refuse(e, EPROTO, "%s between rt's processes while waiting for row %u", what, expected);
}

/* A peer that went with something of ours unread leaves ECONNRESET in front of what it said itself
 * (unix(7)): the error is taken once, its words are still there behind it. */
static ssize_t receive(int sock, struct message *m, int *fd, pid_t *pid)
{
    ssize_t n = sys_recv_fd(sock, m, sizeof *m, fd, pid);

    return n == -ECONNRESET ? sys_recv_fd(sock, m, sizeof *m, fd, pid) : n;
}

int wire_hear(int sock, uint16_t row, int *fd, pid_t *pid, struct err *e)
{
    struct message m;
    int own = -1;
    ssize_t n = receive(sock, &m, fd ? fd : &own, pid);

    fd_close(&own);
    if (n == 0 || n == -ECONNRESET)
        return WIRE_GONE;
    if (n < 0)
        return fail(e, (int)n, "receive from rt's other process");
    if (n < HEAD || m.magic != MAGIC)
        return bad(e, "a broken message", row);
    if (m.kind == KIND_FAIL) {
        if (n != sizeof m)
            return bad(e, "a short message", row);
        terminate(&m.err);
        *e = m.err;
        if (e->code <= 0)
            e->code = EPROTO;
        return WIRE_FAIL;
    }
    if (m.kind != KIND_SAY || n != HEAD || m.row != row)
        return bad(e, "a message out of order", row);
    return WIRE_ROW;
}
