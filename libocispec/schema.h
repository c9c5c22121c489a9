/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one engine that turns documents into structs and back, driven by the tables. Every error
 * carries file, line, column and JSON pointer in e->at, what was expected and found in e->text,
 * and the word that was meant in e->hint.
 */
#ifndef OCI_SCHEMA_H
#define OCI_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"
#include "oci.h"

struct oci_source {
    const char *text;
    size_t len;
    const char *name; /* what messages call the document */
};

/* Parse and check one object. *out is a struct oci_X of the descriptor, in the arena. Unknown keys
 * are ignored, as runtime-spec config.md "Extensibility" demands; null counts as absent, as Go
 * programs write it so. */
int oci_parse(struct arena *, const struct oci_desc *, const struct oci_source *, void **out,
              struct err *);

/* The same for config.json, with the rules between fields. */
int oci_parse_config(struct arena *, const char *text, size_t len, const char *name,
                     struct oci_config **out, struct err *);

/* Called for each key that the tables do not have. pointer is only valid during the call. */
typedef void oci_unknown_fn(void *arg, const char *pointer, unsigned line, unsigned column);

/* As oci_parse, and tells of unknown keys; those of other platforms are known. */
int oci_parse_unknown(struct arena *, const struct oci_desc *, const struct oci_source *,
                      void **out, oci_unknown_fn *, void *arg, struct err *);

/* The JSON text of a struct: the fields whose bit is set, in the order of the table. Terminated;
 * *len without the terminator. */
char *oci_write(struct arena *, const struct oci_desc *, const void *object, bool indent,
                size_t *len);

#endif
