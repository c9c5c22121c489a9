/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as config.json: refused with a reason, or read, and then what is written of it reads
 * back as the same.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Refused without a word, or with a success, is a fault as well. */
static struct oci_config *parse(struct arena *a, const char *text, size_t n)
{
    struct err e = {0};
    struct oci_config *c = NULL;
    int r = oci_parse_config(a, text, n, "config.json", &c, &e);

    if (r > 0 || (r == 0) != (c != NULL) || (r < 0) != (e.code != 0) || (r < 0) != !!e.text[0])
        abort();
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct oci_config *c = parse(&a, (const char *)data, size);

    if (c) {
        size_t n, again_n;
        char *text = oci_write(&a, &oci_desc_config, c, size & 1, &n), *again;
        struct oci_config *same = parse(&a, text, n);

        if (!same)
            abort();
        again = oci_write(&a, &oci_desc_config, same, size & 1, &again_n);
        if (n != again_n || memcmp(text, again, n) != 0)
            abort();
    }
    arena_free(&a);
    return 0;
}
