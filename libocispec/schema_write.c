/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the writing of structs as JSON. */
#include "schema.h"

#include "lists.h"

#include <inttypes.h>

static void write_object(struct json_out *o, const struct oci_desc *d, const void *from);

static void write_number(struct json_out *o, enum oci_type type, const void *from)
{
    switch (type) {
    case OCI_I64:
        json_put_number(o, "%" PRId64, *(const int64_t *)from);
        break;
    case OCI_U64:
        json_put_number(o, "%" PRIu64, *(const uint64_t *)from);
        break;
    case OCI_I32:
        json_put_number(o, "%" PRId32, *(const int32_t *)from);
        break;
    case OCI_U16:
        json_put_number(o, "%" PRIu16, *(const uint16_t *)from);
        break;
    default:
        json_put_number(o, "%" PRIu32, *(const uint32_t *)from);
    }
}

static void write_entry(struct json_out *o, const struct oci_field *f, const void *from)
{
    switch (f->type) {
    case OCI_STRS:
        json_put_string(o, *(const char *const *)from);
        break;
    case OCI_WORDS:
        json_put_string(o, f->vocab->words[*(const int *)from]);
        break;
    case OCI_U32S:
        write_number(o, OCI_U32, from);
        break;
    default:
        write_object(o, f->obj, from);
    }
}

static void write_array(struct json_out *o, const struct oci_field *f, const struct list *l)
{
    size_t size = entry_size(f);

    json_open(o, '[');
    for (size_t i = 0; i < l->n; i++) {
        json_put_entry(o);
        write_entry(o, f, (const char *)l->v + i * size);
    }
    json_close(o, ']');
}

static void write_map_str(struct json_out *o, const struct oci_str_map *m)
{
    json_open(o, '{');
    for (size_t i = 0; i < m->n; i++) {
        json_put_key(o, m->v[i].key);
        json_put_string(o, m->v[i].value);
    }
    json_close(o, '}');
}

static void write_map_obj(struct json_out *o, const struct oci_field *f, const struct object_map *m)
{
    json_open(o, '{');
    for (size_t i = 0; i < m->n; i++) {
        json_put_key(o, m->k[i]);
        write_object(o, f->obj, (const char *)m->v + i * f->obj->size);
    }
    json_close(o, '}');
}

static void write_field(struct json_out *o, const struct oci_field *f, const void *from)
{
    switch (f->type) {
    case OCI_BOOL:
        json_put_bool(o, *(const bool *)from);
        break;
    case OCI_STR:
        json_put_string(o, *(const char *const *)from);
        break;
    case OCI_WORD:
        json_put_string(o, f->vocab->words[*(const int *)from]);
        break;
    case OCI_OBJ:
        write_object(o, f->obj, *(const void *const *)from);
        break;
    case OCI_MAP_STR:
        write_map_str(o, from);
        break;
    case OCI_MAP_OBJ:
        write_map_obj(o, f, from);
        break;
    case OCI_STRS:
    case OCI_WORDS:
    case OCI_U32S:
    case OCI_OBJS:
        write_array(o, f, from);
        break;
    default:
        write_number(o, f->type, from);
    }
}

static void write_object(struct json_out *o, const struct oci_desc *d, const void *from)
{
    uint64_t has = *(const uint64_t *)from;

    json_open(o, '{');
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (!(has >> i & 1) || d->fields[i].type == OCI_OTHER)
            continue; /* of another platform's part only its presence was kept */
        json_put_key(o, d->fields[i].key);
        write_field(o, &d->fields[i], (const char *)from + d->fields[i].offset);
    }
    json_close(o, '}');
}

char *oci_write(struct arena *a, const struct oci_desc *d, const void *object, bool indent,
                size_t *len)
{
    struct json_out o = {.arena = a, .indent = indent};

    write_object(&o, d, object);
    return json_take(&o, len);
}
