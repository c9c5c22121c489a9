# SPDX-License-Identifier: Apache-2.0
"""Tables, plots and docs/performance.md out of the raw data of tests/bench/run."""

import os

import plot

ORDER = ["rt", "floor", "crun", "runc", "true"]
COMMANDS = ["run", "create+start+delete", "exec", "state", "list", "kill", "spec"]


# ---- statistics ----

def median(values):
    values = sorted(values)
    n = len(values)
    return values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) / 2


def mad(values):
    """Median absolute deviation: half of all values are that near to the median."""
    middle = median(values)
    return median([abs(v - middle) for v in values])


def ms(rows):
    """Of rounds in which nobody else forked much: others' work would be measured, too."""
    least = min(r["forks"] for r in rows)
    clean = [r["ms"] for r in rows if r["forks"] <= least + max(1, least // 4)]
    return clean if len(clean) >= len(rows) // 2 else [r["ms"] for r in rows]


def peak(rows):
    return max(r["rss"] for r in rows)


class Goal:
    """One line of the table of goals."""

    def __init__(self, number, what, want, got, unit="", at_most=True):
        self.number, self.what, self.want, self.got = number, what, want, got
        self.unit, self.at_most = unit, at_most

    @property
    def met(self):
        return self.got <= self.want if self.at_most else self.got >= self.want

    def row(self):
        sign = "≤" if self.at_most else "≥"
        return (f"| {self.number} | {self.what} | {sign} {self.want:g}{self.unit} "
                f"| {self.got:.3g}{self.unit} | {'yes' if self.met else '**no**'} |")


# ---- goals ----

def ratio(variants, one, other):
    return median(ms(variants[one])) / median(ms(variants[other]))


def goals_of_times(layout, times):
    goals = []
    run = times["run"]
    goals.append(Goal(1, f"`run`, {layout}, to the floor", 1.25, ratio(run, "rt", "floor"), " ×"))
    if "crun" in run:
        goals.append(Goal(1, f"`run`, {layout}, to crun", 0.45, ratio(run, "rt", "crun"), " ×"))
    limits = {"create+start+delete": 0.45, "exec": 0.4}
    for name, limit in limits.items():
        if "crun" in times.get(name, {}):
            goals.append(Goal(2, f"`{name}`, {layout}, to crun", limit,
                              ratio(times[name], "rt", "crun"), " ×"))
    for name in ("state", "list", "kill"):
        goals.append(Goal(2, f"`{name}`, {layout}, to /bin/true", 1.3,
                          ratio(times[name], "rt", "true"), " ×"))
    return goals


def goals_of_seccomp(layout, seen):
    if "seccomp" not in seen:
        return []
    v = seen["seccomp"]["rt"]
    added = (median(ms(v["with"])) / median(ms(v["without"])) - 1) * 100
    goals = [Goal(3, f"what the default seccomp profile adds to `run`, {layout}", 5, added, " %")]
    calls = seen["syscalls"]
    if "crun with the profile" in calls:
        for call in ("getppid", "close", "personality"):
            ours = calls["rt with the profile"][call]
            theirs = calls["crun with the profile"][call]
            goals.append(Goal(7, f"`{call}` behind the filter, {layout}, to crun's filter", 1.02,
                              ours / theirs, " ×"))
    return goals


def goals_of_memory(layout, seen):
    worst = max(peak(v["rt"]) for v in seen["times"].values())
    goals = [Goal(4, f"peak memory of any rt process, {layout}", 1.6, worst / 1024, " MiB")]
    if "smallest_limit_kib" in seen:
        goals.append(Goal(4, f"smallest memory limit that runs /bin/true, {layout}", 256,
                          seen["smallest_limit_kib"]["rt"], " KiB"))
    return goals


def ends(points):
    """Medians of the first and the last tenth."""
    points = sorted(points, key=lambda p: p["n"])
    tenth = max(1, len(points) // 10)
    return (median([p["ms"] for p in points[:tenth]]), median([p["ms"] for p in points[-tenth:]]))


def goals_of_growth(layout, seen):
    goals = []
    if "growth" in seen:
        first, last = ends(seen["growth"]["create"])
        n = len(seen["growth"]["create"])
        goals.append(Goal(5, f"the {n}th `create` to the first, {layout}", 1.1, last / first, " ×"))
        before, after = ends(seen["growth"]["floor"])
        goals.append(Goal(5, f"the same without what the floor grows by, {layout}", 1.1,
                          (last - (after - before)) / first, " ×"))
        goals.append(Goal(5, f"`list` of {n} containers, {layout}", 30,
                          ends(seen["growth"]["list"])[1], " ms"))
    if "host_mounts" in seen:
        h = seen["host_mounts"]
        grown = {k: median(ms(h["after"][k])) - median(ms(h["before"][k])) for k in ("rt", "floor")}
        goals.append(Goal(5, f"growth of `run` by {h['n']} mounts on the host, {layout}, to the "
                             "floor's", 1.1, grown["rt"] / grown["floor"], " ×"))
    return goals


def goals_of_throughput(layout, seen):
    goals = []
    if "throughput_per_second" in seen:
        t = seen["throughput_per_second"]["rt"]
        goals.append(Goal(6, f"8 creations side by side to one after another, {layout}", 1.7,
                          median(t["parallel"]) / median(t["serial"]), " ×", at_most=False))
    if "relay" in seen:
        goals.append(Goal(7, f"output through a pipe, {layout}", 1.0,
                          seen["relay"]["pipe"]["gb_per_s"], " GB/s", at_most=False))
    if "stopped_reader" in seen:
        for name, r in seen["stopped_reader"].items():
            goals.append(Goal(7, f"memory for 10 GB to a stopped reader by a {name}, {layout}", 0,
                              r["last_rss_kib"] - r["first_rss_kib"], " KiB"))
    return goals


def all_goals(data):
    goals = []
    for layout, seen in data["layouts"].items():
        if "times" in seen:
            goals += goals_of_times(layout, seen["times"]) + goals_of_memory(layout, seen)
        goals += goals_of_seccomp(layout, seen) + goals_of_growth(layout, seen)
        goals += goals_of_throughput(layout, seen)
    return sorted(goals, key=lambda g: g.number)


# ---- tables ----

def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(r) + " |" for r in rows] + [""]


def times_table(layout, times):
    rows = []
    for command in COMMANDS:
        variants = times.get(command, {})
        for who in [w for w in ORDER if w in variants]:
            v, every = ms(variants[who]), variants[who]
            base = median(ms(variants["rt"]))
            rows.append([f"`{command}`" if who == "rt" else "", who, f"{median(v):.2f}",
                         f"{mad(v):.2f}", f"{min(v):.2f}", f"{base / median(v):.2f}",
                         f"{median([r['user'] + r['sys'] for r in every]):.2f}",
                         f"{peak(every)}", f"{int(median([r['faults'] for r in every]))}",
                         str(sum(r["failed"] for r in every))])
    return [f"### cgroup {layout}", ""] + table(
        ["command", "of", "median ms", "MAD", "least", "rt to it", "CPU ms", "peak RSS KiB",
         "page faults", "failed"], rows)


def small_tables(layout, seen):
    out = []
    if "seccomp" in seen:
        rows = []
        for who, v in seen["seccomp"].items():
            without, with_it = median(ms(v["without"])), median(ms(v["with"]))
            rows.append([who, f"{without:.2f}", f"{with_it:.2f}",
                         f"{(with_it / without - 1) * 100:+.1f} %"])
        out += [f"### The engines' default seccomp profile, {layout}", ""] + table(
            ["runtime", "`run` without, ms", "with, ms", "added"], rows)
        rows = [[who, *(f"{c[k]:.0f}" for k in ("getppid", "close", "personality"))]
                for who, c in seen["syscalls"].items()]
        out += table(["where", "getppid, ns", "close", "personality (checked by argument)"], rows)
    if "smallest_limit_kib" in seen:
        out += [f"### Smallest memory limit that runs /bin/true, {layout}", ""] + table(
            ["runtime", "KiB"], [[k, str(v)] for k, v in seen["smallest_limit_kib"].items()])
    if "throughput_per_second" in seen:
        rows = [[k, f"{median(t['serial']):.0f}", f"{median(t['parallel']):.0f}",
                 f"{median(t['parallel']) / median(t['serial']):.2f}"]
                for k, t in seen["throughput_per_second"].items()]
        out += [f"### Creations per second, {layout}", ""] + table(
            ["runtime", "one after another", "8 side by side", "ratio"], rows)
    if "relay" in seen:
        rows = [[k, f"{r['gb_per_s']:.2f}", str(r["peak_rss_kib"]),
                 str(seen["stopped_reader"][k]["last_rss_kib"] -
                     seen["stopped_reader"][k]["first_rss_kib"])]
                for k, r in seen["relay"].items()]
        out += [f"### Output in the foreground, {layout}", ""] + table(
            ["by", "GB/s", "peak RSS of rt, KiB", "growth with a stopped reader, KiB"], rows)
    if "host_mounts" in seen:
        h = seen["host_mounts"]
        rows = [[k, f"{median(ms(h['before'][k])):.2f}", f"{median(ms(h['after'][k])):.2f}"]
                for k in ("rt", "floor")]
        out += [f"### {h['n']} mounts on the host, {layout}", ""] + table(
            ["", "`run` before, ms", "with them, ms"], rows)
    return out


# ---- where the time goes ----

def trace_rows(runs, key, begin_of, length_of):
    """Medians by row, in the order of their beginning."""
    seen = {}
    for run in runs:
        for e in run:
            seen.setdefault((e["role"], e["row"]), []).append(e)
    rows = [(row, role, median([begin_of(e) for e in v]), median([length_of(e) for e in v]))
            for (role, row), v in seen.items()]
    return sorted(rows, key=key)


def floor_spans(run):
    """A mark is the end of what began at the mark before, of the same process."""
    last, out = {}, []
    for m in run:
        begin = last.get(m["role"], m["end"])
        last[m["role"]] = m["end"]
        out.append({"row": m["row"], "role": m["role"], "begin": begin,
                    "us": m["end"] - begin})
    return out


def trace_plots(layout, trace, folder):
    def begin(e):
        return e["begin"]

    def length(e):
        return e["us"]

    rt = trace_rows(trace["rt"], lambda r: r[2], begin, length)
    floor = trace_rows([floor_spans(r) for r in trace["floor"]], lambda r: r[2], begin, length)
    return [plot.timeline(os.path.join(folder, f"trace-rt-{layout}.svg"),
                          f"Where the time of rt run goes, cgroup {layout}: medians by row",
                          [r for r in rt if r[3] >= 1]),
            plot.timeline(os.path.join(folder, f"trace-floor-{layout}.svg"),
                          f"Where the floor's time goes, cgroup {layout}",
                          [r for r in floor if r[3] > 0])]


def slow_rows(layout, trace):
    rows = trace_rows(trace["rt"], lambda r: -r[3], lambda e: e["begin"], lambda e: e["us"])
    return [f"### Rows of more than 50 µs, {layout}", ""] + table(
        ["row", "process", "median µs"],
        [[r[0], r[1], f"{r[3]:.0f}"] for r in rows if r[3] > 50])


# ---- plots ----

def thinned(points, most=500):
    """Every so many, so that a picture stays small."""
    return points[::max(1, len(points) // most)]


def plots(data, folder, commands=tuple(COMMANDS)):
    files = []
    for layout, seen in data["layouts"].items():
        for command in commands:
            variants = seen.get("times", {}).get(command)
            if variants:
                name = f"{command.replace('+', '-')}-{layout}.svg"
                files.append(plot.strips(
                    os.path.join(folder, name), f"{command}, cgroup {layout}: each round a point",
                    {w: ms(variants[w]) for w in ORDER if w in variants}))
        if "growth" in seen:
            g = seen["growth"]
            files.append(plot.lines(
                os.path.join(folder, f"growth-{layout}.svg"),
                f"Growth over containers that exist, cgroup {layout}",
                {"create (rt)": [(p["n"], p["ms"]) for p in thinned(g["create"])],
                 "floor (run)": [(p["n"], p["ms"]) for p in g["floor"]],
                 "list (rt)": [(p["n"], p["ms"]) for p in g["list"]]}, "containers", "ms"))
        if "trace" in seen:
            files += trace_plots(layout, seen["trace"], folder)
    return files


# ---- the documents ----

INTRO = """# Performance

Made by `tests/bench/run --document` and not by hand. `tests/bench/run` measures again on any
machine: it installs the peers (crun and runc of Debian), builds the floor, and runs everything in
mount namespaces of its own.

The **floor** (`tests/bench/floor.c`) does only what the kernel has to do for the same bundle: the
same namespaces, mounts, masks, cgroup, capabilities and program, without reading config.json,
without checks, records or error handling. All variants of a measure run interleaved, in a new
random order each round, after a wait for a moment in which nothing else runs; rounds in which
others forked are left out. Figures are medians; MAD is the median absolute deviation. Peak memory
is that of the largest process of a command, as the kernel counts it (`ru_maxrss`).
"""

REASONS = """## What falls short, and why

- A ratio to the floor contains all that makes a runtime one: reading and checking config.json,
  the record on disk (which is what `state`, `list` and `delete` live from), the protection of
  rt's own executable, and being told of the end by a signal that is relayed.
- `run` overlaps work: the network namespace is made on another processor. Where all processors
  are busy this gains nothing, and the measures above come nearer to the sum of the work. Look at
  the load average above before comparing: on a busy machine medians say more of the others. For
  the same reason several at once gain less than a factor of the processors: one after another uses
  more than one already (the CPU time of `run` is more than its median).
- The directories of cgroup v1, one for each hierarchy, are made before the clone, so that init can
  join them by inherited descriptors; the floor makes them beside its child's mounts.
- A seccomp profile is compiled while init makes its mounts. What a `run` still waits for is the
  reading of its JSON, five times as long as the rest of config.json, and the kernel, which checks
  and translates the program and asks it about every system call.
- Growth: each network namespace, mount and process that exists makes the next one dearer in the
  kernel; the floor's curve in the plot shows how much, and a line of the table takes it away.
  `list` reads a record and looks at a process for each container.
- Without a terminal the container writes to the caller's pipe itself and rt copies nothing. With
  one, the kernel's terminal sets the pace, far below a pipe's.
- Rows of more than 50 µs in the traces are waits for other processes (`running`, `ready`,
  `limited`, `enter_network`, `end_network`) or calls whose time is the kernel's: clone3, the
  directories of cgroup v1, the load of the device program of cgroup v2, mounts, execve.
"""


def machine_lines(data):
    m = data["machine"]
    out = [f"Measured on {m['when']}: Linux {m['kernel']}, {m['cpus']} processors ({m['cpu']}"
           f"{', in a virtual machine' if m['virtual'] else ''}), {m['memory']} of memory; "
           f"{m['versions']['crun']}, {m['versions']['runc'].replace('version ', '')}. "
           f"{data['settings']['rounds']} rounds. Load average {m['load'][0]:.1f} before"
           f" and {m.get('load_after', m['load'])[0]:.1f} after (the benchmark's own included).",
           ""]
    for seen in data["layouts"].values():
        out += [f"- {n}" for n in seen["notes"]] + ([""] if seen["notes"] else [])
    return out


def goals_table(goals):
    met = sum(g.met for g in goals)
    return ["## Goals", "", f"{met} of {len(goals)} figures are within their goal.", "",
            "| goal | what | wanted | seen | met |", "|---|---|---|---|---|",
            *[g.row() for g in goals], ""]


def picture_lines(files, where):
    return ["## Plots", ""] + [
        f"![{os.path.basename(f)[:-4]}]({where}{os.path.basename(f)})" for f in files] + [""]


def document(data, files, where):
    lines = [INTRO] + machine_lines(data) + goals_table(all_goals(data)) + [REASONS, "## Times", ""]
    for layout, seen in data["layouts"].items():
        if "times" in seen:
            lines += times_table(layout, seen["times"])
        lines += small_tables(layout, seen)
        if "trace" in seen:
            lines += slow_rows(layout, seen["trace"])
    return "\n".join(lines + picture_lines(files, where)).rstrip() + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def write_reports(data, out, docs):
    """The files written. With `docs` also docs/performance.md and its pictures."""
    files = plots(data, out)
    written = files + [write(os.path.join(out, "table.md"), document(data, files, "")),
                       os.path.join(out, "raw.json")]
    if docs:
        folder = os.path.join(docs, "performance")
        os.makedirs(folder, exist_ok=True)
        pictures = plots(data, folder, COMMANDS[:3])
        written += pictures + [write(os.path.join(docs, "performance.md"),
                                     document(data, pictures, "performance/"))]
    return written
