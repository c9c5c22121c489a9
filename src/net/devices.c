/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the moving of network devices (runtime-spec config-linux.md, Network Devices). One message
 * moves a device, names it and sets it up; as the kernel drops addresses on the way, those that
 * must be kept are read before and set again behind. What the other namespace holds is asked
 * before the move, since a failing rename would leave the device there under its old name.
 */
#include "net/net.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/netlink.h"
#include "sys/nsfs.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

enum { ANSWERS_AGAIN = 16 };

struct address {
    struct address *next;
    const struct nlmsghdr *message; /* as the kernel described it */
};

struct device {
    const char *name, *inner; /* on the host; inside, perhaps with %d */
    int index, index_inside;
    bool up;
    bool moved;
    struct address *addresses;
};

/* What undo needs, too. A socket keeps its namespace alive. */
struct net_moves {
    struct arena *arena;
    int own_ns, target_ns;
    struct sys_netlink here, there;
    size_t n;
    struct device *v;
};

/* The kernel's own sentence where it has one. */
static int nl_fail(struct err *e, const struct sys_netlink *nl, int r, const char *what,
                   const char *name)
{
    if (nl->why[0])
        return refuse(e, r, "%s %s: %s: %s", what, name, strerror(-r), nl->why);
    return fail(e, r, "%s %s", what, name);
}

/* ---- questions ---- */

static int take_link(void *arg, const struct nlmsghdr *h)
{
    struct device *d = arg;
    const struct ifinfomsg *info = sys_nl_family(h, sizeof *info);

    if (!info)
        return -EBADMSG;
    d->index = info->ifi_index;
    d->up = info->ifi_flags & IFF_UP;
    return 0;
}

/* By name, or by index where name is NULL. -ENODEV: there is none. */
static int get_link(struct sys_netlink *nl, const char *name, int index, struct device *d)
{
    struct ifinfomsg info = {.ifi_index = index};
    struct sys_nl_request q;

    sys_nl_begin(&q, RTM_GETLINK, 0, &info, sizeof info);
    if (name)
        sys_nl_add_str(&q, IFLA_IFNAME, name);
    /* Counters of virtual functions can exceed any buffer. */
    sys_nl_add_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return sys_netlink_ask(nl, &q, take_link, d);
}

struct wanted_addresses {
    struct arena *arena;
    struct device *d;
};

static uint32_t flags_of(const struct nlmsghdr *h, const struct ifaddrmsg *a)
{
    const void *p = sys_nl_find(h, sizeof *a, IFA_FLAGS, sizeof(uint32_t), NULL);
    uint32_t flags = a->ifa_flags;

    if (p)
        memcpy(&flags, p, sizeof flags);
    return flags;
}

static int take_address(void *arg, const struct nlmsghdr *h)
{
    struct wanted_addresses *w = arg;
    const struct ifaddrmsg *a = sys_nl_family(h, sizeof *a);
    struct address *one;
    void *copy;

    if (!a || h->nlmsg_type != RTM_NEWADDR)
        return -EBADMSG;
    if ((int)a->ifa_index != w->d->index || a->ifa_scope != RT_SCOPE_UNIVERSE ||
        !(flags_of(h, a) & IFA_F_PERMANENT))
        return 0;
    one = arena_new(w->arena, struct address);
    copy = arena_alloc(w->arena, h->nlmsg_len);
    memcpy(copy, h, h->nlmsg_len);
    *one = (struct address){.next = w->d->addresses, .message = copy};
    w->d->addresses = one;
    return 0;
}

/* The list is built back to front, so a primary address would come after its secondaries. */
static void reverse(struct address **list)
{
    struct address *turned = NULL;

    while (*list) {
        struct address *one = *list;
        *list = one->next;
        one->next = turned;
        turned = one;
    }
    *list = turned;
}

