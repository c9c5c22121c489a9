/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what systemd is told of a container's limits. rt writes the files of the cgroup itself, to
 * the digit; systemd writes them anew on daemon-reload and needs to know. Its properties are
 * modelled on the files of cgroup v2 (systemd.resource-control(5)), so the lines that the
 * conversions make for v2 are what is translated here, also those of /linux/resources/unified.
 */
#include "cgroup/devices.h"
#include "cgroup/gvariant.h"
#include "cgroup/knobs.h"
#include "cgroup/scope.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "org.systemd.property."

enum { MOST_BITS = 8192, WORD = 8 * sizeof(unsigned long), CPU_PERIOD = 100000 };

/* ---- putting properties ---- */

static void note_name(struct scope_limits *out, const char *name)
{
    const char *line = str_fmt(out->names.a, "%s\n", name);

    if (!out->names.text || !strstr(out->names.text, line))
        lines_append(&out->names, line);
}

static void open_property(struct scope_limits *out, const char *name, const char *signature)
{
    note_name(out, name);
    lines_property(&out->set, name, signature);
}

static void put_number(struct scope_limits *out, const char *name, uint64_t n)
{
    open_property(out, name, "t");
    lines_add(&out->set, "t %llu", (unsigned long long)n);
    lines_property_end(&out->set);
}

/* What systemd adds to, unless it is emptied before. */
static void put_device(struct scope_limits *out, const char *name, const char *key, uint64_t n)
{
    open_property(out, name, "a(st)");
    lines_add(&out->set, "a (st)");
    lines_add(&out->set, "r st");
    lines_string(&out->set, 's', str_fmt(out->set.a, "/dev/block/%s", key));
    lines_add(&out->set, "t %llu", (unsigned long long)n);
    lines_append(&out->set, ".\n.\n");
    lines_property_end(&out->set);
    lines_property(&out->resets, name, "a(st)");
    lines_append(&out->resets, "a (st)\n.\n");
    lines_property_end(&out->resets);
}

/* ---- translations: a line for a file of v2 to properties; what cannot be said is left out ---- */

struct translation {
    const char *file, *property;
    void (*put)(struct scope_limits *, const char *property, const char *text);
};

/* "max" is infinity. */
static bool read_number(const char *text, uint64_t *n)
{
    *n = UINT64_MAX;
    return str_eq(text, "max") || num_u64(text, n) == 0;
}

static void amount(struct scope_limits *out, const char *property, const char *text)
{
    uint64_t n;

    if (read_number(text, &n))
        put_number(out, property, n);
}

static void idle(struct scope_limits *out, const char *property, const char *text)
{
    if (str_eq(text, "1"))
        put_number(out, property, 0);
}

/* systemd counts a quota in microseconds per second and in steps of one percent; rounded up, so
 * that it never is in the way of what rt writes. */
static uint64_t per_second(uint64_t quota, uint64_t period)
{
    const uint64_t second = 1000000, step = 10000;
    uint64_t us;

    if (quota == UINT64_MAX || quota > UINT64_MAX / second)
        return UINT64_MAX;
    us = quota * second / period;
    return (us + step - 1) / step * step;
}

/* "QUOTA PERIOD", or the first alone. */
static void cpu_max(struct scope_limits *out, const char *property, const char *text)
{
    const char *blank = strchr(text, ' ');
    size_t n = blank ? (size_t)(blank - text) : strlen(text);
    uint64_t quota, period = CPU_PERIOD;

    if (!read_number(str_ndup(out->set.a, text, n), &quota) ||
        (blank && (num_u64(blank + 1, &period) < 0 || !period)))
        return;
    put_number(out, property, per_second(quota, period));
    if (blank)
        put_number(out, "CPUQuotaPeriodUSec", period);
}

/* Bytes with a bit for each number, the lowest first. */
static void bits(struct scope_limits *out, const char *property, const char *text)
{
    unsigned long mask[MOST_BITS / WORD];
    unsigned n;

    if (num_list(text, mask, MOST_BITS, &n) < 0)
        return;
    open_property(out, property, "ay");
    lines_add(&out->set, "a y");
    for (unsigned i = 0; i < n; i += 8)
        lines_add(&out->set, "y %u", (unsigned)(mask[i / WORD] >> i % WORD) & 0xff);
    lines_append(&out->set, ".\n");
    lines_property_end(&out->set);
}

/* "N", "default N" or "MAJOR:MINOR N" */
static void io_weight(struct scope_limits *out, const char *property, const char *text)
{
    const char *blank = strchr(text, ' ');
    uint64_t n;

    if (num_u64(blank ? blank + 1 : text, &n) < 0)
        return;
    if (!blank || str_starts(text, "default "))
        put_number(out, property, n);
    else
        put_device(out, "IODeviceWeight", str_ndup(out->set.a, text, (size_t)(blank - text)), n);
}

