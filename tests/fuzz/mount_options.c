/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any words as the options of a mount: no attribute is both set and cleared, a list read twice
 * means what it means once, and each word that is no option is data, in its place.
 * Input: words with commas between them.
 */
#include "mount/mount.h"
#include "mount/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

struct list {
    const char *v[2 * MOST];
    size_t n;
};

static void split(struct list *l, char *text)
{
    for (char *end; l->n < MOST; text = end + 1) {
        end = strchr(text, ',');
        if (end)
            *end = '\0';
        l->v[l->n++] = text;
        if (!end)
            return;
    }
}

/* Where atimes are concerned the kernel wants what is set to be cleared as well. */
static void check_attributes(const struct mount_item *m)
{
    const uint64_t atime = MOUNT_ATTR__ATIME;

    if (m->set & m->clear & ~atime || m->rec_set & m->rec_clear & ~atime)
        abort();
    if ((m->set & atime) == atime || (m->rec_set & atime) == atime)
        abort();
    if (m->rbind && !m->bind)
        abort();
}

static void same(const struct mount_item *a, const struct mount_item *b)
{
    if (a->set != b->set || a->clear != b->clear || a->rec_set != b->rec_set ||
        a->rec_clear != b->rec_clear || a->propagation != b->propagation ||
        a->rec_propagation != b->rec_propagation || a->old_flags != b->old_flags ||
        a->bind != b->bind || a->rbind != b->rbind || a->remount != b->remount)
        abort();
}

static bool is_known(const char *word)
{
    size_t n;
    const char *const *names = mount_option_names(&n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], word) == 0)
            return true;
    return false;
}

static bool is_word(const struct mount_data *d, const char *word)
{
    size_t key = strcspn(word, "=");

    if (strlen(d->key) != key || strncmp(d->key, word, key) != 0)
        return false;
    return word[key] ? d->value && strcmp(d->value, word + key + 1) == 0 : !d->value;
}

/* What is not known is data, in its order. Some options that are known are data, too: these are
 * passed over. */
static void check_data(const struct mount_item *m, const struct list *l)
{
    unsigned at = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (!l->v[i][0] || is_known(l->v[i]))
            continue;
        while (at < m->n_data && !is_word(&m->data[at], l->v[i]))
            at++;
        if (at == m->n_data)
            abort();
        at++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct mount_item once = {0}, twice = {0};
    struct list l = {0};
    char *text = arena_alloc(&a, size + 1);

    if (size)
        memcpy(text, data, size);
    split(&l, text);
    options_read(&once, l.v, l.n, &a);
    check_attributes(&once);
    check_data(&once, &l);
    memcpy(l.v + l.n, l.v, l.n * sizeof *l.v);
    options_read(&twice, l.v, 2 * l.n, &a);
    same(&once, &twice);
    arena_free(&a);
    return 0;
}
