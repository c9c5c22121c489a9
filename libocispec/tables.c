/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the expansion of def/ into data that the engine reads. */
#include "oci.h"

#include "check.h"

#include <string.h>

/* ---- vocabularies ---- */

#define VOCAB(name, NAME, doc)      static const char *const words_##name[] = {
#define W(NAME, WORD, text, number) text,
#define VOCAB_END(name, NAME)                                                                      \
    }                                                                                              \
    ;
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END

#define VOCAB(name, NAME, doc)      static const long long values_##name[] = {
#define W(NAME, WORD, text, number) number,
#define VOCAB_END(name, NAME)                                                                      \
    }                                                                                              \
    ;
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END

#define VOCAB(vocab, NAME, text)                                                                   \
    const struct oci_vocab oci_vocab_##vocab = {                                                   \
        .name = #vocab,                                                                            \
        .words = words_##vocab,                                                                    \
        .values = values_##vocab,                                                                  \
        .n = sizeof words_##vocab / sizeof words_##vocab[0],                                       \
        .doc = text,                                                                               \
    };
#define W(NAME, WORD, text, number)
#define VOCAB_END(name, NAME)
#include "def/words.def"
#undef VOCAB
#undef W
#undef VOCAB_END

int oci_vocab_find(const struct oci_vocab *v, const char *text)
{
    for (unsigned i = 0; i < v->n; i++)
        if (strcmp(v->words[i], text) == 0)
            return (int)i;
    return -1;
}

/* ---- fields ---- */

#define NEED_must true
#define NEED_may  false

#define CHECKED(sub)    .check = oci_check_##sub, .check_name = #sub, .expects = oci_expects_##sub,
#define IN_bool(sub)    .type = OCI_BOOL,
#define IN_i64(sub)     .type = OCI_I64, CHECKED(sub)
#define IN_u64(sub)     .type = OCI_U64, CHECKED(sub)
#define IN_i32(sub)     .type = OCI_I32, CHECKED(sub)
#define IN_u32(sub)     .type = OCI_U32, CHECKED(sub)
#define IN_u16(sub)     .type = OCI_U16, CHECKED(sub)
#define IN_u32s(sub)    .type = OCI_U32S, CHECKED(sub)
#define IN_str(sub)     .type = OCI_STR, CHECKED(sub)
#define IN_strs(sub)    .type = OCI_STRS, CHECKED(sub)
#define IN_map_str(sub) .type = OCI_MAP_STR, CHECKED(sub)
#define IN_word(sub)    .type = OCI_WORD, .vocab = &oci_vocab_##sub,
#define IN_words(sub)   .type = OCI_WORDS, .vocab = &oci_vocab_##sub,
#define IN_obj(sub)     .type = OCI_OBJ, .obj = &oci_desc_##sub,
#define IN_objs(sub)    .type = OCI_OBJS, .obj = &oci_desc_##sub,
#define IN_other(sub)   .type = OCI_OTHER,
#define IN_map_obj(sub) .type = OCI_MAP_OBJ, .obj = &oci_desc_##sub,

#define OBJ(name, text) static const struct oci_field fields_##name[] = {
#define F(object, need, kind, sub, field, json_key, text)                                          \
    {.key = json_key,                                                                              \
     .must = NEED_##need,                                                                          \
     .offset = offsetof(struct oci_##object, field),                                               \
     IN_##kind(sub).doc = text},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "def/all.def"
#undef OBJ
#undef F
#undef END

/* ---- objects ---- */

#define OBJ(object, text)                                                                          \
    const struct oci_desc oci_desc_##object = {                                                    \
        .name = #object,                                                                           \
        .size = sizeof(struct oci_##object),                                                       \
        .fields = fields_##object,                                                                 \
        .n_fields = sizeof fields_##object / sizeof fields_##object[0],                            \
        .doc = text,                                                                               \
    };
#define F(object, need, type, sub, field, key, doc)
#define END(name)
#include "def/all.def"
#undef OBJ
#undef F
#undef END