/* "MAJOR:MINOR KEY=N KEY=N" */
static void io_max(struct scope_limits *out, const char *property, const char *text)
{
    static const struct {
        const char *key, *property;
    } keys[] = {{"rbps", "IOReadBandwidthMax"},
                {"wbps", "IOWriteBandwidthMax"},
                {"riops", "IOReadIOPSMax"},
                {"wiops", "IOWriteIOPSMax"}};
    char *rest = str_dup(out->set.a, text), *device = strsep(&rest, " "), *word;

    (void)property;
    while ((word = strsep(&rest, " "))) {
        const char *key = strsep(&word, "=");
        uint64_t n;
        for (size_t i = 0; word && i < sizeof keys / sizeof *keys; i++)
            if (str_eq(key, keys[i].key) && read_number(word, &n))
                put_device(out, keys[i].property, device, n);
    }
}

static const struct translation translations[] = {
    {"cpuset.cpus", "AllowedCPUs", bits},
    {"cpuset.mems", "AllowedMemoryNodes", bits},
    {"memory.max", "MemoryMax", amount},
    {"memory.high", "MemoryHigh", amount},
    {"memory.low", "MemoryLow", amount},
    {"memory.min", "MemoryMin", amount},
    {"memory.swap.max", "MemorySwapMax", amount},
    {"cpu.weight", "CPUWeight", amount},
    {"cpu.idle", "CPUWeight", idle},
    {"cpu.max", "CPUQuotaPerSecUSec", cpu_max},
    {"pids.max", "TasksMax", amount},
    {"io.weight", "IOWeight", io_weight},
    {"io.max", "", io_max},
};

static void translate(struct scope_limits *out, const char *file, const char *text)
{
    for (size_t i = 0; i < sizeof translations / sizeof *translations; i++)
        if (str_eq(file, translations[i].file))
            translations[i].put(out, translations[i].property, text);
}

/* A weight of I/O has two files with a scale each; IOWeight has that of io.weight. */
static void translate_setting(struct scope_limits *out, const struct setting *s)
{
    if (s->other_file && str_eq(s->other_file, "io.weight"))
        translate(out, s->other_file, s->other_value);
    else
        translate(out, s->file, s->value);
}

/* ---- what the conversions look up, in the words of v2 ---- */

static const char *read_from(struct cgroup *cg, struct arena *a, enum ctl ctl, const char *file)
{
    struct hier *h = hier_of(cg, ctl);
    char buf[256];

    if (!h || h->fd < 0 || cg_read(h->fd, file, buf, sizeof buf) < 0)
        return NULL;
    return str_dup(a, buf);
}

/* "QUOTA PERIOD" out of the two files of v1. */
static const char *read_cpu_max(struct cgroup *cg, struct arena *a)
{
    const char *quota = read_from(cg, a, CTL_CPU, "cpu.cfs_quota_us");
    const char *period = read_from(cg, a, CTL_CPU, "cpu.cfs_period_us");

    if (!quota || !period)
        return NULL;
    return str_fmt(a, "%s %s", str_eq(quota, "-1") ? "max" : quota, period);
}

static const char *read_present(const void *arg, struct arena *a, enum ctl ctl, const char *file)
{
    struct cgroup *cg = *(struct cgroup *const *)arg;
    const char *text = read_from(cg, a, ctl, file);

    if (!text && str_eq(file, "memory.max"))
        text = read_from(cg, a, ctl, "memory.limit_in_bytes");
    if (!text && str_eq(file, "cpu.max"))
        text = read_cpu_max(cg, a);
    return text && str_eq(text, "-1") ? "max" : text;
}

/* ---- device rules, where the hierarchy has them in a list that systemd writes, too ---- */

static void put_policy(struct scope_limits *out, const char *policy)
{
    open_property(out, "DevicePolicy", "s");
    lines_string(&out->set, 's', policy);
    lines_property_end(&out->set);
}

static const char *device_name(struct arena *a, const struct dev_rule *d)
{
    const char *kind = d->type == 'b' ? "block" : "char";

    if (d->major == DEV_ANY)
        return str_fmt(a, "%s-*", kind);
    if (d->minor == DEV_ANY)
        return str_fmt(a, "%s-%lld", kind, (long long)d->major);
    return str_fmt(a, "/dev/%s/%lld:%lld", kind, (long long)d->major, (long long)d->minor);
}

static void put_rule(struct scope_limits *out, const struct dev_rule *d)
{
    char access[4], *p = access;

    if (d->access & DEV_READ)
        *p++ = 'r';
    if (d->access & DEV_WRITE)
        *p++ = 'w';
    if (d->access & DEV_MKNOD)
        *p++ = 'm';
    *p = '\0';
    lines_add(&out->set, "r ss");
    lines_string(&out->set, 's', device_name(out->set.a, d));
    lines_string(&out->set, 's', access);
    lines_append(&out->set, ".\n");
}

