/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/cgroup/bus.c and of asking again in systemd.c, against a stand-in for rt-systemd. */
#include "cgroup/bus.h"
#include "cgroup/scope.h"

#include "base/str.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char folder[] = "/tmp/rt-unit-bus-XXXXXX";

/* Answers each request with the next of its lines ("\n" as written); an empty one ends it. What it
 * was asked goes to the file `asked`, and a file `starts` gets a line per start. */
static const char *stand_in(const char *name, const char *answers)
{
    const char *path = str_fmt(&arena, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");

    fprintf(f,
            "#!/usr/bin/env python3\n"
            "import os, socket, sys\n"
            "s = socket.socket(fileno=0)\n"
            "open('%s/starts', 'a').write(sys.argv[1] + '\\n')\n"
            "n = len(open('%s/starts').readlines())\n"
            "for a in %s:\n"
            "    a = a(n) if callable(a) else a\n"
            "    if not a:\n"
            "        break\n"
            "    s.send(a.encode())\n"
            "    request = s.recv(65536)\n"
            "    if not request:\n"
            "        break\n"
            "    open('%s/asked', 'ab').write(request)\n",
            folder, folder, answers, folder);
    fclose(f);
    chmod(path, 0755);
    return path;
}

static const char *content(const char *name)
{
    const char *path = str_fmt(&arena, "%s/%s", folder, name);
    char *text = arena_alloc(&arena, 4096);
    FILE *f = fopen(path, "r");

    if (f) {
        text[fread(text, 1, 4095, f)] = '\0';
        fclose(f);
    }
    unlink(path);
    return text;
}

static void asks_and_hears(void)
{
    const char *program = stand_in("good", "['ok\\n', 'ok\\nt 5\\n', 'ok\\n']"), *answer = "";
    struct bus b = BUS_CLOSED;

    is_int(bus_open(&b, program, true, NULL), 0, "open");
    is_int(bus_call(&b, &arena, "get x\nName\n", &answer, NULL), 0, "call");
    is_str(answer, "t 5\n", "the lines of the answer");
    bus_close(&b);
    is_int(b.sock, -1, "closed");
    is_str(content("starts"), "user\n", "it was told whose systemd");
    is_str(content("asked"), "get x\nName\n", "and asked what was to be asked");
}

static void no_program(void)
{
    struct bus b = BUS_CLOSED;
    struct err e = {0};

    is_int(bus_open(&b, NULL, false, &e), -ENOENT, "no program");
    ok(strstr(e.text, "rt-systemd") && strstr(e.hint, "cgroupfs"), "it says what to do: %s",
       e.hint);
    if (getenv("RT_VALGRIND"))
        skip("not there", "valgrind loses the error of a program that cannot be run");
    else
        ok(bus_open(&b, "/nowhere/rt-systemd", false, &e) == -ENOENT && b.sock == -1, "not there");
}

static void no_bus(void)
{
    const char *program = stand_in("none", "['error rt.Failed\\nconnect to systemd: No', '']");
    struct bus b = BUS_CLOSED;
    struct err e = {0};

    is_int(bus_open(&b, program, true, &e), -EIO, "no bus");
    ok(strstr(e.text, "connect to systemd: No") && strstr(e.hint, "linger"), "why, and what to do");
    is_int(b.sock, -1, "nothing is left open");
    content("starts");
}

static void errors(void)
{
    static const struct {
        const char *name;
        int code;
    } cases[] = {
        {"org.freedesktop.systemd1.UnitExists", -EEXIST},
        {"org.freedesktop.systemd1.NoSuchUnit", -ENOENT},
        {"org.freedesktop.DBus.Error.AccessDenied", -EACCES},
        {"org.freedesktop.DBus.Error.InvalidArgs", -EINVAL},
        {"org.freedesktop.DBus.Error.LimitsExceeded", -EAGAIN},
        {"rt.TimedOut", -ETIMEDOUT},
        {"rt.Lost", -ECONNRESET},
        {"rt.Job", -EIO},
        {"something.else", -EIO},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answers =
            str_fmt(&arena, "['ok\\n', 'error %s\\nthe text', '']", cases[i].name);
        struct bus b = BUS_CLOSED;
        struct err e = {0};
        bus_open(&b, stand_in("errors", answers), false, NULL);
        is_int(bus_call(&b, &arena, "call X\n", NULL, &e), cases[i].code, cases[i].name);
        is_str(e.text, "systemd: the text", "its text");
        bus_close(&b);
    }
    content("starts");
    content("asked");
}

static void a_bus_that_is_lost(void)
{
    struct bus b = BUS_CLOSED;
    struct err e = {0};

    bus_open(&b, stand_in("lost", "['ok\\n', '']"), false, NULL);
    is_int(bus_call(&b, &arena, "call X\n", NULL, &e), -ECONNRESET, "lost");
    ok(strstr(e.hint, "restarted"), "it says what may be the matter: %s", e.hint);
    bus_close(&b);
    content("starts");
    content("asked");
}

static struct cgroup container(const char *program)
{
    static struct scope s;
    struct cgroup cg = {.manager = &manager_systemd, .n = 1, .scope = &s};

    s = (struct scope){
        .unit = "rt-x.scope", .properties = "", .program = program, .bus = BUS_CLOSED};
    cg.h[0] =
        (struct hier){.kind = &kind_v2, .mount = "/cg", .path = "/cg/rt-x.scope/sub", .fd = -1};
    return cg;
}

static void asks_again(void)
{
    const char *program =
        stand_in("again", "['ok\\n', lambda n: 'ok\\n' if n == 3 else '', 'ok\\n']");
    struct cgroup cg = container(program);

    is_int(cg.manager->place(&cg, 7, NULL), 0, "the third connection did it");
    bus_close(&cg.scope->bus);
    is_str(content("starts"), "system\nsystem\nsystem\n", "three were made");
    ok(strstr(content("asked"), "call AttachProcessesToUnit\ns rt-x.scope\ns /sub\na u\nu 7\n.\n"),
       "the request");
}

static void gives_up(void)
{
    struct cgroup cg = container(stand_in("never", "['ok\\n', '']"));
    struct err e = {0};

    is_int(cg.manager->place(&cg, 7, &e), -ECONNRESET, "after some tries it gives up");
    ok(strstr(e.text, "lost"), "and says so: %s", e.text);
    ok(strlen(content("starts")) > 2 * strlen("system\n"), "there were several");
    content("asked");
}

static void refused_at_once(void)
{
    struct cgroup cg = container(
        stand_in("refused", "['ok\\n', 'error org.freedesktop.DBus.Error.AccessDenied\\nno', '']"));

    is_int(cg.manager->place(&cg, 7, NULL), -EACCES, "what will not change is not asked again");
    is_str(content("starts"), "system\n", "one start");
    bus_close(&cg.scope->bus);
    content("asked");
}

int main(void)
{
    char command[64];

    if (!mkdtemp(folder))
        return 1;
    asks_and_hears();
    no_program();
    no_bus();
    errors();
    a_bus_that_is_lost();
    asks_again();
    gives_up();
    refused_at_once();
    arena_free(&arena);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ok(system(command) == 0, "clean up");
    return done_testing();
}
