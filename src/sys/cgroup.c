/* SPDX-License-Identifier: Apache-2.0 */
/* Owns waiting for files of cgroupfs, and bpf(2) for device programs. */
#include "sys/cgroup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int sys_poll(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int r;

    do
        r = poll(&p, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

ssize_t sys_pread(int fd, void *buf, size_t n)
{
    ssize_t r;

    do
        r = pread(fd, buf, n, 0);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

int sys_path_fs_type(const char *path, long *magic)
{
    struct statfs s;

    if (statfs(path, &s) < 0)
        return -errno;
    *magic = (long)s.f_type;
    return 0;
}

void sys_sleep_us(unsigned us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

uint64_t sys_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int sys_eventfd(void)
{
    int r = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return r < 0 ? -errno : r;
}

static int bpf(int command, union bpf_attr *attr)
{
    long r;

    do
        r = syscall(SYS_bpf, command, attr, sizeof *attr);
    while (r < 0 && errno == EAGAIN); /* a signal interrupted the verifier, bpf(2) */
    return r < 0 ? -errno : (int)r;
}

/* The kernel refuses attributes with stray bytes, so each is cleared as a whole. */
static void clear(union bpf_attr *attr)
{
    memset(attr, 0, sizeof *attr);
}

static int load(const struct bpf_insn *insns, size_t n, char *log, size_t log_size)
{
    union bpf_attr attr;

    clear(&attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uintptr_t)insns;
    attr.insn_cnt = (uint32_t)n;
    attr.license = (uintptr_t) "Apache-2.0";
    memcpy(attr.prog_name, "rt_devices", sizeof "rt_devices");
    attr.log_buf = (uintptr_t)log;
    attr.log_size = (uint32_t)log_size;
    attr.log_level = log ? 1 : 0;
    return bpf(BPF_PROG_LOAD, &attr);
}

int sys_bpf_load_device(const struct bpf_insn *insns, size_t n, char *log, size_t log_size)
{
    int fd = load(insns, n, NULL, 0);

    log[0] = '\0';
    if (fd >= 0 || fd == -EPERM)
        return fd;
    fd = load(insns, n, log, log_size);
    log[log_size - 1] = '\0';
    return fd;
}

int sys_bpf_attach_device(int cgroup_fd, int prog, unsigned flags, int old)
{
    union bpf_attr attr;

    clear(&attr);
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = flags;
    if (old >= 0) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)old;
    }
    return bpf(BPF_PROG_ATTACH, &attr);
}

int sys_bpf_detach_device(int cgroup_fd, int prog)
{
    union bpf_attr attr;

    clear(&attr);
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return bpf(BPF_PROG_DETACH, &attr);
}

int sys_bpf_query_device(int cgroup_fd, uint32_t *ids, uint32_t *n)
{
    union bpf_attr attr;
    int r;

    clear(&attr);
    attr.query.target_fd = (uint32_t)cgroup_fd;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = (uintptr_t)ids;
    attr.query.prog_cnt = *n;
    r = bpf(BPF_PROG_QUERY, &attr);
    if (r < 0)
        return r;
    *n = attr.query.prog_cnt;
    return 0;
}

int sys_bpf_prog_by_id(uint32_t id)
{
    union bpf_attr attr;

    clear(&attr);
    attr.prog_id = id;
    return bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}
