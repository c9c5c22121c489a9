/* SPDX-License-Identifier: Apache-2.0 */
/* The wire: rows, failures, ends, and what a dying peer said last. */
#include "core/wire.h"

#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static void new_wire(void)
{
    if (sys_socketpair(SOCK_SEQPACKET, ends) < 0)
        ends[0] = ends[1] = -1;
}

static void drop_wire(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void rows(void)
{
    struct err e = {0};

    new_wire();
    is_int(wire_say(ends[0], 7, -1), 0, "a row is said");
    is_int(wire_hear(ends[1], 7, NULL, NULL, &e), WIRE_ROW, "and heard");
    is_int(wire_say(ends[0], 8, -1), 0, "another is said");
    is_int(wire_hear(ends[1], 9, NULL, NULL, &e), -EPROTO, "where a third is expected");
    drop_wire();
}

static void descriptors(void)
{
    struct err e = {0};
    int fd = -1;

    new_wire();
    is_int(wire_say(ends[0], 1, ends[0]), 0, "a row with a descriptor");
    is_int(wire_hear(ends[1], 1, &fd, NULL, &e), WIRE_ROW, "is heard");
    ok(fd >= 0 && fd != ends[0], "the descriptor came along");
    close(fd);
    drop_wire();
}

static void failure(void)
{
    struct err e = {0}, heard = {0};

    new_wire();
    fail(&e, ENOENT, "open %s", "/x");
    e.row = 5;
    is_int(wire_fail(ends[0], &e), 0, "a failure is said");
    is_int(wire_hear(ends[1], 3, NULL, NULL, &heard), WIRE_FAIL, "whatever was expected");
    is_str(heard.text, e.text, "its text");
    is_int(heard.row, 5, "its row");
    drop_wire();
}

/* The peer fails while a message to it is on the way: its reason must not be lost. */
static void last_words(void)
{
    struct err e = {0}, heard = {0};

    new_wire();
    refuse(&e, EINVAL, "no");
    is_int(wire_say(ends[0], 1, -1), 0, "something that the peer never reads");
    is_int(wire_fail(ends[1], &e), 0, "the peer's failure");
    close(ends[1]);
    is_int(wire_hear(ends[0], 2, NULL, NULL, &heard), WIRE_FAIL, "is heard after its end");
    is_str(heard.text, "no", "with its reason");
    is_int(wire_hear(ends[0], 2, NULL, NULL, &heard), WIRE_GONE, "then the end");
    close(ends[0]);
}

static void strangers(void)
{
    struct err e = {0};

    new_wire();
    is_int((int)sys_write(ends[0], "hello", 5), 5, "five bytes of no message");
    is_int(wire_hear(ends[1], 1, NULL, NULL, &e), -EPROTO, "are refused");
    drop_wire();
}

int main(void)
{
    rows();
    descriptors();
    failure();
    last_words();
    strangers();
    return done_testing();
}
