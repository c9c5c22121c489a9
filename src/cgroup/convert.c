/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the conversions: from a value of linux.resources to a line of text for a file. No file is
 * touched here but through env->present. Which row has which conversion says knobs.def.
 */
#include "cgroup/convert.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- putting settings ---- */

static struct setting *add(struct conv *c)
{
    struct settings *s = c->out;

    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 16;
        struct setting *v = arena_array(c->env->a, room, sizeof *v);
        if (s->n)
            memcpy(v, s->v, s->n * sizeof *v);
        s->v = v;
        s->room = room;
    }
    s->v[s->n] = (struct setting){.at = c->row->pointer, .ctl = c->row->ctl};
    return &s->v[s->n++];
}

/* c->file may be "first|second": the second is for where the first does not exist. */
static struct setting *put(struct conv *c, const char *value)
{
    const char *bar = strchr(c->file, '|');
    struct setting *s = add(c);

    s->file = bar ? str_ndup(c->env->a, c->file, (size_t)(bar - c->file)) : c->file;
    s->value = value;
    if (bar) {
        s->other_file = bar + 1;
        s->other_value = value;
    }
    return s;
}

static struct setting *put_number(struct conv *c, int64_t n)
{
    return put(c, str_fmt(c->env->a, "%lld", (long long)n));
}

/* Unlimited is what a new cgroup is, so a missing file is no loss. */
static void put_unlimited(struct conv *c)
{
    put(c, c->backend == BACKEND_V1 ? "-1" : "max")->optional = true;
}

static int refuse_value(struct conv *c, const char *why)
{
    refuse(c->e, EINVAL, "%s", why);
    return err_at(c->e, "/linux/resources%s", c->row->pointer);
}

static int no_counterpart(struct conv *c)
{
    refuse(c->e, ENOTSUP, "cgroup v2 has no counterpart to this setting of cgroup v1");
    err_hint(c->e, "leave it out, or use /linux/resources/unified");
    return err_at(c->e, "/linux/resources%s", c->row->pointer);
}

/* ---- plain ones ---- */

int conv_number(struct conv *c, struct value v)
{
    put_number(c, v.n)->optional = v.n == 0;
    return 0;
}

int conv_not_zero(struct conv *c, struct value v)
{
    if (v.n)
        put_number(c, v.n);
    return 0;
}

int conv_positive(struct conv *c, struct value v)
{
    if (v.n > 0)
        put_number(c, v.n);
    return 0;
}

int conv_text(struct conv *c, struct value v)
{
    if (v.s && *v.s)
        put(c, v.s);
    return 0;
}

int conv_bytes(struct conv *c, struct value v)
{
    if (v.n < 0)
        put_unlimited(c);
    else if (v.n > 0)
        put_number(c, v.n);
    return 0;
}

/* Linux 5.16 and later take a limit of kernel memory without a word and do not keep it. */
int conv_bytes_kept(struct conv *c, struct value v)
{
    if (v.n > 0)
        put_number(c, v.n)->kept = true;
    else if (v.n < 0)
        put_unlimited(c);
    return 0;
}

int conv_count(struct conv *c, struct value v)
{
    if (v.n < 0)
        put(c, "max")->optional = true; /* pids.max has that word on v1 too */
    else
        put_number(c, v.n);
    return 0;
}

int conv_oom_control(struct conv *c, struct value v)
{
    struct setting *s = put_number(c, v.n);

    s->restore = RESTORE_VALUE;
    s->key = "oom_kill_disable";
    s->unset = "0";
    return 0;
}

/* ---- no counterpart, unless the value asks for nothing ---- */

int conv_refused(struct conv *c, struct value v)
{
    (void)v;
    return no_counterpart(c);
}

int conv_zero_only(struct conv *c, struct value v)
{
    return v.n ? no_counterpart(c) : 0;
}

int conv_false_only(struct conv *c, struct value v)
{
    return v.n ? no_counterpart(c) : 0;
}

int conv_true_only(struct conv *c, struct value v)
{
    return v.n ? 0 : no_counterpart(c);
}

int conv_unlimited_only(struct conv *c, struct value v)
{
    return v.n > 0 ? no_counterpart(c) : 0;
}

/* ---- memory ---- */

