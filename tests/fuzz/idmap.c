/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any id mappings: the text for the kernel is the mappings, line by line, and whoever builds the
 * container has an id in it.
 * Input: mappings of three numbers of four bytes, users' and groups' in turn; the first byte says
 * who asks.
 */
#include "ns/ns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 32 };

struct maps {
    struct oci_id_mapping v[MOST];
    struct oci_id_mapping_list list;
};

static void add(struct maps *m, const uint8_t *bytes)
{
    uint32_t n[3];

    if (m->list.n == MOST)
        return;
    memcpy(n, bytes, sizeof n);
    m->v[m->list.n++] =
        (struct oci_id_mapping){.container_id = n[0], .host_id = n[1], .size = n[2]};
}

static void check_text(const char *text, const struct oci_id_mapping_list *maps)
{
    if (!text != !maps->n)
        abort();
    for (size_t i = 0; i < maps->n; i++) {
        uint32_t inside, outside, count;
        int used = 0;
        if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32 "%n", &inside, &outside, &count,
                   &used) != 3 ||
            text[used] != '\n' || inside != maps->v[i].container_id ||
            outside != maps->v[i].host_id || count != maps->v[i].size)
            abort();
        text += used + 1;
    }
    if (text && *text)
        abort();
}

static void check_builder(uint32_t id, const struct oci_id_mapping_list *maps)
{
    bool root = maps->n == 0, mapped = maps->n == 0;

    for (size_t i = 0; i < maps->n; i++) {
        root = root || maps->v[i].container_id == 0;
        mapped = mapped || maps->v[i].container_id == id;
    }
    if (!mapped || (root && id != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct maps uids = {0}, gids = {0};
    struct oci_namespace user = {.type = OCI_NAMESPACE_TYPE_USER};
    struct oci_linux lin = {.namespaces = {1, &user}};
    struct oci_config cfg = {.linux = &lin};
    struct plan plan = {.cfg = &cfg, .privileged = size && data[0] & 1};
    struct arena a = {0};
    struct err e = {0};

    for (size_t at = 1, i = 0; at + 12 <= size; at += 12, i++)
        add(i % 2 ? &gids : &uids, data + at);
    uids.list.v = uids.v;
    gids.list.v = gids.v;
    lin.uid_mappings = uids.list;
    lin.gid_mappings = gids.list;
    if (ns_plan(&plan, &a, &e) < 0)
        abort();
    check_text(plan.id.uid_map, &lin.uid_mappings);
    check_text(plan.id.gid_map, &lin.gid_mappings);
    check_builder(plan.id.uid, &lin.uid_mappings);
    check_builder(plan.id.gid, &lin.gid_mappings);
    /* The kernel lets the unprivileged map one id without setgroups, the helpers map the rest. */
    if (!plan.privileged && plan.id.by_helper == plan.id.deny_setgroups)
        abort();
    arena_free(&a);
    return 0;
}
