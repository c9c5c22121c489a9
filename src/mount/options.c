/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the meaning of mount options: options.def says it, this file looks it up. */
#include "mount/options.h"

#include "base/str.h"
#include "mount/mount.h"

#include <errno.h>
#include <sys/mount.h>

enum option_kind { ATTRIBUTE, REC_ATTRIBUTE, PROPAGATION, SUPER_FLAG, OLD_FLAG, FIELD, NOTHING };

struct option {
    const char *word;
    enum option_kind kind;
    uint64_t set, clear;
    bool tree;
    const char *key;
    size_t field;
};

static const struct option options[] = {
#define ATTR(w, s, c)  {.word = w, .kind = ATTRIBUTE, .set = s, .clear = c},
#define RATTR(w, s, c) {.word = w, .kind = REC_ATTRIBUTE, .set = s, .clear = c},
#define PROP(w, p, t)  {.word = w, .kind = PROPAGATION, .set = p, .tree = t},
#define SUPER(w, k)    {.word = w, .kind = SUPER_FLAG, .key = k},
#define OLD(w, f)      {.word = w, .kind = OLD_FLAG, .set = f},
#define SPECIAL(w, f)  {.word = w, .kind = FIELD, .field = offsetof(struct mount_item, f)},
#define NONE(w)        {.word = w, .kind = NOTHING},
#include "mount/options.def"
#undef ATTR
#undef RATTR
#undef PROP
#undef SUPER
#undef OLD
#undef SPECIAL
#undef NONE
};

static const char *const words[] = {
#define ATTR(w, s, c)  w,
#define RATTR(w, s, c) w,
#define PROP(w, p, t)  w,
#define SUPER(w, k)    w,
#define OLD(w, f)      w,
#define SPECIAL(w, f)  w,
#define NONE(w)        w,
#include "mount/options.def"
#undef ATTR
#undef RATTR
#undef PROP
#undef SUPER
#undef OLD
#undef SPECIAL
#undef NONE
};

enum { N_OPTIONS = sizeof options / sizeof options[0] };

static const struct option *find(const char *word)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (str_eq(options[i].word, word))
            return &options[i];
    return NULL;
}

/* What is set later wins over what was cleared before, and the other way round. */
static void merge(uint64_t *set, uint64_t *clear, const struct option *o)
{
    *set &= ~o->clear;
    *clear &= ~o->set;
    *set |= o->set;
    *clear |= o->clear;
}

static void add_data(struct mount_item *m, const char *word, struct arena *a)
{
    const char *eq = strchr(word, '=');
    struct mount_data *d = &m->data[m->n_data++];

    d->key = eq ? str_ndup(a, word, (size_t)(eq - word)) : word;
    d->value = eq ? eq + 1 : NULL;
}

static void apply(struct mount_item *m, const struct option *o)
{
    switch (o->kind) {
    case ATTRIBUTE:
        merge(&m->set, &m->clear, o);
        break;
    case REC_ATTRIBUTE:
        merge(&m->rec_set, &m->rec_clear, o);
        break;
    case PROPAGATION:
        m->propagation = o->set;
        m->rec_propagation = o->tree;
        break;
    case SUPER_FLAG:
        m->data[m->n_data++] = (struct mount_data){.key = o->key};
        break;
    case OLD_FLAG:
        m->old_flags |= o->set;
        break;
    case FIELD:
        *(bool *)((char *)m + o->field) = true;
        break;
    case NOTHING:
        break;
    }
}

void options_read(struct mount_item *m, const char *const *list, size_t n, struct arena *a)
{
    m->data = arena_array(a, n + 1, sizeof *m->data);
    for (size_t i = 0; i < n; i++) {
        const struct option *o = find(list[i]);
        if (o)
            apply(m, o);
        else if (list[i][0]) /* buildah gives "" for a volume without options */
            add_data(m, list[i], a);
    }
    m->bind = m->bind || m->rbind;
}

int options_propagation(const char *word, uint64_t *propagation, bool *recursive)
{
    const struct option *o = find(word);

    if (!o || o->kind != PROPAGATION)
        return -EINVAL;
    *propagation = o->set;
    *recursive = o->tree;
    return 0;
}

const char *options_data(const struct mount_item *m, const char *key)
{
    for (unsigned i = 0; i < m->n_data; i++)
        if (str_eq(m->data[i].key, key))
            return m->data[i].value;
    return NULL;
}

const char *const *mount_option_names(size_t *n)
{
    *n = N_OPTIONS;
    return words;
}
