/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one engine that turns documents into structs and back, driven by the tables in def/. A
 * document is either read in full, with each value of the right type, in its range and fitting the
 * others, or it is refused: e->at has file, line, column and JSON pointer, e->text what was
 * expected and found, e->hint the word that was meant.
 */
#ifndef OCI_SCHEMA_H
#define OCI_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"
#include "json.h"
#include "oci.h"

/* Parse and check one object. *out is a struct oci_X of the descriptor, in the arena; the text is
 * not needed afterwards. Unknown keys are ignored, as runtime-spec config.md "Extensibility"
 * demands; null counts as absent where a value may be, as Go programs write it so. 0, or -EINVAL
 * or -EFBIG; *out only changes on 0. */
int oci_parse(struct arena *, const struct oci_desc *, const struct oci_source *, void **out,
              struct err *);

/* The same for config.json. */
int oci_parse_config(struct arena *, const char *text, size_t len, const char *name,
                     struct oci_config **out, struct err *);

/* Called for each key that the tables do not have. pointer is only valid during the call. */
typedef void oci_unknown_fn(void *arg, const char *pointer, unsigned line, unsigned column);

/* As oci_parse, and tells of unknown keys; those of other platforms are known. */
int oci_parse_unknown(struct arena *, const struct oci_desc *, const struct oci_source *,
                      void **out, oci_unknown_fn *, void *arg, struct err *);

/* The JSON text of a struct: the fields whose bit is set, in the order of the table, indented by
 * two spaces or compact, without a final newline. Terminated; *len without the terminator. */
char *oci_write(struct arena *, const struct oci_desc *, const void *object, bool indent,
                size_t *len);

#endif