static int read_addresses(struct net_moves *m, struct device *d, struct err *e)
{
    struct wanted_addresses w = {.arena = m->arena, .d = d};
    struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
    int r = -EAGAIN;

    for (int i = 0; r == -EAGAIN && i < ANSWERS_AGAIN; i++) {
        struct sys_nl_request q;
        d->addresses = NULL;
        sys_nl_begin(&q, RTM_GETADDR, NLM_F_DUMP, &all, sizeof all);
        r = sys_netlink_ask(&m->here, &q, take_address, &w);
    }
    reverse(&d->addresses);
    return r < 0 ? nl_fail(e, &m->here, r, "read the addresses of network device", d->name) : 0;
}

/* ---- the move ---- */

/* The number by which a device is found again whatever its name becomes: its own if that is free on
 * the other side. */
static int free_index(struct sys_netlink *nl, int index)
{
    struct device other;
    int r = get_link(nl, NULL, index, &other);

    while (r == 0 && index < INT32_MAX)
        r = get_link(nl, NULL, ++index, &other);
    return r == -ENODEV ? index : r == 0 ? -ENOSPC : r;
}

static int check_free(struct net_moves *m, const struct device *d, struct err *e)
{
    struct device other;
    int r = strchr(d->inner, '%') ? -ENODEV : get_link(&m->there, d->inner, 0, &other);

    if (r == -ENODEV)
        return 0;
    if (r < 0)
        return nl_fail(e, &m->there, r, "look in the container for network device", d->inner);
    refuse(e, EEXIST, "the container has a network device %s already", d->inner);
    return err_hint(e, "another name, or one with %%d for a free number");
}

/* From the namespace of nl to `ns`. */
static int send_over(struct sys_netlink *nl, int ns, int index, int new_index, const char *name,
                     bool up)
{
    struct ifinfomsg info = {
        .ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = up ? IFF_UP : 0};
    struct sys_nl_request q;

    sys_nl_begin(&q, RTM_SETLINK, 0, &info, sizeof info);
    sys_nl_add_u32(&q, IFLA_NET_NS_FD, (uint32_t)ns);
    sys_nl_add_str(&q, IFLA_IFNAME, name);
    sys_nl_add_u32(&q, IFLA_NEW_IFINDEX, (uint32_t)new_index);
    return sys_netlink_ask(nl, &q, NULL, NULL);
}

/* What an address carries besides itself. Labels begin with the old name of the device. */
static void copy_attributes(struct sys_nl_request *q, const struct nlmsghdr *h)
{
    static const uint16_t kept[] = {IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        size_t n = 0;
        const void *data = sys_nl_find(h, sizeof(struct ifaddrmsg), kept[i], 1, &n);
        if (data)
            sys_nl_add(q, kept[i], data, n);
    }
}

/* Flags that describe a wish; the others are states of the kernel. */
enum { WISHES = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE };

static int add_address(struct sys_netlink *nl, const struct address *one, int index)
{
    struct ifaddrmsg a;
    struct sys_nl_request q;
    uint32_t flags;

    memcpy(&a, NLMSG_DATA(one->message), sizeof a);
    flags = flags_of(one->message, &a) & WISHES;
    a.ifa_index = (uint32_t)index;
    a.ifa_flags = (uint8_t)flags;
    sys_nl_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof a);
    copy_attributes(&q, one->message);
    sys_nl_add_u32(&q, IFA_FLAGS, flags);
    return sys_netlink_ask(nl, &q, NULL, NULL);
}

static int add_addresses(struct sys_netlink *nl, const struct device *d, int index)
{
    int r = 0;

    for (const struct address *one = d->addresses; r >= 0 && one; one = one->next)
        r = add_address(nl, one, index);
    return r;
}

