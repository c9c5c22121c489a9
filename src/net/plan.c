/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what can be known of /linux/netDevices before anything is made. */
#include "net/net.h"

#include "base/str.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>

/* What the kernel takes for a name, dev_valid_name(). It may hold one %d where a number is to be
 * found by the kernel; another % would be taken for a template as well. */
static bool is_device_name(const char *s, bool may_be_template)
{
    const char *percent = strchr(s, '%');

    if (!s[0] || strlen(s) >= IFNAMSIZ || str_eq(s, ".") || str_eq(s, ".."))
        return false;
    if (s[strcspn(s, "/: \t\n\v\f\r")])
        return false;
    return !percent || (may_be_template && percent[1] == 'd' && !strchr(percent + 1, '%'));
}

static const char *inner_name(const struct oci_net_device_map *m, size_t i)
{
    return m->v[i].name && m->v[i].name[0] ? m->v[i].name : m->k[i];
}

static int check_device(const struct oci_net_device_map *m, size_t i, struct err *e)
{
    const char *name = inner_name(m, i);

    if (!is_device_name(m->k[i], false))
        return refuse(e, EINVAL, "\"%s\" cannot be the name of a network device", m->k[i]);
    if (!is_device_name(name, true)) {
        refuse(e, EINVAL, "\"%s\" cannot be the name of a network device", name);
        return err_hint(e, "up to %d bytes without space, slash and colon; %%d for a free number",
                        IFNAMSIZ - 1);
    }
    for (size_t j = 0; !strchr(name, '%') && j < i; j++)
        if (str_eq(name, inner_name(m, j)))
            return refuse(e, EEXIST, "two network devices are to be named \"%s\"", name);
    return 0;
}

int net_plan(struct plan *p, struct arena *a, struct err *e)
{
    const struct oci_net_device_map *m = p->cfg->linux ? &p->cfg->linux->net_devices : NULL;

    (void)a;
    if (!m || !m->n)
        return 0;
    for (size_t i = 0; i < m->n; i++)
        if (check_device(m, i, e) < 0)
            return err_at(e, "/linux/netDevices/%s", m->k[i]);
    if (!((p->ns.fresh | p->ns.joined) & CLONE_NEWNET)) {
        refuse(e, EINVAL, "network devices need a network namespace of the container's own");
        return err_at(e, "/linux/netDevices");
    }
    if (!p->privileged) {
        refuse(e, EPERM, "only root can move network devices");
        return err_at(e, "/linux/netDevices");
    }
    return 0;
}
