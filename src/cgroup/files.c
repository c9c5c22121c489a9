/* SPDX-License-Identifier: Apache-2.0 */
/* Owns reading and writing the small files of a cgroup, and the names of controllers. */
#include "cgroup/kind.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

const char *ctl_name(const struct hier *h, enum ctl c)
{
    return h->kind->ctl_names[c];
}

int ctl_find(const struct cg_kind *k, const char *name, size_t len)
{
    for (int c = 0; c < CTLS; c++) {
        const char *n = k->ctl_names[c];
        if (n && strlen(n) == len && memcmp(n, name, len) == 0)
            return c;
    }
    return -1;
}

struct hier *hier_of(struct cgroup *cg, enum ctl c)
{
    for (unsigned i = 0; i < cg->n; i++)
        if (cg->h[i].ctls & BIT(c))
            return &cg->h[i];
    return NULL;
}

struct hier *hier_unified(struct cgroup *cg)
{
    for (unsigned i = 0; i < cg->n; i++)
        if (cg->h[i].kind == &kind_v2)
            return &cg->h[i];
    return NULL;
}

int cg_read(int dir, const char *file, char *buf, size_t size)
{
    auto_close int fd = sys_open(dir, file, O_RDONLY, 0);
    size_t len = 0;
    ssize_t r;

    if (fd < 0)
        return fd;
    while ((r = sys_read(fd, buf + len, size - len)) > 0) {
        len += (size_t)r;
        if (len == size)
            return -EFBIG;
        if ((size_t)r < size - len && len < 4096)
            break; /* a short read of such a file is its end: one call less */
    }
    if (r < 0)
        return (int)r;
    if (len && buf[len - 1] == '\n')
        len--;
    buf[len] = '\0';
    return (int)len;
}

int cg_read_u64(int dir, const char *file, uint64_t *out)
{
    char buf[32];
    int r = cg_read(dir, file, buf, sizeof buf);

    if (r < 0)
        return r;
    if (str_eq(buf, "max")) {
        *out = CG_NONE;
        return 0;
    }
    return num_u64(buf, out);
}

bool cg_find_key(const char *text, const char *key, uint64_t *out)
{
    size_t n = strlen(key);

    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n');
        if (strncmp(line, key, n) == 0 && line[n] == ' ') {
            char digits[24];
            size_t len = end ? (size_t)(end - line) - n - 1 : strlen(line + n + 1);
            if (len >= sizeof digits)
                return false;
            memcpy(digits, line + n + 1, len);
            digits[len] = '\0';
            return num_u64(digits, out) == 0;
        }
        line = end ? end + 1 : NULL;
    }
    return false;
}

int cg_read_key(int dir, const char *file, const char *key, uint64_t *out)
{
    char buf[8192];
    int r = cg_read(dir, file, buf, sizeof buf);

    if (r < 0)
        return r;
    return cg_find_key(buf, key, out) ? 0 : -ENOENT;
}

int cg_write(int dir, const char *file, const char *value)
{
    auto_close int fd = sys_open(dir, file, O_WRONLY, 0);
    ssize_t r;

    if (fd < 0)
        return fd;
    r = sys_write(fd, value, strlen(value));
    return r < 0 ? (int)r : 0;
}

/* The path of `pid` in the v2 hierarchy: what follows "0::" in /proc/PID/cgroup. */
int cgroup_path_of(pid_t pid, char *buf, size_t size)
{
    char file[32], *line;
    int r;

    snprintf(file, sizeof file, pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", pid);
    r = cg_read(AT_FDCWD, file, buf, size);
    if (r < 0)
        return r;
    line = str_starts(buf, "0::") ? buf : strstr(buf, "\n0::");
    if (!line)
        return -ENOENT;
    line += *line == '\n' ? 4 : 3;
    memmove(buf, line, strcspn(line, "\n") + 1);
    buf[strcspn(buf, "\n")] = '\0';
    return 0;
}
