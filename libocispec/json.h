/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text as a tree in an arena, and back. This is the only user of yajl. Besides what JSON
 * (RFC 8259) forbids, a document is refused that is empty, larger than 16 MiB, nested deeper than
 * 64, or has a duplicate key or a NUL in a string.
 */
#ifndef OCI_JSON_H
#define OCI_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { JSON_LARGEST = 16 << 20, JSON_DEEPEST = 64 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    uint32_t offset;  /* of the first byte of the value in the text */
    uint32_t n;       /* members of an object or array; 0 or 1 of a bool */
    const char *text; /* of a string, decoded; of a number, as written */
    const char *key;  /* of a member of an object */
    uint32_t key_offset;
    struct json *first, *next; /* members, in the order of the text */
};

/* `name` is what messages call the document. On failure e->at is NAME:LINE:COLUMN. */
int json_parse(struct arena *, const char *text, size_t len, const char *name, struct json **out,
               struct err *);

/* Line and column, from 1, of a byte of the text. */
void json_place(const char *text, uint32_t offset, unsigned *line, unsigned *column);

/* ---- writing ---- */

struct json_out {
    struct arena *arena;
    char *buf;
    size_t n, room;
    int indent; /* spaces per level, 0: compact */
    int depth;
    bool fresh; /* nothing stands yet at this level */
};

void json_open(struct json_out *, char bracket);
void json_close(struct json_out *, char bracket);
void json_key(struct json_out *, const char *key);
void json_item(struct json_out *); /* before each element of an array */
void json_string(struct json_out *, const char *s);
void json_raw(struct json_out *, const char *s);

#endif
