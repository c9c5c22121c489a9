/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to src/cgroup: talking to systemd through the program rt-systemd, whose opening comment
 * describes the requests. rt itself carries no D-Bus library, and a container that does not use
 * systemd pays nothing for it.
 */
#ifndef RT_CGROUP_BUS_H
#define RT_CGROUP_BUS_H

#include "base/arena.h"
#include "base/err.h"
#include <stdbool.h>
#include <sys/types.h>

/* ---- requests: lines of text ---- */

struct lines {
    struct arena *a;
    char *text; /* terminated; NULL: none yet */
    size_t len, room;
};

/* Each call adds one line. */
void lines_add(struct lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lines_string(struct lines *l, char type, const char *s);
/* Lines that are there already, as an answer has them. */
void lines_append(struct lines *l, const char *text);

/* A property: its value's lines stand between these two. */
void lines_property(struct lines *l, const char *name, const char *signature);
void lines_property_end(struct lines *l);

/* ---- the bus ---- */

struct bus {
    int sock;       /* -1: closed */
    pid_t pid;      /* of rt-systemd, our child */
    char error[80]; /* the D-Bus name of the last error, "" */
};

#define BUS_CLOSED                                                                                 \
    {                                                                                              \
        .sock = -1                                                                                 \
    }

/* Path of rt-systemd: beside the running executable, in ../libexec/rt beside its folder, or where
 * it was installed to. To be asked before the executable is swapped. NULL: not there. */
const char *bus_program(struct arena *a);

/* Start the program and let it connect to the manager: the system's, or the user's own. */
int bus_open(struct bus *b, const char *program, bool user, struct err *e);

/* One request. *answer, unless answer is NULL: its lines, in the arena. -EEXIST: such a unit is
 * there already. -ENOENT: none is. -EINVAL: refused as it stands. -EACCES: not permitted.
 * -ETIMEDOUT: the job was not done in time. -ECONNRESET: the bus was lost. -EIO: the rest. */
int bus_call(struct bus *b, struct arena *a, const char *request, const char **answer,
             struct err *e);

/* Let the program go and collect it. Fine on a closed one. */
void bus_close(struct bus *b);

#endif
