/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/rdt: which group, what is compared, what is written and left, in a tree that looks
 * like a resctrl mount. */
#include "rdt/internal.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char mount[] = "/tmp/rt-unit-rdt-XXXXXX";

static const char *at(const char *path)
{
    return str_fmt(&arena, "%s/%s", mount, path);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(at(path), "w");

    fputs(text, f);
    fclose(f);
}

static const char *get(const char *path)
{
    char *text = arena_alloc(&arena, 1024);
    FILE *f = fopen(at(path), "r");

    if (!f)
        return "none";
    text[fread(text, 1, 1023, f)] = '\0';
    fclose(f);
    return text;
}

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(at(path), &st) == 0 && S_ISDIR(st.st_mode);
}

/* A group as the kernel makes it. */
static void group(const char *name, const char *schemata)
{
    mkdir(at(name), 0755);
    put(str_fmt(&arena, "%s/schemata", name), schemata);
    put(str_fmt(&arena, "%s/tasks", name), "");
    mkdir(at(str_fmt(&arena, "%s/mon_groups", name)), 0755);
}

/* ---- comparing ---- */

static void lines(void)
{
    static const char file[] = "    MB:0=100;1= 50\n    L3:0=0fffff;1=fffff\nL2:0=ff\n";
    static const struct {
        const char *line;
        bool same;
    } cases[] = {
        {"L3:0=fffff;1=fffff", true},
        {"L3:1=fffff;0=fffff", true},
        {"L3:0=FFFFF", true},
        {"L3:0=00fffff", true},
        {"L3:0=ffff", false},
        {"L3:2=fffff", false},
        {"MB:0=100", true},
        {"MB:0=10", false},
        {"L2:0=ff;", true},
        {"L2:1=fffff", false},
        {"L33:0=fffff", false},
        {"L3", false},
        {"L3:0=", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_int(rdt_has_line(file, cases[i].line), cases[i].same, cases[i].line);
}

/* ---- which group ---- */

static struct rdt *decided(const struct oci_intel_rdt *cfg)
{
    struct rdt *r = NULL;
    struct err e = {0};

    return rdt_decide(&arena, mount, cfg, "web", &r, &e) < 0 ? NULL : r;
}

static void names(void)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "info", "mon_groups", "a\nb"};
    struct oci_intel_rdt cfg = {0};
    struct rdt *r = decided(&cfg);

    ok(r && str_eq(r->group, at("web")) && r->ours && !r->monitor, "the container's own");
    cfg.clos_id = "gold";
    r = decided(&cfg);
    ok(r && str_eq(r->group, at("gold")) && !r->ours, "one that is named");
    cfg.clos_id = "/";
    cfg.enable_monitoring = true;
    r = decided(&cfg);
    ok(r && str_eq(r->group, mount) && str_eq(r->monitor, at("mon_groups/web")) && !r->ours,
       "the root, with a monitoring group");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cfg.clos_id = bad[i];
        ok(!decided(&cfg), "refused: \"%s\"", bad[i]);
    }
    cfg = (struct oci_intel_rdt){0};
    mkdir(at("web"), 0755);
    r = decided(&cfg);
    ok(r && !r->ours, "what was there stays");
    rmdir(at("web"));
}

static void record(void)
{
    struct rdt r = {.group = "/sys/fs/resctrl/a b", .ours = true}, *back;
    struct err e = {0};

    is_int(rdt_load(&arena, rdt_save(&r, &arena), &back, NULL), 0, "there and back");
    ok(back->ours && !back->monitor && str_eq(back->group, r.group) && !back->cfg, "the same");
    r.monitor = "/sys/fs/resctrl/a b/mon_groups/c";
    r.ours = false;
    is_int(rdt_load(&arena, rdt_save(&r, &arena), &back, NULL), 0, "with a monitoring group");
    ok(!back->ours && str_eq(back->monitor, r.monitor), "the same again");
    is_int(rdt_load(&arena, "ours", &back, &e), -EINVAL, "no group");
    is_int(rdt_load(&arena, "mine\n/a\n", &back, &e), -EINVAL, "no such owner");
    is_int(rdt_load(&arena, "ours\n/a/../b\n", &back, &e), -EINVAL, "a path upwards");
    is_int(rdt_load(&arena, "ours\na\n", &back, &e), -EINVAL, "a relative path");
}

/* ---- making ---- */

static void a_shared_group(void)
{
    struct oci_intel_rdt cfg = {.clos_id = "gold", .enable_monitoring = true};
    struct rdt *r = decided(&cfg);
    struct err e = {0};

    is_int(rdt_make(r, &e), -ENOENT, "a closID alone needs its group");
    ok(strstr(e.at, "closID") && strstr(e.hint, "schema"), "it says what to do");
    group("gold", "L3:0=ff\nMB:0=50\n");
    is_int(rdt_make(r, NULL), 0, "now it is there");
    ok(is_dir("gold/mon_groups/web"), "and has a monitoring group");
    put("gold/mon_groups/web/tasks", "");
    is_int(rdt_place(r, 77, NULL), 0, "place");
    is_str(get("gold/tasks"), "77\n", "in the group");
    is_str(get("gold/mon_groups/web/tasks"), "77\n", "in the monitoring group");
    unlink(at("gold/mon_groups/web/tasks"));
    is_int(rdt_make(r, &e), -EEXIST, "somebody else's monitoring group is not taken");
    is_int(rdt_remove(r, NULL), 0, "remove");
    ok(is_dir("gold") && !is_dir("gold/mon_groups/web"), "the group stays");
    is_int(rdt_remove(r, NULL), 0, "twice does no harm");
}

static void a_group_with_values(void)
{
    struct oci_intel_rdt cfg = {.clos_id = "gold", .l3_cache_schema = "L3:0=ff"};
    struct rdt *r = decided(&cfg);
    struct err e = {0};

    is_int(rdt_make(r, NULL), 0, "the same values");
    cfg.mem_bw_schema = "MB:0=70";
    is_int(rdt_make(r, &e), -EBUSY, "other values");
    ok(strstr(e.text, "MB:0=70"), "it says which: %s", e.text);
    is_str(get("gold/schemata"), "L3:0=ff\n", "nothing of the group was changed to them");
}

static void a_failure_leaves_nothing(void)
{
    const char *line = "L3:0=1";
    struct oci_intel_rdt cfg = {.schemata = {1, &line}};
    struct rdt *r = decided(&cfg);
    struct err e = {0};

    /* No kernel puts a schemata file into the new directory here. */
    is_int(rdt_make(r, &e), -ENOENT, "what cannot be written");
    ok(strstr(e.text, "L3:0=1"), "is named: %s", e.text);
    ok(!is_dir("web"), "the group is gone again");
}

static void updates(void)
{
    struct oci_intel_rdt cfg = {.clos_id = "gold"};
    struct rdt_lines wish = {.mb = "MB:0=20"}, old;
    struct rdt *r = decided(&cfg);

    put("gold/schemata", "    L3:0=ff\n    MB:0=50\n");
    is_int(rdt_update(r, &arena, &wish, &old, NULL), 0, "update");
    is_str(get("gold/schemata"), "MB:0=20\n", "the line is written");
    ok(!old.l3 && str_eq(old.mb, "MB:0=50"), "and what it was is known");
}

int main(void)
{
    if (!mkdtemp(mount))
        return 1;
    lines();
    names();
    record();
    a_shared_group();
    a_group_with_values();
    a_failure_leaves_nothing();
    updates();
    ok(system(str_fmt(&arena, "rm -r %s", mount)) == 0, "clean up");
    arena_free(&arena);
    return done_testing();
}
