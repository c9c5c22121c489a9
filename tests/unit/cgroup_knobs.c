/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/cgroup/knobs.c: what is written for which value. */
#include "cgroup/knobs.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>

static struct arena arena;
static struct oci_memory memory;
static struct oci_cpu cpu;
static struct oci_pids pids;
static struct oci_block_io io;
static struct oci_network network;
static struct oci_resources res;
static struct err e;
static const char *now; /* what a file holds */

static void clear(void)
{
    memory = (struct oci_memory){0};
    cpu = (struct oci_cpu){0};
    pids = (struct oci_pids){0};
    io = (struct oci_block_io){0};
    network = (struct oci_network){0};
    e = (struct err){0};
    now = NULL;
    res = (struct oci_resources){
        .memory = &memory, .cpu = &cpu, .pids = &pids, .block_io = &io, .network = &network};
}

static const char *read_now(const void *arg, struct arena *a, enum ctl c, const char *file)
{
    (void)arg, (void)a, (void)c, (void)file;
    return now;
}

/* "file=value; file=value", alternatives as "file|file2=value|value2", '?' for optional ones. */
static const char *converted(enum backend backend)
{
    struct knob_env env = {.a = &arena, .r = &res};
    struct settings set;
    const char *out = "";
    int r;

    for (int c = 0; c <= CTLS; c++)
        env.backend[c] = backend;
    if (now)
        env.present.read = read_now;
    r = knobs_convert(&env, ~0U, &set, &e);
    if (r < 0)
        return str_fmt(&arena, "error %d at %s", -r, e.at);
    for (size_t i = 0; i < set.n; i++) {
        struct setting *s = &set.v[i];
        out = str_fmt(&arena, "%s%s%s%s%s=%s%s%s%s", out, i ? "; " : "", s->file,
                      s->other_file ? "|" : "", s->other_file ? s->other_file : "", s->value,
                      s->other_file ? "|" : "", s->other_file ? s->other_value : "",
                      s->optional ? "?" : "");
    }
    return out;
}

#define GIVE(object, field, n)                                                                     \
    do {                                                                                           \
        SET(&(object), object, field);                                                             \
        (object).field = (n);                                                                      \
    } while (0)

static void both(const char *v1, const char *v2, const char *what)
{
    is_str(converted(BACKEND_V1), v1, what);
    is_str(converted(BACKEND_V2), v2, what);
    clear();
}

static void refused(enum backend backend, int code, const char *pointer, const char *what)
{
    const char *want = str_fmt(&arena, "error %d at /linux/resources%s", code, pointer);

    is_str(converted(backend), want, what);
    clear();
}

static void limits_of_memory(void)
{
    GIVE(memory, limit, 1000000);
    both("memory.limit_in_bytes=1000000", "memory.max=1000000", "memory");
    GIVE(memory, limit, -1);
    both("memory.limit_in_bytes=-1?; memory.memsw.limit_in_bytes=-1?",
         "memory.max=max?; memory.swap.max=max?", "no limit of memory means none of swap");
    GIVE(memory, limit, 0);
    GIVE(memory, swap, 0);
    GIVE(memory, reservation, 0);
    both("", "", "zeros leave things as they are");
    GIVE(memory, limit, 100);
    GIVE(memory, swap, 300);
    both("memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=300",
         "memory.max=100; memory.swap.max=200", "swap is a sum");
    GIVE(memory, limit, 100);
    GIVE(memory, swap, 100);
    both("memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=100",
         "memory.max=100; memory.swap.max=0?", "equal means no swap");
    GIVE(memory, limit, 100);
    GIVE(memory, swap, -1);
    both("memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=-1?",
         "memory.max=100; memory.swap.max=max?", "unlimited swap");
    GIVE(memory, limit, 100);
    GIVE(memory, swap, 99);
    refused(BACKEND_V1, EINVAL, "/memory/swap", "less than memory");
    GIVE(memory, limit, 100);
    GIVE(memory, swap, 99);
    refused(BACKEND_V2, EINVAL, "/memory/swap", "less than memory");
    GIVE(memory, swap, 300);
    refused(BACKEND_V2, EINVAL, "/memory/swap", "swap without memory");
    GIVE(memory, swap, 300);
    now = "120";
    both("memory.memsw.limit_in_bytes=300", "memory.swap.max=180",
         "swap beside the present limit of memory");
    GIVE(memory, reservation, 50);
    both("memory.soft_limit_in_bytes=50", "memory.low=50", "reservation");
}