static const char *present(struct conv *c, const char *file)
{
    const struct present *p = &c->env->present;

    return p->read ? p->read(p->arg, c->env->a, c->row->ctl, file) : NULL;
}

/* Without a limit of memory one of swap alone means nothing: it goes too. */
int conv_memory_limit(struct conv *c, struct value v)
{
    conv_bytes(c, v);
    if (v.n < 0 && !HAS(c->env->r->memory, memory, swap)) {
        c->file = c->backend == BACKEND_V1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
        put_unlimited(c);
    }
    return 0;
}

static int check_swap(struct conv *c, int64_t swap)
{
    int64_t limit = c->env->r->memory->limit;

    if (swap > 0 && limit > 0 && swap < limit)
        return refuse_value(c, "swap means memory and swap together, so it cannot be less than "
                               "the limit of memory");
    return 0;
}

int conv_memory_and_swap(struct conv *c, struct value v)
{
    int r = check_swap(c, v.n);

    return r < 0 ? r : conv_bytes(c, v);
}

static int64_t limit_now(struct conv *c)
{
    const char *text = present(c, "memory.max");
    int64_t n;

    return text && num_i64(text, &n) == 0 ? n : -1;
}

/* v2 counts swap by itself: what is asked for together, less the memory. */
int conv_swap_alone(struct conv *c, struct value v)
{
    int64_t limit = c->env->r->memory->limit;
    int r = check_swap(c, v.n);

    if (r < 0 || v.n <= 0)
        return r < 0 ? r : conv_bytes(c, v);
    if (limit == 0)
        limit = limit_now(c);
    if (limit < 0)
        return refuse_value(c,
                            "swap means memory and swap together, which needs a limit of memory");
    if (v.n < limit)
        return refuse_value(c, "swap means memory and swap together, so it cannot be less than "
                               "the present limit of memory");
    put_number(c, v.n - limit)->optional = v.n == limit;
    return 0;
}

/* ---- cpu ---- */

int conv_weight(struct conv *c, struct value v)
{
    if (v.n > 0)
        put_number(c, (int64_t)knob_cpu_weight((uint64_t)v.n));
    return 0;
}

int conv_quota(struct conv *c, struct value v)
{
    if (v.n)
        put_number(c, v.n < 0 ? -1 : v.n);
    return 0;
}

static bool has_quota(const struct oci_cpu *cpu)
{
    return HAS(cpu, cpu, quota) && cpu->quota;
}

/* Both are one line in cpu.max; without a period there the present one stays. systemd, which counts
 * per second, has to be told it. */
int conv_cpu_max(struct conv *c, struct value v)
{
    const struct oci_cpu *cpu = c->env->r->cpu;
    const char *quota = v.n < 0 ? "max" : str_fmt(c->env->a, "%lld", (long long)v.n);
    const char *now = cpu->period ? NULL : present(c, "cpu.max");

    if (!v.n)
        return 0;
    if (cpu->period)
        quota = str_fmt(c->env->a, "%s %llu", quota, (unsigned long long)cpu->period);
    else if (now && strchr(now, ' '))
        quota = str_fmt(c->env->a, "%s%s", quota, strchr(now, ' '));
    put(c, quota)->optional = v.n < 0 && !cpu->period;
    return 0;
}

int conv_cpu_period(struct conv *c, struct value v)
{
    const char *now = "max";
    int len = 3;

    if (v.n <= 0 || has_quota(c->env->r->cpu))
        return 0;
    if (present(c, "cpu.max")) {
        now = present(c, "cpu.max");
        len = (int)strcspn(now, " ");
    }
    put(c, str_fmt(c->env->a, "%.*s %lld", len, now, (long long)v.n));
    return 0;
}

/* ---- block I/O ---- */

static int check_weight(struct conv *c, int64_t n)
{
    if (n && (n < 10 || n > 1000))
        return refuse_value(c, "a weight is 10 to 1000");
    return 0;
}

int conv_io_weight(struct conv *c, struct value v)
{
    int r = check_weight(c, v.n);
    struct setting *s;

    if (r < 0 || !v.n)
        return r;
    s = put_number(c, v.n);
    if (c->backend == BACKEND_V2)
        s->other_value =
            str_fmt(c->env->a, "%llu", (unsigned long long)knob_io_weight((uint64_t)v.n));
    return 0;
}

