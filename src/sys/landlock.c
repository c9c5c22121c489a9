/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the system calls of Landlock. */
#include "sys/landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Later kernels have longer attributes: struct landlock_ruleset_attr up to version 6. */
struct ruleset {
    uint64_t fs, net, scope;
};

/* struct landlock_path_beneath_attr */
struct beneath {
    uint64_t rights;
    int32_t fd;
} __attribute__((packed));

/* struct landlock_net_port_attr */
struct port {
    uint64_t rights, port;
};

enum { ASK_VERSION = 1 << 0, RULE_PATH = 1, RULE_PORT = 2 };

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_landlock_version(void)
{
    return result(syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION));
}

/* An older kernel takes a longer attribute if what it does not know is zero. */
int sys_landlock_make(uint64_t fs, uint64_t net, uint64_t scope)
{
    struct ruleset set = {fs, net, scope};

    return result(syscall(SYS_landlock_create_ruleset, &set, sizeof set, 0));
}

int sys_landlock_allow_path(int rules, int fd, uint64_t rights)
{
    struct beneath rule = {rights, fd};

    return result(syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0));
}

int sys_landlock_allow_port(int rules, uint16_t port, uint64_t rights)
{
    struct port rule = {rights, port};

    return result(syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0));
}

int sys_landlock_restrict(int rules)
{
    return result(syscall(SYS_landlock_restrict_self, rules, 0));
}
