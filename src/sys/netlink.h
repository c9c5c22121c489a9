/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink(7): requests built in place, answers handed out one by one. */
#ifndef RT_SYS_NETLINK_H
#define RT_SYS_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* A socket of one network namespace, which it keeps alive, and what the kernel said last. */
struct sys_netlink {
    int fd; /* owned, or -1 */
    uint32_t seq;
    char why[128]; /* extended ack of the last failure, "" when there was none */
};

/* One request: the header, the header of its family, attributes. */
struct sys_nl_request {
    union {
        struct nlmsghdr head;
        char bytes[512];
    };
};

/* A socket of the caller's network namespace. 0 or -errno. */
int sys_netlink_open(struct sys_netlink *nl);
void sys_netlink_close(struct sys_netlink *nl);

/* Begin a request. `family` (ifinfomsg, ifaddrmsg, ...) of n bytes follows the header. flags are
 * NLM_F_* besides REQUEST and, unless it is a dump, ACK. */
void sys_nl_begin(struct sys_nl_request *q, uint16_t type, uint16_t flags, const void *family,
                  size_t n);

/* Add an attribute. What would not fit makes the request fail with -EMSGSIZE when it is sent. */
void sys_nl_add(struct sys_nl_request *q, uint16_t type, const void *data, size_t n);
void sys_nl_add_str(struct sys_nl_request *q, uint16_t type, const char *s);
void sys_nl_add_u32(struct sys_nl_request *q, uint16_t type, uint32_t value);

/* Called for each answer; a negative value ends the reading and is returned. */
typedef int sys_nl_fn(void *arg, const struct nlmsghdr *answer);

/* Send and read all answers. 0, or -errno of the kernel. -EAGAIN: the table changed during a dump,
 * so that its answers are inconsistent; ask again. `each` may be NULL. */
int sys_netlink_ask(struct sys_netlink *nl, struct sys_nl_request *q, sys_nl_fn *each, void *arg);

/* The header of the family of an answer, or NULL if the message is too short. */
const void *sys_nl_family(const struct nlmsghdr *answer, size_t n);

/* Data of an attribute of at least `least` bytes, behind a family header of n bytes; NULL when it
 * is not there. *size may be NULL. */
const void *sys_nl_find(const struct nlmsghdr *answer, size_t n, uint16_t type, size_t least,
                        size_t *size);

#endif
