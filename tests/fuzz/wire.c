/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any messages on the wire between rt's processes: a message counts as the expected row only if it
 * is exactly that, and an error of the peer is one that can be printed.
 * Input: the expected row (two bytes), then messages, each behind its length (two bytes).
 */
#include "core/wire.h"
#include "base/fd.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A message in which a row is said, as wire.c writes it. */
struct said {
    uint16_t magic, kind, row, unused;
};

static uint16_t word(const uint8_t *p)
{
    uint16_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

static bool says(const uint8_t *message, size_t n, uint16_t row)
{
    struct said s;

    if (n != sizeof s)
        return false;
    memcpy(&s, message, sizeof s);
    return s.magic == 0x7274 && s.kind == 1 && s.row == row;
}

static void check(int got, const struct err *e, const uint8_t *message, size_t n, uint16_t row)
{
    if ((got == WIRE_ROW) != says(message, n, row))
        abort();
    if (got == WIRE_ROW && e->code)
        abort();
    if (got < 0 && (e->code != -got || !e->text[0]))
        abort();
    if (got == WIRE_FAIL && (e->code <= 0 || strlen(e->text) >= sizeof e->text ||
                             strlen(e->at) >= sizeof e->at || strlen(e->hint) >= sizeof e->hint))
        abort();
    if (got == WIRE_GONE && n > 0)
        abort();
}

static void one(int fds[2], const uint8_t *message, size_t n, uint16_t row)
{
    struct err e = {0};
    int fd = -1;

    if (send(fds[0], message, n, MSG_DONTWAIT) != (ssize_t)n)
        return;
    check(wire_hear(fds[1], row, &fd, NULL, &e), &e, message, n, row);
    if (fd >= 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2];
    uint16_t row;

    if (size < 2 || sys_socketpair(SOCK_SEQPACKET, fds) < 0)
        return 0;
    row = word(data);
    for (size_t at = 2; at + 2 <= size;) {
        size_t n = word(data + at) % 2048;
        at += 2;
        if (n > size - at)
            n = size - at;
        one(fds, data + at, n, row);
        at += n;
    }
    fd_close(&fds[0]);
    fd_close(&fds[1]);
    return 0;
}
