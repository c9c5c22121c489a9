# SPDX-License-Identifier: Apache-2.0
"""What is asked for and what the kernel's files say then: a case per row of knobs.def.

A case has steps: the first is asked for in config.json, the others by `update`, as a JSON document
or as options. Each says what the file of cgroup v1 and that of v2 holds afterwards: a line of it,
or by file where the table has several. None: that version has no counterpart, and the step is
refused. The last is the property of the unit where systemd is the manager."""

import glob
import os

M = 1 << 20
CASES = {}
FINE = "accepted, as it is so anyway"


class Step:
    def __init__(self, what, v1, v2, unit=None):
        self.what, self.unit = what, unit
        self.expected = {"v1": v1, "v2": v2}


def case(name, *steps, disk=None, refusal=None):
    """disk: a step's values are functions of a disk; its name is the scheduler or "any".
    refusal: a function that says why this machine's kernel must refuse the first step, or None."""
    CASES[name] = {"steps": [Step(*s) for s in steps], "disk": disk, "refusal": refusal}


def page_size():
    """The smallest huge page, as names of files spell it."""
    sizes = sorted(int(f.rsplit("-", 1)[1][:-2]) for f in
                   glob.glob("/sys/kernel/mm/hugepages/hugepages-*kB"))
    if not sizes:
        return "2MB"
    return f"{sizes[0] >> 10}MB" if sizes[0] >> 10 else f"{sizes[0]}KB"


def cpus(n):
    return "0" if n == 1 or os.cpu_count() == 1 else f"0-{min(n, os.cpu_count()) - 1}"


def memory(**kw):
    return {"memory": kw}


def cpu(**kw):
    return {"cpu": kw}


# ---- cpuset ----

case("cpu.cpus",
     (cpu(cpus="0"), "0", "0", {"AllowedCPUs": "0"}),
     (cpu(cpus=cpus(2)), cpus(2), cpus(2), {"AllowedCPUs": cpus(2)}),
     (["--cpuset-cpus", "0"], "0", "0", {"AllowedCPUs": "0"}))
case("cpu.mems",
     (cpu(mems="0"), "0", "0", {"AllowedMemoryNodes": "0"}),
     (cpu(mems="0"), "0", "0"),
     (["--cpuset-mems", "0"], "0", "0"))

# ---- memory ----

case("memory.limit",
     (memory(limit=64 * M), 64 * M, 64 * M, {"MemoryMax": 64 * M}),
     (memory(limit=96 * M), 96 * M, 96 * M, {"MemoryMax": 96 * M}),
     (["--memory", "128M"], 128 * M, 128 * M, {"MemoryMax": 128 * M}),
     (["--memory", "-1"], 9223372036854771712, "max", {"MemoryMax": "infinity"}))
case("memory.swap",
     (memory(limit=64 * M, swap=128 * M), 128 * M, 64 * M, {"MemorySwapMax": 64 * M}),
     (memory(limit=64 * M, swap=64 * M), 64 * M, 0, {"MemorySwapMax": 0}),
     (memory(limit=64 * M, swap=96 * M), 96 * M, 32 * M, {"MemorySwapMax": 32 * M}),
     (["--memory-swap", "160M"], 160 * M, 96 * M, {"MemorySwapMax": 96 * M}),
     (["--memory-swap", "-1"], 9223372036854771712, "max", {"MemorySwapMax": "infinity"}))
case("memory.reservation",
     (memory(reservation=32 * M), 32 * M, 32 * M, {"MemoryLow": 32 * M}),
     (memory(reservation=48 * M), 48 * M, 48 * M, {"MemoryLow": 48 * M}),
     (["--memory-reservation", "16M"], 16 * M, 16 * M, {"MemoryLow": 16 * M}))
case("memory.kernel",
     (memory(kernel=64 * M), 64 * M, None),
     refusal="since Linux 5.16")
case("memory.kernel_tcp",
     (memory(kernelTCP=64 * M), 64 * M, None),
     (memory(kernelTCP=96 * M), 96 * M, None),
     refusal="memory.kmem.tcp.limit_in_bytes")
case("memory.swappiness",
     (memory(swappiness=7), 7, None),
     (memory(swappiness=100), 100, None))
case("memory.disable_oom_killer",
     (memory(disableOOMKiller=True), "oom_kill_disable 1", None),
     (memory(disableOOMKiller=False), "oom_kill_disable 0", None))
case("memory.use_hierarchy",
     (memory(useHierarchy=True), 1, FINE),
     (memory(useHierarchy=True), 1, FINE))

# ---- cpu ----

case("cpu.shares",
     (cpu(shares=512), 512, 59, {"CPUWeight": 59}),
     (cpu(shares=2048), 2048, 174, {"CPUWeight": 174}),
     (["--cpu-share", "1024"], 1024, 100, {"CPUWeight": 100}))
case("cpu.period",
     (cpu(period=50000), 50000, "max 50000"),
     (cpu(period=80000), 80000, "max 80000"),
     (["--cpu-period", "40000"], 40000, "max 40000"))
case("cpu.quota",
     (cpu(quota=30000, period=60000), 30000, "30000 60000", {"CPUQuotaPerSecUSec": "500ms"}),
     (cpu(quota=15000), 15000, "15000 60000", {"CPUQuotaPerSecUSec": "250ms"}),
     (["--cpu-quota", "60000"], 60000, "60000 60000", {"CPUQuotaPerSecUSec": "1s"}),
     (["--cpu-quota", "-1"], -1, "max 60000", {"CPUQuotaPerSecUSec": "infinity"}))