static void memory_of_v1(void)
{
    GIVE(memory, kernel, 5);
    GIVE(memory, kernel_tcp, 6);
    GIVE(memory, swappiness, 0);
    GIVE(memory, disable_oom_killer, true);
    GIVE(memory, use_hierarchy, true);
    is_str(converted(BACKEND_V1),
           "memory.kmem.limit_in_bytes=5; memory.kmem.tcp.limit_in_bytes=6; "
           "memory.swappiness=0?; memory.oom_control=1; memory.use_hierarchy=1",
           "settings of v1");
    refused(BACKEND_V2, ENOTSUP, "/memory/kernel", "kernel memory");
    GIVE(memory, kernel_tcp, 6);
    refused(BACKEND_V2, ENOTSUP, "/memory/kernelTCP", "TCP memory");
    GIVE(memory, swappiness, 0);
    refused(BACKEND_V2, ENOTSUP, "/memory/swappiness", "swappiness");
    GIVE(memory, disable_oom_killer, true);
    refused(BACKEND_V2, ENOTSUP, "/memory/disableOOMKiller", "no OOM killer");
    GIVE(memory, use_hierarchy, false);
    refused(BACKEND_V2, ENOTSUP, "/memory/useHierarchy", "no hierarchy");
    GIVE(memory, kernel, -1);
    GIVE(memory, disable_oom_killer, false);
    GIVE(memory, use_hierarchy, true);
    is_str(converted(BACKEND_V2), "", "what v2 does anyway can be asked for");
    clear();
}

static void limits_of_cpu(void)
{
    GIVE(cpu, shares, 1024);
    both("cpu.shares=1024", "cpu.weight=100", "shares");
    GIVE(cpu, shares, 0);
    both("", "", "no shares");
    GIVE(cpu, quota, 5000);
    both("cpu.cfs_quota_us=5000", "cpu.max=5000", "quota");
    GIVE(cpu, quota, -1);
    both("cpu.cfs_quota_us=-1", "cpu.max=max?", "no quota");
    GIVE(cpu, quota, 5000);
    GIVE(cpu, period, 20000);
    both("cpu.cfs_period_us=20000; cpu.cfs_quota_us=5000", "cpu.max=5000 20000", "quota, period");
    GIVE(cpu, period, 20000);
    both("cpu.cfs_period_us=20000", "cpu.max=max 20000", "period of a new cgroup");
    GIVE(cpu, period, 20000);
    now = "777 100000";
    both("cpu.cfs_period_us=20000", "cpu.max=777 20000", "period beside the present quota");
    GIVE(cpu, burst, 10);
    GIVE(cpu, idle, 1);
    both("cpu.cfs_burst_us=10; cpu.idle=1", "cpu.max.burst=10; cpu.idle=1", "burst, idle");
    GIVE(cpu, cpus, "0-3");
    GIVE(cpu, mems, "0");
    both("cpuset.cpus=0-3; cpuset.mems=0", "cpuset.cpus=0-3; cpuset.mems=0", "cpuset");
    GIVE(cpu, realtime_period, 1000);
    GIVE(cpu, realtime_runtime, 900);
    is_str(converted(BACKEND_V1), "cpu.rt_period_us=1000; cpu.rt_runtime_us=900", "realtime");
    refused(BACKEND_V2, ENOTSUP, "/cpu/realtimePeriod", "realtime");
    GIVE(cpu, realtime_runtime, 900);
    refused(BACKEND_V2, ENOTSUP, "/cpu/realtimeRuntime", "realtime");
}

static void limits_of_pids(void)
{
    both("", "", "absent");
    GIVE(pids, limit, 0);
    both("pids.max=0", "pids.max=0", "zero");
    GIVE(pids, limit, -1);
    both("pids.max=max?", "pids.max=max?", "unlimited");
    GIVE(pids, limit, 12);
    both("pids.max=12", "pids.max=12", "some");
}