static const char *device_key(struct conv *c, int64_t major, int64_t minor)
{
    return str_fmt(c->env->a, "%lld:%lld", (long long)major, (long long)minor);
}

/* "KEY VALUE", restored as a line. */
static struct setting *put_line(struct conv *c, const char *key, const char *value,
                                const char *unset)
{
    struct setting *s = put(c, str_fmt(c->env->a, "%s %s", key, value));

    s->restore = RESTORE_LINE;
    s->key = key;
    s->unset = str_fmt(c->env->a, "%s %s", key, unset);
    return s;
}

static const char *u64_text(struct conv *c, uint64_t n)
{
    return str_fmt(c->env->a, "%llu", (unsigned long long)n);
}

static int put_device_weight(struct conv *c, const struct oci_weight_device *d)
{
    const char *key = device_key(c, d->major, d->minor);
    struct setting *s;
    int r = check_weight(c, d->weight);

    if (r < 0 || !d->weight)
        return r;
    s = put_line(c, key, u64_text(c, d->weight), "default");
    if (c->backend == BACKEND_V2)
        s->other_value =
            str_fmt(c->env->a, "%s %llu", key, (unsigned long long)knob_io_weight(d->weight));
    return 0;
}

static int put_leaf_weight(struct conv *c, const struct oci_weight_device *d)
{
    const char *file = c->file;

    if (!d->leaf_weight)
        return 0;
    if (c->backend == BACKEND_V2)
        return no_counterpart(c);
    c->file = "blkio.leaf_weight_device";
    put_line(c, device_key(c, d->major, d->minor), u64_text(c, d->leaf_weight), "0");
    c->file = file;
    return 0;
}

