/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text as a tree of nodes that know their place, and back. Stricter than most readers, as a
 * document that two programs read differently is an attack: no duplicate keys, no NUL in strings,
 * valid UTF-8 and surrogates (RFC 8259, RFC 3629), one value, no comments. Numbers stay text, as
 * 2^64-1 is neither a double nor a long long.
 */
#ifndef OCI_JSON_H
#define OCI_JSON_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text to read, and what messages call it. */
struct oci_source {
    const char *text;
    size_t len;
    const char *name;
};

enum { JSON_DEEPEST = 64, JSON_LARGEST = 16 << 20 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

/* A value. What it contains follows it, each entry behind the `end` of the one before. Offsets
 * instead of pointers keep a usual config.json within a few pages. */
struct json_node {
    uint32_t at;       /* byte offset in the source */
    uint32_t key_at;   /* that of the key, in an object */
    uint32_t key;      /* the key, in an object, for json_text() */
    uint32_t text;     /* of a string (decoded), number or boolean, for json_text() */
    uint32_t n;        /* members or entries */
    uint32_t end : 28; /* index of the node behind this value and all that it contains */
    uint32_t type : 4; /* enum json_type */
};

struct json {
    const struct oci_source *src;
    const char *strings;
    const struct json_node *nodes; /* the first is the document */
};

/* Read src. Strings go to `strings`, and outlive the tree in `nodes`. 0, or -EINVAL (not JSON) or
 * -EFBIG (above JSON_LARGEST), with name, line and column in e->at. */
int json_parse(struct arena *strings, struct arena *nodes, const struct oci_source *src,
               struct json *out, struct err *e);

static inline const char *json_text(const struct json *j, const struct json_node *v)
{
    return j->strings + v->text;
}

static inline const char *json_key(const struct json *j, const struct json_node *v)
{
    return j->strings + v->key;
}

static inline const struct json_node *json_first(const struct json_node *parent)
{
    return parent + 1;
}

static inline const struct json_node *json_next(const struct json *j, const struct json_node *v)
{
    return j->nodes + v->end;
}

/* The value that a JSON pointer (RFC 6901) names below `from`, or the last one on the way. */
const struct json_node *json_find(const struct json *j, const struct json_node *from,
                                  const char *pointer);

/* Length of the character at s, which has `left` bytes; 0: no UTF-8. RFC 3629: no overlong forms,
 * no surrogates, nothing above U+10FFFF. */
size_t json_utf8_length(const unsigned char *s, size_t left);

/* Line and column of a byte, counted from 1, columns in characters. */
void json_position(const struct oci_source *src, size_t at, unsigned *line, unsigned *column);

/* Set e->at to "NAME:LINE:COLUMN: POINTER", NAME without its directories. Returns -e->code. */
int json_place(const struct oci_source *src, size_t at, const char *pointer, struct err *e);

/* ---- writing ---- */

struct json_out {
    struct arena *arena;
    char *text;
    size_t n, size;
    bool indent; /* two spaces a level; else one line without blanks */
    bool begun;  /* the present object or array has an entry */
    unsigned depth;
};

void json_open(struct json_out *, char bracket);
void json_close(struct json_out *, char bracket);
void json_put_key(struct json_out *, const char *key);
void json_put_entry(struct json_out *); /* before each entry of an array */
/* Quoted and escaped; a byte that is not UTF-8 becomes U+FFFD, as JSON cannot hold it. */
void json_put_string(struct json_out *, const char *s);
void json_put_number(struct json_out *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void json_put_bool(struct json_out *, bool b);

/* The text so far, terminated, in the arena; its length to *n. */
char *json_take(struct json_out *, size_t *n);

#endif