#define GIVE_IO(field, n)                                                                          \
    do {                                                                                           \
        SET(&io, block_io, field);                                                                 \
        io.field = (n);                                                                            \
    } while (0)

static void limits_of_io(void)
{
    struct oci_throttle_device t[] = {{.major = 8, .minor = 0, .rate = 100},
                                      {.major = 8, .minor = 16, .rate = 0}};
    struct oci_weight_device w = {.major = 8, .weight = 500};

    GIVE_IO(weight, 10);
    both("blkio.bfq.weight|blkio.weight=10|10", "io.bfq.weight|io.weight=10|1", "weight");
    GIVE_IO(weight, 1000);
    both("blkio.bfq.weight|blkio.weight=1000|1000", "io.bfq.weight|io.weight=1000|10000", "weight");
    GIVE_IO(weight, 9);
    refused(BACKEND_V2, EINVAL, "/blockIO/weight", "too light");
    GIVE_IO(weight, 1001);
    refused(BACKEND_V1, EINVAL, "/blockIO/weight", "too heavy");
    GIVE_IO(leaf_weight, 10);
    refused(BACKEND_V2, ENOTSUP, "/blockIO/leafWeight", "leaf weight");
    io.throttle_read_bps_device = (struct oci_throttle_device_list){2, t};
    io.throttle_write_iops_device = (struct oci_throttle_device_list){1, t};
    both("blkio.throttle.read_bps_device=8:0 100; blkio.throttle.read_bps_device=8:16 0; "
         "blkio.throttle.write_iops_device=8:0 100",
         "io.max=8:0 rbps=100; io.max=8:16 rbps=max; io.max=8:0 wiops=100", "rates");
    io.weight_device = (struct oci_weight_device_list){1, &w};
    refused(BACKEND_V2, EINVAL, "/blockIO/weightDevice", "a device without a weight");
    SET(&w, weight_device, weight);
    io.weight_device = (struct oci_weight_device_list){1, &w};
    both("blkio.bfq.weight_device|blkio.weight_device=8:0 500|8:0 500",
         "io.bfq.weight|io.weight=8:0 500|8:0 4950", "weight of a device");
}

static void lists(void)
{
    struct oci_hugepage_limit h = {.page_size = "2MB", .limit = 4194304};
    struct oci_net_priority p = {.name = "eth0", .priority = 3};
    struct oci_rdma d = {.hca_handles = 2, .hca_objects = 3};
    const char *name = "mlx5_0";

    res.hugepage_limits = (struct oci_hugepage_limit_list){1, &h};
    both("hugetlb.2MB.rsvd.limit_in_bytes=4194304?; hugetlb.2MB.limit_in_bytes=4194304",
         "hugetlb.2MB.rsvd.max=4194304?; hugetlb.2MB.max=4194304", "huge pages");
    for (const char **s = (const char *[]){"../x", "2MB/..", "MB", "2mb", "", "2TB", NULL}; *s;
         s++) {
        h.page_size = *s;
        res.hugepage_limits = (struct oci_hugepage_limit_list){1, &h};
        refused(BACKEND_V2, EINVAL, "/hugepageLimits", "not a page size");
    }
    network.priorities = (struct oci_net_priority_list){1, &p};
    is_str(converted(BACKEND_V1), "net_prio.ifpriomap=eth0 3", "priorities");
    refused(BACKEND_V2, ENOTSUP, "/network/priorities", "priorities");
    p.name = "eth0 9\nlo";
    network.priorities = (struct oci_net_priority_list){1, &p};
    refused(BACKEND_V1, EINVAL, "/network/priorities", "a name of several words");
    GIVE(network, class_id, 5);
    is_str(converted(BACKEND_V1), "net_cls.classid=5", "class");
    refused(BACKEND_V2, ENOTSUP, "/network/classID", "class");
    res.rdma = (struct oci_rdma_map){1, &name, &d};
    refused(BACKEND_V2, EINVAL, "/rdma", "nothing for a device");
    SET(&d, rdma, hca_handles);
    SET(&d, rdma, hca_objects);
    res.rdma = (struct oci_rdma_map){1, &name, &d};
    both("rdma.max=mlx5_0 hca_handle=2 hca_object=3", "rdma.max=mlx5_0 hca_handle=2 hca_object=3",
         "rdma");
}

