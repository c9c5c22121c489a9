/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/cgroup/scope.c: names of units; gvariant.c: values; properties.c: limits. */
#include "cgroup/gvariant.h"
#include "cgroup/scope.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>

static struct arena arena;

/* ---- names ---- */

static void names(void)
{
    static const struct {
        const char *path, *slice, *unit;
        bool user;
    } good[] = {
        {NULL, "system.slice", "rt-web.scope", false},
        {NULL, "user.slice", "rt-web.scope", true},
        {"machine.slice:libpod:abc", "machine.slice", "libpod-abc.scope", false},
        {"::abc", "system.slice", "abc.scope", false},
        {":p:abc", "user.slice", "p-abc.scope", true},
        {"-.slice:a:b", "-.slice", "a-b.scope", false},
        {"a-b.slice:x:y.z", "a-b.slice", "x-y.z.scope", false},
        {"a.slice:p:n\\x2dm", "a.slice", "p-n\\x2dm.scope", false},
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *slice = "", *unit = "";
        int r = scope_names(&arena, good[i].path, "web", good[i].user, &slice, &unit, NULL);
        ok(r == 0 && str_eq(slice, good[i].slice) && str_eq(unit, good[i].unit), "%s: %s in %s",
           good[i].path ? good[i].path : "no path", unit, slice);
    }
}

static void bad_names(void)
{
    static const char *const bad[] = {
        "/a/path",        "a.slice:b",     "a.slice:b:c:d",
        "a.slice:b:",     "a:b:c",         "../a.slice:b:c",
        "a/b.slice:b:c",  "a.slice:b:c/d", "a.slice:b:../../c",
        "a--b.slice:b:c", "-a.slice:b:c",  "a-.slice:b:c",
        ".slice:b:c",     "a.slice:b:c d", "a.slice:b:x.slice",
        "a.slice:b:c\nd", "a.slice:b@:c",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *slice, *unit;
        struct err e = {0};
        int r = scope_names(&arena, bad[i], "id", false, &slice, &unit, &e);
        ok(r == -EINVAL && str_eq(e.at, "/linux/cgroupsPath") && *e.hint, "refused: %s", bad[i]);
    }
}

static void slices(void)
{
    is_str(scope_slice_path(&arena, "-.slice"), "", "the root");
    is_str(scope_slice_path(&arena, "a.slice"), "a.slice", "one part");
    is_str(scope_slice_path(&arena, "a-bc-d.slice"), "a.slice/a-bc.slice/a-bc-d.slice",
           "dashes are levels");
}

/* ---- values ---- */

/* "SIGNATURE: lines with | between", or the reason. */
static const char *parsed(const char *text)
{
    struct lines out = {.a = &arena};
    char signature[SIGNATURE_MAX];
    struct err e = {0};

    if (gvariant_parse(text, signature, &out, &e) < 0)
        return str_fmt(&arena, "refused: %s", e.text);
    for (char *p = out.text; (p = strchr(p, '\n'));)
        *p = p[1] ? '|' : '\0';
    return str_fmt(&arena, "%s: %s", signature, out.text);
}

