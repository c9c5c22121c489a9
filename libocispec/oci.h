/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI documents as C structs, expanded from def/. Every struct begins with `has`, one bit per
 * field: HAS(ptr, object, field) tells an absent value from a zero. All memory belongs to the
 * arena that the document was parsed into. Source: OCI runtime-spec 1.3.0 and its schemas.
 */
#ifndef OCI_H
#define OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_strs {
    size_t n;
    const char **v;
};

struct oci_words {
    size_t n;
    int *v;
};

struct oci_u32s {
    size_t n;
    uint32_t *v;
};

struct oci_str_pair {
    const char *key, *value;
};

struct oci_str_map {
    size_t n;
    struct oci_str_pair *v;
};

/* ---- vocabularies: enum oci_NAME { OCI_NAME_WORD, ... } ---- */

#define VOCAB(name, NAME, doc)                                                                     \
    enum oci_##name                                                                                \
    {
#define W(NAME, WORD, text, number) OCI_##NAME##_##WORD,
#define VOCAB_END(name, NAME)                                                                      \
    OCI_##NAME##_COUNT                                                                             \
    }                                                                                              \
    ;
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END

/* ---- structs ---- */

#define OCI_T_bool(sub)    bool
#define OCI_T_i64(sub)     int64_t
#define OCI_T_u64(sub)     uint64_t
#define OCI_T_i32(sub)     int32_t
#define OCI_T_u32(sub)     uint32_t
#define OCI_T_u16(sub)     uint16_t
#define OCI_T_str(sub)     const char *
#define OCI_T_strs(sub)    struct oci_strs
#define OCI_T_word(sub)    int
#define OCI_T_words(sub)   struct oci_words
#define OCI_T_u32s(sub)    struct oci_u32s
#define OCI_T_other(sub)   bool
#define OCI_T_obj(sub)     struct oci_##sub *
#define OCI_T_objs(sub)    struct oci_##sub##_list
#define OCI_T_map_str(sub) struct oci_str_map
#define OCI_T_map_obj(sub) struct oci_##sub##_map

#define OBJ(name, doc)                                                                             \
    struct oci_##name {                                                                            \
        uint64_t has;
#define F(object, need, type, sub, field, key, doc) OCI_T_##type(sub) field;
#define END(name)                                                                                  \
    }                                                                                              \
    ;                                                                                              \
    struct oci_##name##_list {                                                                     \
        size_t n;                                                                                  \
        struct oci_##name *v;                                                                      \
    };                                                                                             \
    struct oci_##name##_map {                                                                      \
        size_t n;                                                                                  \
        const char **k;                                                                            \
        struct oci_##name *v;                                                                      \
    };
#include "def/all.def"
#undef OBJ
#undef F
#undef END

/* ---- the bit of each field ---- */

#define OBJ(name, doc)                              enum {
#define F(object, need, type, sub, field, key, doc) OCI_F_##object##_##field,
#define END(name)                                                                                  \
    OCI_F_##name##_COUNT                                                                           \
    }                                                                                              \
    ;
#include "def/all.def"
#undef OBJ
#undef F
#undef END

#define HAS(ptr, object, field) (((ptr)->has >> OCI_F_##object##_##field) & 1)
#define SET(ptr, object, field) ((ptr)->has |= UINT64_C(1) << OCI_F_##object##_##field)

/* ---- the tables as data, for the engine ---- */

enum oci_type {
    OCI_BOOL,
    OCI_I64,
    OCI_U64,
    OCI_I32,
    OCI_U32,
    OCI_U16,
    OCI_STR,
    OCI_STRS,
    OCI_WORD,
    OCI_WORDS,
    OCI_OBJ,
    OCI_OBJS,
    OCI_MAP_STR,
    OCI_MAP_OBJ,
    OCI_U32S,
    OCI_OTHER, /* another platform's part: known, and ignored on Linux */
};

/* Is this string (not NULL) or number fine? For lists it judges each entry, for maps each key. */
typedef bool oci_check_fn(const char *str, long long number);

struct oci_desc;

struct oci_vocab {
    const char *name;
    const char *const *words;
    const long long *values; /* what the kernel calls it */
    unsigned n;
    const char *doc;
};

struct oci_field {
    const char *key;
    enum oci_type type;
    bool must;
    size_t offset;
    const struct oci_desc *obj;
    const struct oci_vocab *vocab;
    oci_check_fn *check;    /* NULL: anything of the type */
    const char *check_name; /* "any": none */
    const char *expects;    /* what the check wants: "an absolute path" */
    const char *doc;
};

struct oci_desc {
    const char *name;
    size_t size;
    const struct oci_field *fields; /* field i has bit i of `has` */
    unsigned n_fields;
    const char *doc;
};

#define VOCAB(name, NAME, doc) extern const struct oci_vocab oci_vocab_##name;
#define W(NAME, WORD, text, number)
#define VOCAB_END(name, NAME)
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END

#define OBJ(name, doc) extern const struct oci_desc oci_desc_##name;
#define F(object, need, type, sub, field, key, doc)
#define END(name)
#include "def/all.def"
#undef OBJ
#undef F
#undef END

/* Text of a word, its number for the kernel, and the word of a text (-1: none). */
#define oci_word(vocab, i)       (oci_vocab_##vocab.words[i])
#define oci_word_value(vocab, i) (oci_vocab_##vocab.values[i])
#define oci_word_find(vocab, s)  oci_vocab_find(&oci_vocab_##vocab, (s))
int oci_vocab_find(const struct oci_vocab *, const char *text);

#endif
