/* SPDX-License-Identifier: Apache-2.0 */
/* Private to libocispec: the shapes that all lists and maps of a struct share. */
#ifndef OCI_LISTS_H
#define OCI_LISTS_H

#include "oci.h"

/* All lists begin with their count and a pointer to entries of one size. */
struct list {
    size_t n;
    void *v;
};

/* Keys and objects of one size. */
struct object_map {
    size_t n;
    const char **k;
    void *v;
};

/* Bytes of an entry of a list field. */
static inline size_t entry_size(const struct oci_field *f)
{
    switch (f->type) {
    case OCI_STRS:
        return sizeof(const char *);
    case OCI_WORDS:
        return sizeof(int);
    case OCI_U32S:
        return sizeof(uint32_t);
    default:
        return f->obj->size;
    }
}

#endif
