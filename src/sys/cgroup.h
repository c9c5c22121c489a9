/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's calls that cgroup handling needs besides files: waiting and BPF programs. */
#ifndef RT_SYS_CGROUP_H
#define RT_SYS_CGROUP_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 1 when one of `events` (poll.h), an error or a hang-up is there, 0 after timeout_ms. */
int sys_poll(int fd, short events, int timeout_ms);

/* From the start of the file, whatever its offset is. */
ssize_t sys_pread(int fd, void *buf, size_t n);

/* f_type of the file system at an absolute path, statfs(2). */
int sys_path_fs_type(const char *path, long *magic);

void sys_sleep_us(unsigned us);
uint64_t sys_now_us(void); /* CLOCK_MONOTONIC */

/* A counter for eventfd(2), non-blocking. */
int sys_eventfd(void);

/* Load a BPF_PROG_TYPE_CGROUP_DEVICE program of n instructions. Owned descriptor, or -errno with
 * what the verifier said in log (terminated; empty if nothing). */
int sys_bpf_load_device(const struct bpf_insn *insns, size_t n, char *log, size_t log_size);

/* Attach to the cgroup behind cgroup_fd (not O_PATH); replaces program `old` when it is >= 0. */
int sys_bpf_attach_device(int cgroup_fd, int prog, unsigned flags, int old);
int sys_bpf_detach_device(int cgroup_fd, int prog);

/* IDs of the device programs attached to the cgroup itself. *n: room, then number. */
int sys_bpf_query_device(int cgroup_fd, uint32_t *ids, uint32_t *n);
int sys_bpf_prog_by_id(uint32_t id); /* owned descriptor */

#endif
