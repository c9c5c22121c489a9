/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/cgroup/record.c: there and back, and what is refused. */
#include "cgroup/kind.h"
#include "cgroup/scope.h"
#include "tap.h"

#include <errno.h>

static struct arena arena;

static void there_and_back(void)
{
    struct cgroup cg = {.manager = &manager_fs, .n = 3, .unprivileged = true}, *back;
    char *text, *again;

    cg.h[0] = (struct hier){.kind = &kind_v1,
                            .ctls = BIT(CTL_MEMORY),
                            .options = "memory",
                            .mount = "/sys/fs/cgroup/memory",
                            .path = "/sys/fs/cgroup/memory/a b:c%/\x01x\xc3\xa9",
                            .there = 21,
                            .ino = 99};
    cg.h[1] = cg.h[0];
    cg.h[1].skipped = true;
    cg.h[2] =
        (struct hier){.kind = &kind_v2, .options = "", .mount = "/cg", .path = "/cg/x", .there = 5};
    is_int(cgroup_save(&cg, &arena, &text), 0, "save");
    ok(!strchr(text, '\n') && !strchr(text, '\x01'), "it is one line of printable text");
    is_int(cgroup_load(&arena, text, &back, NULL), 0, "load");
    is_int(back->n, 2, "what was skipped is not there");
    ok(back->unprivileged && !back->explicit, "flags");
    is_str(back->h[0].path, cg.h[0].path, "the path");
    ok(back->h[0].ctls == BIT(CTL_MEMORY) && back->h[0].ino == 99 && back->h[0].there == 21,
       "numbers");
    ok(back->h[0].fd == -1 && back->h[0].tasks == -1, "nothing is open");
    ok(back->h[1].kind == &kind_v2 && back->h[1].there == 5, "the other kind");
    cgroup_save(back, &arena, &again);
    is_str(again, text, "the same again");
}

static void a_scope_there_and_back(void)
{
    const char *text = "systemd+unprivileged+user v2:0:3:7:/cg:/cg/a.slice/rt-x.scope:";
    struct cgroup *cg;
    char *again;

    is_int(cgroup_load(&arena, text, &cg, NULL), 0, "load a scope");
    ok(cg->manager == &manager_systemd && cg->scope && cg->scope->user, "of the user's systemd");
    is_str(cg->scope->unit, "rt-x.scope", "the unit's name is that of the folder");
    ok(cg->scope->bus.sock < 0, "nothing is connected");
    cgroup_save(cg, &arena, &again);
    is_str(again, text, "the same again, scope");
}

static const char *const bad[] = {
    "",
    "systemd",
    "systemd v2:0:3:0:/cg:/cg/x:",
    "systemd v2:0:3:0:/cg:/cg/.scope/x:",
    "systemd+root v2:0:3:0:/cg:/cg/x.scope:",
    "runit v2:0:3:0:/cg:/cg/x:",
    "fs+x v2:0:3:0:/cg:/cg/x:",
    "fs v3:0:3:0:/cg:/cg/x:",
    "fs v2:0:3:0:/cg:/cg/x",
    "fs v2:0:3:0:/cg:/cg/x::",
    "fs v2:0:2:0:/cg:/cg/x:",
    "fs v2:0:6:0:/cg:/cg/x:",
    "fs v2:0:4:0:/cg:/cg/x:",
    "fs v2:0:3:0:/cg:/other/x:",
    "fs v2:0:3:0:/cg:/cgx/x:",
    "fs v2:0:3:0:/cg:/cg:",
    "fs v2:0:3:0:/cg:/cg/../x:",
    "fs v2:0:3:0:/cg:/cg//x:",
    "fs v2:0:3:0:/cg:/cg/x/:",
    "fs v2:0:3:0:cg:cg/x:",
    "fs v2:0:3:0:/cg:/cg/%2e%2e/x:",
    "fs v2:0:3:0:/cg:/cg/%00:",
    "fs v2:0:3:0:/cg:/cg/%zz:",
    "fs v2:0:3:0:/cg:/cg/%2:",
    "fs v2:-1:3:0:/cg:/cg/x:",
    "fs v2:99999999:3:0:/cg:/cg/x:",
    "fs  v2:0:3:0:/cg:/cg/x:",
};

static void refuses_what_is_broken(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cgroup *cg;
        struct err e = {0};
        ok(cgroup_load(&arena, bad[i], &cg, &e) == -EINVAL && e.code == EINVAL, "refused: %s",
           bad[i]);
    }
}

int main(void)
{
    there_and_back();
    a_scope_there_and_back();
    refuses_what_is_broken();
    arena_free(&arena);
    return done_testing();
}
