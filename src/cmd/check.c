/* SPDX-License-Identifier: Apache-2.0 */
/* rt check: everything that can be known about a bundle without making anything. */
#include "cmd/make.h"

#include "base/str.h"
#include "fs/file.h"
#include "run/run.h"
#include "schema.h"
#include "sec/sec.h"

#include <fcntl.h>
#include <stdio.h>

struct report {
    const char *file;
    int unknown, calls;
};

static void say_unknown(void *arg, const char *pointer, unsigned line, unsigned column)
{
    struct report *r = arg;

    printf("%s:%u:%u: %s: unknown, ignored as the specification demands\n", r->file, line, column,
           pointer);
    r->unknown++;
}

static void say_call(void *arg, size_t entry, size_t index, const char *name)
{
    struct report *r = arg;

    printf("%s: /linux/seccomp/syscalls/%zu/names/%zu: no system call is called %s, skipped\n",
           r->file, entry, index, name);
    r->calls++;
}

int cmd_check(struct app *app, int argc, char **argv, struct err *e)
{
    struct request r = {.kind = KIND_RUN, .id = "check", .dry_run = true};
    int first = command_words(app, "check", NULL, 0, 0, 1, argc, argv, e);
    struct oci_source src;
    struct report report = {0};
    struct plan plan;
    char *text;
    void *cfg;

    if (first < 0)
        return first;
    r.bundle = first < argc ? argv[first] : NULL;
    if (make_request(app, &r, e) < 0)
        return -e->code;
    report.file = src.name = str_path(app->arena, r.bundle, r.config_file);
    if (file_read(app->arena, AT_FDCWD, src.name, 16 << 20, &text, &src.len, e) < 0)
        return -e->code;
    src.text = text;
    if (oci_parse_unknown(app->arena, &oci_desc_config, &src, &cfg, say_unknown, &report, e) < 0)
        return -e->code;
    if (run_plan(&r, app->arena, &plan, e) < 0 ||
        seccomp_check(&plan, app->arena, say_call, &report, e) < 0)
        return -e->code;
    printf("%s: fine%s\n", report.file,
           report.unknown || report.calls ? ", but for what is unknown above" : "");
    return 0;
}