int conv_device_weights(struct conv *c, struct value v)
{
    const struct oci_block_io *io = c->env->r->block_io;

    (void)v;
    for (size_t i = 0; i < io->weight_device.n; i++) {
        const struct oci_weight_device *d = &io->weight_device.v[i];
        int r;
        if (!HAS(d, weight_device, weight) && !HAS(d, weight_device, leaf_weight))
            return refuse_value(c, "a device needs a weight or a leafWeight");
        r = put_device_weight(c, d);
        if (r == 0)
            r = put_leaf_weight(c, d);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Zero takes the limit away on v1; v2 has a word for it. */
static int throttles(struct conv *c, const struct oci_throttle_device_list *l, const char *word)
{
    bool v2 = c->backend == BACKEND_V2;

    for (size_t i = 0; i < l->n; i++) {
        const char *rate = l->v[i].rate || !v2 ? u64_text(c, l->v[i].rate) : "max";
        const char *key = device_key(c, l->v[i].major, l->v[i].minor), *unset = "0";
        if (v2) {
            rate = str_fmt(c->env->a, "%s=%s", word, rate);
            unset = str_fmt(c->env->a, "%s=max", word);
        }
        put_line(c, key, rate, unset);
    }
    return 0;
}

int conv_read_bps(struct conv *c, struct value v)
{
    (void)v;
    return throttles(c, &c->env->r->block_io->throttle_read_bps_device, "rbps");
}

int conv_write_bps(struct conv *c, struct value v)
{
    (void)v;
    return throttles(c, &c->env->r->block_io->throttle_write_bps_device, "wbps");
}

int conv_read_iops(struct conv *c, struct value v)
{
    (void)v;
    return throttles(c, &c->env->r->block_io->throttle_read_iops_device, "riops");
}

int conv_write_iops(struct conv *c, struct value v)
{
    (void)v;
    return throttles(c, &c->env->r->block_io->throttle_write_iops_device, "wiops");
}

/* ---- lists of other kinds ---- */

/* It becomes part of a file name: digits, a unit, "B". */
static bool is_page_size(const char *s)
{
    size_t digits = strspn(s, "0123456789");

    return digits && digits < 10 && s[digits] && strchr("KMG", s[digits]) &&
           str_eq(s + digits + 1, "B");
}

/* c->file is "RSVD,PLAIN", each with %s for the size. */
static const char *hugetlb_file(struct conv *c, const char *pattern, const char *size)
{
    const char *mark = strstr(pattern, "%s");
    int rest = (int)strcspn(mark + 2, ",");

    return str_fmt(c->env->a, "%.*s%s%.*s", (int)(mark - pattern), pattern, size, rest, mark + 2);
}

int conv_hugepages(struct conv *c, struct value v)
{
    const struct oci_hugepage_limit_list *l = &c->env->r->hugepage_limits;
    const char *files = c->file;

    (void)v;
    for (size_t i = 0; i < l->n; i++) {
        const char *size = l->v[i].page_size, *limit = u64_text(c, l->v[i].limit);
        if (!size || !is_page_size(size))
            return refuse_value(c, "a page size is a number with KB, MB or GB behind it");
        c->file = hugetlb_file(c, files, size);
        put(c, limit)->optional = true; /* accounting of reservations can be missing */
        c->file = hugetlb_file(c, strchr(files, ',') + 1, size);
        put(c, limit);
    }
    c->file = files;
    return 0;
}

static bool is_word(const char *s)
{
    return s && *s && !s[strcspn(s, " \t\n/")];
}

int conv_priorities(struct conv *c, struct value v)
{
    const struct oci_net_priority_list *l = &c->env->r->network->priorities;

    (void)v;
    if (l->n && c->backend == BACKEND_V2)
        return no_counterpart(c);
    for (size_t i = 0; i < l->n; i++) {
        if (!is_word(l->v[i].name))
            return refuse_value(c, "the name of a network device is one word");
        put_line(c, l->v[i].name, u64_text(c, l->v[i].priority), "0");
    }
    return 0;
}

int conv_rdma(struct conv *c, struct value v)
{
    const struct oci_rdma_map *m = &c->env->r->rdma;

    (void)v;
    for (size_t i = 0; i < m->n; i++) {
        const struct oci_rdma *d = &m->v[i];
        const char *text = "";
        if (!is_word(m->k[i]))
            return refuse_value(c, "the name of an RDMA device is one word");
        if (HAS(d, rdma, hca_handles))
            text = str_fmt(c->env->a, "hca_handle=%u", d->hca_handles);
        if (HAS(d, rdma, hca_objects))
            text = str_fmt(c->env->a, "%s%shca_object=%u", text, *text ? " " : "", d->hca_objects);
        if (!*text)
            return refuse_value(c, "an RDMA device needs hcaHandles or hcaObjects");
        put_line(c, m->k[i], text, "hca_handle=max hca_object=max");
    }
    return 0;
}

/* ---- unified ---- */

static int check_file_name(struct conv *c, const char *name)
{
    if (!*name || strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
        return refuse_value(c, "a key is the name of a file in the container's cgroup");
    if (str_eq(name, "cgroup.procs") || str_eq(name, "cgroup.threads"))
        return refuse_value(c, "cgroup.procs and cgroup.threads move processes and limit nothing");
    return 0;
}

enum ctl convert_file_ctl(const char *name)
{
    int ctl = ctl_find(&kind_v2, name, strcspn(name, "."));

    return ctl < 0 ? CTL_NONE : (enum ctl)ctl;
}

static int conv_unified_file(struct conv *c, const char *name, const char *text)
{
    int r = check_file_name(c, name);
    size_t len;

    if (r < 0)
        return r;
    if (c->backend != BACKEND_V2 || c->env->backend[convert_file_ctl(name)] != BACKEND_V2) {
        refuse(c->e, ENOTSUP, "file %s is of cgroup v2, and its controller is not here", name);
        return err_at(c->e, "/linux/resources/unified");
    }
    do {
        struct setting *s = add(c);
        len = strcspn(text, "\n");
        s->at = str_fmt(c->env->a, "/unified/%s", name);
        s->file = name;
        s->value = str_ndup(c->env->a, text, len);
        s->ctl = convert_file_ctl(name);
        text += len;
    } while (*text && *++text);
    return 0;
}

int conv_unified(struct conv *c, struct value v)
{
    const struct oci_str_map *m = &c->env->r->unified;

    (void)v;
    for (size_t i = 0; i < m->n; i++) {
        int r = conv_unified_file(c, m->v[i].key, m->v[i].value ? m->v[i].value : "");
        if (r < 0)
            return r;
    }
    return 0;
}