case("cpu.burst",
     (cpu(quota=30000, burst=10000), 10000, 10000),
     (cpu(burst=5000), 5000, 5000),
     (["--cpu-burst", "7000"], 7000, 7000))
case("cpu.realtime_period",
     (cpu(realtimePeriod=500000), 500000, None),
     (cpu(realtimePeriod=400000), 400000, None),
     (["--cpu-rt-period", "800000"], 800000, None))
case("cpu.realtime_runtime",
     (cpu(realtimeRuntime=1000), 1000, None),
     (cpu(realtimeRuntime=2000), 2000, None),
     (["--cpu-rt-runtime", "3000"], 3000, None))
case("cpu.idle",
     (cpu(idle=1), 1, 1),
     (cpu(idle=0), 0, 0),
     (["--cpu-idle", "1"], 1, 1))

# ---- processes ----

case("pids.limit",
     ({"pids": {"limit": 20}}, 20, 20, {"TasksMax": 20}),
     ({"pids": {"limit": -1}}, "max", "max", {"TasksMax": "infinity"}),
     (["--pids-limit", "30"], 30, 30, {"TasksMax": 30}))

# ---- block I/O ----

WEIGHTS = ({"blkio.bfq.weight": 300, "blkio.weight": 300},
           {"io.bfq.weight": "default 300", "io.weight": "default 2930"})
OTHER_WEIGHTS = ({"blkio.bfq.weight": 1000, "blkio.weight": 1000},
                 {"io.bfq.weight": "default 1000", "io.weight": "default 10000"})
case("block_io.weight",
     ({"blockIO": {"weight": 300}}, *WEIGHTS, {"IOWeight": 2930}),
     ({"blockIO": {"weight": 1000}}, *OTHER_WEIGHTS, {"IOWeight": 10000}),
     (["--blkio-weight", "300"], *WEIGHTS, {"IOWeight": 2930}))
case("block_io.leaf_weight",
     ({"blockIO": {"leafWeight": 300}}, 300, None),
     ({"blockIO": {"leafWeight": 400}}, 400, None))


def on(disk, key, **kw):
    return {"blockIO": {key: [{"major": disk.major, "minor": disk.minor, **kw}]}}


def weight_step(n, of_v2):
    return (lambda d: on(d, "weightDevice", weight=n),
            lambda d: f"{d.number} {n}",
            lambda d: {"io.bfq.weight": f"{d.number} {n}", "io.weight": f"{d.number} {of_v2}"},
            lambda d: {"IODeviceWeight": f"/dev/block/{d.number} {of_v2}"})


def throttle(name, key, word, prop):
    def step(rate):
        rates = {w: "max" for w in ("rbps", "wbps", "riops", "wiops")}
        if rate:
            rates[word] = rate
        line = " ".join(f"{k}={v}" for k, v in rates.items())
        return (lambda d: on(d, key, rate=rate),
                lambda d: f"{d.number} {rate}" if rate else lambda text: d.number not in text,
                lambda d: f"{d.number} {line}" if rate else lambda text: d.number not in text,
                (lambda d: {prop: f"/dev/block/{d.number} {rate}"}) if rate else None)
    case(name, step(1048576), step(2097152), step(0), disk="any")


case("weight_device", weight_step(300, 2930), weight_step(500, 4950), disk="bfq")
throttle("throttle_read_bps_device", "throttleReadBpsDevice", "rbps", "IOReadBandwidthMax")
throttle("throttle_write_bps_device", "throttleWriteBpsDevice", "wbps", "IOWriteBandwidthMax")
throttle("throttle_read_iops_device", "throttleReadIOPSDevice", "riops", "IOReadIOPSMax")
throttle("throttle_write_iops_device", "throttleWriteIOPSDevice", "wiops", "IOWriteIOPSMax")

# ---- others ----


def huge(n):
    size = page_size()
    return ({"hugepageLimits": [{"pageSize": size, "limit": n}]},
            {f"hugetlb.{size}.{f}limit_in_bytes": n for f in ("rsvd.", "")},
            {f"hugetlb.{size}.{f}max": n for f in ("rsvd.", "")})


case("hugepage_limits", huge(1 << 30), huge(2 << 30))
case("network.class_id",
     ({"network": {"classID": 0x100001}}, 0x100001, None),
     ({"network": {"classID": 0x100002}}, 0x100002, None))
case("priorities",
     ({"network": {"priorities": [{"name": "lo", "priority": 3}]}}, "lo 3", None),
     ({"network": {"priorities": [{"name": "lo", "priority": 5}]}}, "lo 5", None))


def rdma_device():
    found = sorted(os.listdir("/sys/class/infiniband")) if os.path.isdir(
        "/sys/class/infiniband") else []
    return found[0] if found else "none0"


def rdma(handles, objects):
    line = f"{rdma_device()} hca_handle={handles} hca_object={objects}"
    return ({"rdma": {rdma_device(): {"hcaHandles": handles, "hcaObjects": objects}}}, line, line)


case("rdma", rdma(3, 10000), rdma(5, 20000),
     refusal=None if rdma_device() != "none0" else "No such device")

# Several files at once. What systemd has a property for is asked for by that.
case("unified",
     ({"unified": {"memory.high": str(96 * M), "pids.max": "40", "cgroup.max.depth": "7"}}, None,
      {"memory.high": 96 * M, "pids.max": 40, "cgroup.max.depth": 7}),
     ({"unified": {"memory.high": "max", "pids.max": "50"}}, None,
      {"memory.high": "max", "pids.max": 50}))