static void unified(void)
{
    static const char *const bad[] = {"../memory.max", "a/b", "", ".", "..", "cgroup.procs"};
    struct oci_str_pair p = {"memory.high", "12"};

    res.unified = (struct oci_str_map){1, &p};
    is_str(converted(BACKEND_V2), "memory.high=12", "a file");
    p = (struct oci_str_pair){"io.max", "8:0 rbps=1\n8:16 rbps=2\n"};
    is_str(converted(BACKEND_V2), "io.max=8:0 rbps=1; io.max=8:16 rbps=2", "line by line");
    refused(BACKEND_V1, ENOTSUP, "/unified", "not on v1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        p.key = bad[i];
        res.unified = (struct oci_str_map){1, &p};
        refused(BACKEND_V2, EINVAL, "/unified", "not the name of a limit");
    }
}

static void needs(void)
{
    struct oci_str_pair p = {"memory.high", "12"};

    is_int(knobs_needs(NULL, BACKEND_V2), 0, "nothing needs nothing");
    is_int(knobs_needs(&res, BACKEND_V2), 0, "empty objects too");
    GIVE(memory, limit, -1);
    is_int(knobs_needs(&res, BACKEND_V2), 0, "unlimited needs no controller");
    GIVE(memory, limit, 5);
    GIVE(pids, limit, 0);
    GIVE(cpu, cpus, "0");
    is_int(knobs_needs(&res, BACKEND_V2), BIT(CTL_MEMORY) | BIT(CTL_PIDS) | BIT(CTL_CPUSET),
           "limits do");
    clear();
    res.unified = (struct oci_str_map){1, &p};
    is_int(knobs_needs(&res, BACKEND_V2), BIT(CTL_MEMORY), "and files by their name");
    is_str(knobs_asker(&res, CTL_MEMORY), "/unified", "which are the reason then");
    clear();
    GIVE(memory, swappiness, 5);
    is_int(knobs_needs(&res, BACKEND_V2), 0, "what v2 has not needs nothing there");
    is_int(knobs_needs(&res, BACKEND_V1), BIT(CTL_MEMORY), "but on v1");
    is_str(knobs_asker(&res, CTL_MEMORY), "/memory/swappiness", "the reason");
    is_str(knobs_asker(&res, CTL_PIDS), "", "no reason");
    clear();
}

static void weights(void)
{
    static const struct {
        unsigned shares, weight;
    } known[] = {{0, 1},       {1, 1},          {2, 1},          {3, 2},
                 {4, 2},       {10, 4},         {100, 17},       {512, 59},
                 {1000, 99},   {1024, 100},     {1025, 101},     {2048, 174},
                 {10000, 627}, {262143, 10000}, {262144, 10000}, {300000, 10000}};
    uint64_t last = 1;
    bool grows = true;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ok(knob_cpu_weight(known[i].shares) == known[i].weight, "%u shares are weight %u (%u)",
           known[i].shares, known[i].weight, (unsigned)knob_cpu_weight(known[i].shares));
    for (uint64_t s = 2; s <= 262144; s++) {
        uint64_t w = knob_cpu_weight(s);
        grows &= w >= last && w <= 10000;
        last = w;
    }
    ok(grows, "more shares never weigh less");
    is_int((intmax_t)knob_io_weight(10), 1, "the lightest");
    is_int((intmax_t)knob_io_weight(100), 910, "between");
    is_int((intmax_t)knob_io_weight(1000), 10000, "the heaviest");
}

int main(void)
{
    clear();
    limits_of_memory();
    memory_of_v1();
    limits_of_cpu();
    limits_of_pids();
    limits_of_io();
    lists();
    unified();
    needs();
    weights();
    arena_free(&arena);
    return done_testing();
}