static void put_devices(struct scope_limits *out, const struct dev_list *l)
{
    static const char empty[] = "a (ss)\n.\n";

    put_policy(out, l->all ? "auto" : "strict");
    note_name(out, "DeviceAllow");
    lines_property(&out->set, "DeviceAllow", "a(ss)");
    lines_append(&out->set, empty);
    lines_property_end(&out->set);
    if (l->all)
        return;
    open_property(out, "DeviceAllow", "a(ss)");
    lines_add(&out->set, "a (ss)");
    for (size_t i = 0; i < l->n; i++)
        put_rule(out, &l->v[i]);
    lines_append(&out->set, ".\n");
    lines_property_end(&out->set);
    lines_property(&out->resets, "DeviceAllow", "a(ss)");
    lines_append(&out->resets, empty);
    lines_property_end(&out->resets);
}

static int device_limits(struct cgroup *cg, struct arena *a, const struct oci_resources *r,
                         bool fresh, struct scope_limits *out, struct err *e)
{
    struct hier *h = hier_of(cg, CTL_DEVICES);
    struct dev_rules rules;
    struct dev_list list;
    int done;

    if (!h || !h->kind->device_list || h->skipped || (!fresh && !(r && r->devices.n)))
        return 0;
    done = devices_rules(a, r, &rules, e);
    if (done == 0)
        done = devices_list(a, &rules, &list, e);
    if (done == 0)
        put_devices(out, &list);
    return done;
}

/* ---- the whole ---- */

int scope_limits(struct cgroup *cg, struct arena *a, const struct oci_resources *r, bool fresh,
                 struct scope_limits *out, struct err *e)
{
    struct knob_env env = {.a = a, .r = r, .systemd_only = true};
    struct settings set = {0};
    int done = 0;

    *out = (struct scope_limits){.set.a = a, .names.a = a, .resets.a = a};
    for (size_t i = 0; i <= CTLS; i++)
        env.backend[i] = BACKEND_V2;
    if (!fresh)
        env.present = (struct present){read_present, &cg};
    if (r)
        done = knobs_convert(&env, ~0U, &set, e);
    for (size_t i = 0; done == 0 && i < set.n; i++)
        translate_setting(out, &set.v[i]);
    return done < 0 ? done : device_limits(cg, a, r, fresh, out, e);
}

/* ---- annotations ---- */

static bool is_letters(const char *s)
{
    size_t n = 0;

    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z'))
        n++;
    return n >= 3 && !s[n];
}

/* Seconds, with or without a type or a fraction, to microseconds. */
static int put_seconds(struct lines *out, const char *name, const char *value, struct err *e)
{
    char signature[SIGNATURE_MAX], buf[64];
    struct lines scratch = {.a = out->a};
    size_t stem = strlen(name) - (sizeof "Sec" - 1);
    double seconds;
    int r = gvariant_parse(value, signature, &scratch, e);

    if (r < 0)
        return r;
    if (signature[1] || !strchr("ynqiuxtd", signature[0]) ||
        sscanf(scratch.text + 2, "%lf", &seconds) != 1 || seconds < 0 || seconds > 1e12)
        return refuse(e, EINVAL, "expected a number of seconds");
    snprintf(buf, sizeof buf, "%.*sUSec", (int)stem, name);
    lines_property(out, buf, "t");
    lines_add(out, "t %.0f", seconds * 1e6);
    lines_property_end(out);
    return 0;
}

static int put_value(struct lines *out, const char *name, const char *value, struct err *e)
{
    char signature[SIGNATURE_MAX];
    struct lines inner = {.a = out->a};
    int r = gvariant_parse(value, signature, &inner, e);

    if (r < 0)
        return r;
    lines_property(out, name, signature);
    lines_append(out, inner.text);
    lines_property_end(out);
    return 0;
}

static int put_annotation(struct lines *out, const char *name, const char *value, struct err *e)
{
    size_t n = strlen(name);

    if (!is_letters(name) || n > 60)
        return refuse(e, EINVAL, "the name of a property is three letters or more");
    if (str_eq(name, "PIDs") || str_eq(name, "Slice"))
        return refuse(e, EINVAL, "cgroupsPath decides on that, not an annotation");
    if (n > 3 && str_eq(name + n - 3, "Sec") && !(n > 4 && str_eq(name + n - 4, "USec")))
        return put_seconds(out, name, value, e);
    return put_value(out, name, value, e);
}

int scope_annotations(struct arena *a, const struct oci_str_map *annotations, const char **text,
                      struct err *e)
{
    struct lines out = {.a = a};

    for (size_t i = 0; i < annotations->n; i++) {
        const char *key = annotations->v[i].key, *value = annotations->v[i].value;
        if (!str_starts(key, PREFIX))
            continue;
        if (put_annotation(&out, key + sizeof PREFIX - 1, value ? value : "", e) < 0)
            return err_at(e, "/annotations/%.100s", key);
    }
    *text = out.text ? out.text : "";
    return 0;
}