static int move_device(struct net_moves *m, struct device *d, struct err *e)
{
    int r = get_link(&m->here, d->name, 0, d);

    if (r == -ENODEV)
        return refuse(e, r, "the host has no network device %s", d->name);
    if (r < 0)
        return nl_fail(e, &m->here, r, "find network device", d->name);
    if (read_addresses(m, d, e) < 0 || check_free(m, d, e) < 0)
        return -e->code;
    d->index_inside = free_index(&m->there, d->index);
    if (d->index_inside < 0)
        return nl_fail(e, &m->there, d->index_inside, "find a number for network device", d->name);
    r = send_over(&m->here, m->target_ns, d->index, d->index_inside, d->inner, true);
    if (r < 0)
        return nl_fail(e, &m->here, r, "move into the container network device", d->name);
    d->moved = true;
    r = add_addresses(&m->there, d, d->index_inside);
    return r < 0 ? nl_fail(e, &m->there, r, "keep the addresses of network device", d->name) : 0;
}

/* ---- there and back ---- */

static int open_target(const struct ctx *ctx)
{
    int named = ctx->plan->ns.fd[OCI_NAMESPACE_TYPE_NETWORK];

    return named >= 0 ? sys_dup(named, 3) : sys_ns_of(ctx->proc, ctx->child, "net");
}

/* A netlink socket stays in the namespace it was made in. */
static int open_there(struct net_moves *m)
{
    int r = sys_setns(m->target_ns, CLONE_NEWNET), back;

    if (r < 0)
        return r;
    r = sys_netlink_open(&m->there);
    back = sys_setns(m->own_ns, CLONE_NEWNET);
    return back < 0 ? back : r;
}

static struct net_moves *moves_new(struct ctx *ctx)
{
    const struct oci_net_device_map *map = &ctx->plan->cfg->linux->net_devices;
    struct net_moves *m = arena_new(ctx->arena, struct net_moves);

    *m = (struct net_moves){
        .arena = ctx->arena, .own_ns = -1, .target_ns = -1, .here.fd = -1, .there.fd = -1};
    m->v = arena_array(ctx->arena, map->n, sizeof *m->v);
    for (m->n = 0; m->n < map->n; m->n++) {
        const char *inner = map->v[m->n].name;
        m->v[m->n].name = map->k[m->n];
        m->v[m->n].inner = inner && inner[0] ? inner : map->k[m->n];
    }
    return m;
}

static int open_both(struct net_moves *m, const struct ctx *ctx, struct err *e)
{
    int r;

    m->own_ns = sys_ns_of(ctx->proc, getpid(), "net");
    if (m->own_ns < 0)
        return fail(e, m->own_ns, "open our own network namespace");
    m->target_ns = open_target(ctx);
    if (m->target_ns < 0)
        return fail(e, m->target_ns, "open the container's network namespace");
    r = sys_netlink_open(&m->here);
    if (r == 0)
        r = open_there(m);
    return r < 0 ? fail(e, r, "speak rtnetlink with the container's network namespace") : 0;
}

static void put_back(struct net_moves *m, struct device *d)
{
    int index = free_index(&m->here, d->index), r = index;

    if (r >= 0)
        r = send_over(&m->there, m->own_ns, d->index_inside, index, d->name, d->up);
    if (r >= 0)
        r = add_addresses(&m->here, d, index);
    if (r < 0)
        log_warn("bring network device %s back from the container: %s%s%s", d->name, strerror(-r),
                 m->there.why[0] ? ": " : "", m->there.why);
    d->moved = false;
}

void undo_move_net_devices(struct ctx *ctx)
{
    struct net_moves *m = ctx->net_moves;

    if (!m)
        return;
    while (m->n-- > 0)
        if (m->v[m->n].moved)
            put_back(m, &m->v[m->n]);
    sys_netlink_close(&m->here);
    sys_netlink_close(&m->there);
    fd_close(&m->own_ns);
    fd_close(&m->target_ns);
    ctx->net_moves = NULL;
}

int step_move_net_devices(struct ctx *ctx, struct err *e)
{
    struct net_moves *m = moves_new(ctx);

    ctx->net_moves = m;
    if (open_both(m, ctx, e) == 0) {
        size_t i = 0;
        while (i < m->n && move_device(m, &m->v[i], e) == 0)
            i++;
        if (i == m->n)
            return 0;
        err_at(e, "/linux/netDevices/%s", m->v[i].name);
    }
    undo_move_net_devices(ctx);
    return -e->code;
}