static void values(void)
{
    static const char *const cases[][2] = {
        {"true", "b: b 1"},
        {" false ", "b: b 0"},
        {"5", "i: i 5"},
        {"-5", "i: i -5"},
        {"+5", "i: i 5"},
        {"uint64 18446744073709551615", "t: t 18446744073709551615"},
        {"byte 255", "y: y 255"},
        {"1.5", "d: d 1.5"},
        {"double 2", "d: d 2"},
        {"'a b'", "s: s a b"},
        {"\"it's\"", "s: s it's"},
        {"'a\\n%'", "s: s a%0a%25"},
        {"objectpath '/a'", "o: o /a"},
        {"['a', 'b']", "as: a s|s a|s b|."},
        {"@as []", "as: a s|."},
        {"@at [1,2]", "at: a t|t 1|t 2|."},
        {"[uint64 1, 2]", "at: a t|t 1|t 2|."},
        {"('a', 5)", "(si): r si|s a|i 5|."},
        {"[('/a', uint64 5), ('/b', 6)]", "a(st): a (st)|r st|s /a|t 5|.|r st|s /b|t 6|.|."},
        {"<'x'>", "v: v s|s x|."},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_str(parsed(cases[i][0]), cases[i][1], cases[i][0]);
}

static void bad_values(void)
{
    static const char *const bad[] = {
        "",   "x",     "'a",      "5 6", "byte 256",  "uint64 -1",           "[1, 'a']", "[]",
        "(1", "()",    "{'a':1}", "@ 5", "@as 5",     "2147483648",          "'\\q'",    "[1 2]",
        "<5", "true5", "@(i [1]", "--5", "int32 'a'", "[[[[[[[[[1]]]]]]]]]",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(str_starts(parsed(bad[i]), "refused: "), "refused: %s", bad[i]);
}

/* ---- annotations ---- */

static const char *annotated(const char *key, const char *value)
{
    struct oci_str_pair pair = {.key = key, .value = value};
    struct oci_str_map map = {.n = 1, .v = &pair};
    struct err e = {0};
    const char *lines;

    if (scope_annotations(&arena, &map, &lines, &e) < 0)
        return str_fmt(&arena, "%s: %s", e.at, e.text);
    for (char *p = strchr(lines, '\n'); p && (p = strchr(p, '\n'));)
        *p = '|';
    return lines;
}

static void annotations(void)
{
    is_str(annotated("org.example.x", "what?"), "", "others are none of ours");
    is_str(annotated("org.systemd.property.CollectMode", "'inactive'"),
           "r sv|s CollectMode|v s|s inactive|.|.|", "a word");
    is_str(annotated("org.systemd.property.TimeoutStopSec", "1.5"),
           "r sv|s TimeoutStopUSec|v t|t 1500000|.|.|", "seconds become microseconds");
    is_str(annotated("org.systemd.property.TimeoutStopUSec", "uint64 5"),
           "r sv|s TimeoutStopUSec|v t|t 5|.|.|", "microseconds stay");
    is_str(annotated("org.systemd.property.After", "['a.service']"),
           "r sv|s After|v as|a s|s a.service|.|.|.|", "a list");
    ok(str_starts(annotated("org.systemd.property.Aft-er", "1"), "/annotations/org.systemd"),
       "a name is letters");
    ok(str_starts(annotated("org.systemd.property.AB", "1"), "/annotations/"), "three at least");
    ok(str_starts(annotated("org.systemd.property.TimeoutStopSec", "'x'"), "/annotations/"),
       "seconds are a number");
    ok(str_starts(annotated("org.systemd.property.PIDs", "[1]"), "/annotations/"),
       "who is inside is not up to an annotation");
}

/* ---- limits ---- */

static const char *limits(const struct oci_resources *r)
{
    struct cgroup cg = {.manager = &manager_systemd};
    struct scope_limits l;

    if (scope_limits(&cg, &arena, r, true, &l, NULL) < 0)
        return "refused";
    if (!l.set.text)
        return "";
    for (char *p = l.set.text; (p = strchr(p, '\n'));)
        *p = '|';
    return l.set.text;
}

#define PROPERTY(name, value) "r sv|s " name "|v t|t " value "|.|.|"

static void memory_and_tasks(void)
{
    struct oci_memory memory = {.limit = 4096, .swap = 8192, .reservation = -1};
    struct oci_pids pids = {.limit = -1};
    struct oci_resources r = {.memory = &memory, .pids = &pids};

    SET(&memory, memory, limit);
    SET(&memory, memory, swap);
    SET(&memory, memory, reservation);
    SET(&pids, pids, limit);
    is_str(limits(&r),
           PROPERTY("MemoryMax", "4096") PROPERTY("MemorySwapMax", "4096")
               PROPERTY("MemoryLow", "18446744073709551615")
                   PROPERTY("TasksMax", "18446744073709551615"),
           "memory, swap, tasks");
}

static void cpu(void)
{
    struct oci_cpu c = {.shares = 1024, .quota = 12345, .period = 100000, .cpus = "0-2,9"};
    struct oci_resources r = {.cpu = &c};

    SET(&c, cpu, shares);
    SET(&c, cpu, quota);
    SET(&c, cpu, period);
    SET(&c, cpu, cpus);
    is_str(limits(&r),
           "r sv|s AllowedCPUs|v ay|a y|y 7|y 2|.|.|.|" PROPERTY("CPUWeight", "100")
               PROPERTY("CPUQuotaPerSecUSec", "130000") PROPERTY("CPUQuotaPeriodUSec", "100000"),
           "weight, CPUs, quota rounded up to a percent");
}

static void unified(void)
{
    struct oci_str_pair pairs[] = {{"memory.high", "max"},
                                   {"io.max", "8:0 rbps=5 wiops=max"},
                                   {"memory.oom.group", "1"},
                                   {"cpu.weight", "7"}};
    struct oci_resources r = {.unified = {.n = 4, .v = pairs}};

    is_str(limits(&r),
           PROPERTY(
               "MemoryHigh",
               "18446744073709551615") "r sv|s IOReadBandwidthMax|v a(st)|a (st)|r st|s "
                                       "/dev/block/8:0|t 5|.|.|.|.|"
                                       "r sv|s IOWriteIOPSMax|v a(st)|a (st)|r st|s /dev/block/8:0|"
                                       "t 18446744073709551615|.|.|.|.|" PROPERTY("CPUWeight", "7"),
           "files that have a property; the others are written only");
}

static void none(void)
{
    struct oci_memory memory = {.swappiness = 5};
    struct oci_resources r = {.memory = &memory};

    SET(&memory, memory, swappiness);
    is_str(limits(&r), "", "what systemd has no property for");
    is_str(limits(NULL), "", "no limits");
}

int main(void)
{
    names();
    bad_names();
    slices();
    values();
    bad_values();
    annotations();
    memory_and_tasks();
    cpu();
    unified();
    none();
    arena_free(&arena);
    return done_testing();
}
