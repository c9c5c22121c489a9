/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the format of netlink messages and the exchange of a request for its answers. */
#include "sys/netlink.h"

#include "base/fd.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* As large as the kernel makes a part of a dump (netlink(7), "Broken kernels"). */
enum { ANSWER_MAX = 32768, TOO_LONG = 0 };

int sys_netlink_open(struct sys_netlink *nl)
{
    int on = 1;

    *nl = (struct sys_netlink){.fd = sys_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)};
    if (nl->fd < 0)
        return nl->fd;
    /* Only messages get worse without. EXT_ACK: Linux 4.12. */
    drop(setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on), "messages are shorter");
    drop(setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on), "acks are longer");
    return 0;
}

void sys_netlink_close(struct sys_netlink *nl)
{
    fd_close(&nl->fd);
}

/* ---- requests ---- */

static void append(struct sys_nl_request *q, const void *data, size_t n)
{
    size_t at = NLMSG_ALIGN(q->head.nlmsg_len);

    if (q->head.nlmsg_len == TOO_LONG || n > sizeof q->bytes || at + n > sizeof q->bytes) {
        q->head.nlmsg_len = TOO_LONG;
        return;
    }
    if (n)
        memcpy(q->bytes + at, data, n);
    q->head.nlmsg_len = (uint32_t)(at + n);
}

void sys_nl_begin(struct sys_nl_request *q, uint16_t type, uint16_t flags, const void *family,
                  size_t n)
{
    uint16_t ack = (flags & NLM_F_DUMP) == NLM_F_DUMP ? 0 : NLM_F_ACK;

    memset(q, 0, sizeof *q);
    q->head.nlmsg_len = NLMSG_HDRLEN;
    q->head.nlmsg_type = type;
    q->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | ack | flags);
    append(q, family, n);
}

void sys_nl_add(struct sys_nl_request *q, uint16_t type, const void *data, size_t n)
{
    struct nlattr a = {.nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + n)};

    append(q, &a, n > sizeof q->bytes ? n : sizeof a);
    if (q->head.nlmsg_len != TOO_LONG)
        append(q, data, n);
}

void sys_nl_add_str(struct sys_nl_request *q, uint16_t type, const char *s)
{
    sys_nl_add(q, type, s, strlen(s) + 1);
}

void sys_nl_add_u32(struct sys_nl_request *q, uint16_t type, uint32_t value)
{
    sys_nl_add(q, type, &value, sizeof value);
}

/* ---- answers ---- */

const void *sys_nl_family(const struct nlmsghdr *answer, size_t n)
{
    return answer->nlmsg_len >= NLMSG_LENGTH(n) ? NLMSG_DATA(answer) : NULL;
}

static const void *find(const char *at, size_t left, uint16_t type, size_t least, size_t *size)
{
    struct nlattr a;

    while (left >= sizeof a) {
        size_t step;
        memcpy(&a, at, sizeof a);
        if (a.nla_len < sizeof a || a.nla_len > left)
            return NULL;
        if ((a.nla_type & NLA_TYPE_MASK) == type) {
            if (size)
                *size = a.nla_len - sizeof a;
            return a.nla_len - sizeof a >= least ? at + NLA_HDRLEN : NULL;
        }
        step = NLA_ALIGN(a.nla_len);
        if (step > left)
            return NULL;
        at += step;
        left -= step;
    }
    return NULL;
}

const void *sys_nl_find(const struct nlmsghdr *answer, size_t n, uint16_t type, size_t least,
                        size_t *size)
{
    size_t start = NLMSG_SPACE(n);

    if (answer->nlmsg_len <= start)
        return NULL;
    return find((const char *)answer + start, answer->nlmsg_len - start, type, least, size);
}

/* The kernel's sentence about a failure follows the header of the request in the ack. */
static int take_error(struct sys_netlink *nl, const struct nlmsghdr *h)
{
    const struct nlmsgerr *said = sys_nl_family(h, sizeof *said);
    size_t skip = sizeof *said, size = 0;
    const char *text;

    if (!said)
        return -EBADMSG;
    if (!said->error || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
        return said->error;
    if (!(h->nlmsg_flags & NLM_F_CAPPED) && said->msg.nlmsg_len > sizeof said->msg)
        skip += said->msg.nlmsg_len - sizeof said->msg;
    text = sys_nl_find(h, skip, NLMSGERR_ATTR_MSG, 1, &size);
    if (text)
        snprintf(nl->why, sizeof nl->why, "%.*s", (int)strnlen(text, size), text);
    return said->error;
}

struct exchange {
    struct sys_netlink *nl;
    uint32_t seq;
    sys_nl_fn *each;
    void *arg;
    bool torn; /* the table changed during the dump */
};

enum { GO_ON = 1 };

static int take_answer(struct exchange *x, const struct nlmsghdr *h)
{
    int r;

    if (h->nlmsg_seq != x->seq)
        return GO_ON;
    x->torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    switch (h->nlmsg_type) {
    case NLMSG_ERROR:
        return take_error(x->nl, h);
    case NLMSG_DONE:
        return x->torn ? -EAGAIN : 0;
    default:
        r = x->each ? x->each(x->arg, h) : 0;
        return r < 0 ? r : GO_ON;
    }
}

static int take_part(struct exchange *x, const char *part, size_t n)
{
    const struct nlmsghdr *h = (const void *)part;
    int r = GO_ON;

    for (; r == GO_ON && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
        r = take_answer(x, h);
    return r;
}

int sys_netlink_ask(struct sys_netlink *nl, struct sys_nl_request *q, sys_nl_fn *each, void *arg)
{
    alignas(struct nlmsghdr) char part[ANSWER_MAX];
    struct exchange x = {.nl = nl, .seq = ++nl->seq, .each = each, .arg = arg};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int r = GO_ON;

    nl->why[0] = '\0';
    if (q->head.nlmsg_len == TOO_LONG)
        return -EMSGSIZE;
    q->head.nlmsg_seq = x.seq;
    if (sendto(nl->fd, q, q->head.nlmsg_len, 0, (void *)&kernel, sizeof kernel) < 0)
        return -errno;
    while (r == GO_ON) {
        ssize_t n = recv(nl->fd, part, sizeof part, MSG_TRUNC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if ((size_t)n > sizeof part)
            return -EMSGSIZE;
        r = take_part(&x, part, (size_t)n);
    }
    return r;
}
