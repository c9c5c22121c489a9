/* SPDX-License-Identifier: Apache-2.0 */
/* rt spec: a template config.json that runs a shell. */
#include "cmd/app.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The parts in which a template for root and one for a user differ are left open. The inheritable
 * and ambient capabilities stay empty (CVE-2022-24769). */
static const char head[] =
    "{\n"
    "  \"ociVersion\": \"1.2.0\",\n"
    "  \"process\": {\n"
    "    \"terminal\": true,\n"
    "    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
    "    \"args\": [ \"sh\" ],\n"
    "    \"env\": [\n"
    "      \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
    "      \"TERM=xterm\"\n"
    "    ],\n"
    "    \"cwd\": \"/\",\n"
    "    \"capabilities\": {\n"
    "      \"bounding\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ],\n"
    "      \"effective\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ],\n"
    "      \"permitted\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ]\n"
    "    },\n"
    "    \"rlimits\": [ { \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 } ],\n"
    "    \"noNewPrivileges\": true\n"
    "  },\n"
    "  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
    "  \"hostname\": \"rt\",\n"
    "  \"mounts\": [\n"
    "    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },\n"
    "    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
    "      \"options\": [ \"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\" ] },\n";

static const char pts_root[] =
    "    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
    "\"mode=0620\", \"gid=5\" ] },\n";

static const char pts_rootless[] =
    "    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
    "\"mode=0620\" ] },\n";

static const char shm[] =
    "    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\" ] },\n"
    "    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"nodev\" ] },\n";

static const char sys_root[] =
    "    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"ro\" ] },\n"
    "    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\",\n"
    "      \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\" ] }\n"
    "  ],\n"
    "  \"linux\": {\n"
    "    \"resources\": { \"devices\": [ { \"allow\": false, \"access\": \"rwm\" } ] },\n"
    "    \"namespaces\": [\n"
    "      { \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": \"ipc\" },\n"
    "      { \"type\": \"uts\" }, { \"type\": \"mount\" }, { \"type\": \"cgroup\" }\n"
    "    ],\n";

/* Without root the network is the caller's, and so /sys can only be the host's, read-only. */
static const char sys_rootless[] =
    "    { \"destination\": \"/sys\", \"type\": \"none\", \"source\": \"/sys\",\n"
    "      \"options\": [ \"rbind\", \"nosuid\", \"noexec\", \"nodev\", \"rro\" ] }\n"
    "  ],\n"
    "  \"linux\": {\n"
    "    \"uidMappings\": [ { \"containerID\": 0, \"hostID\": %u, \"size\": 1 } ],\n"
    "    \"gidMappings\": [ { \"containerID\": 0, \"hostID\": %u, \"size\": 1 } ],\n"
    "    \"namespaces\": [\n"
    "      { \"type\": \"pid\" }, { \"type\": \"ipc\" }, { \"type\": \"uts\" },\n"
    "      { \"type\": \"mount\" }, { \"type\": \"cgroup\" }, { \"type\": \"user\" }\n"
    "    ],\n";

static const char tail[] =
    "    \"maskedPaths\": [\n"
    "      \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\",\n"
    "      \"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\",\n"
    "      \"/proc/sched_debug\", \"/proc/scsi\", \"/sys/firmware\"\n"
    "    ],\n"
    "    \"readonlyPaths\": [\n"
    "      \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"\n"
    "    ]\n"
    "  }\n"
    "}\n";

static const char *template(bool rootless, struct arena *a)
{
    const char *sys = rootless ? str_fmt(a, sys_rootless, geteuid(), getegid()) : sys_root;

    return str_fmt(a, "%s%s%s%s%s", head, rootless ? pts_rootless : pts_root, shm, sys, tail);
}

int cmd_spec(struct app *app, int argc, char **argv, struct err *e)
{
    const char *bundle = ".", *file = "config.json", *path, *text;
    bool rootless = false;
    const struct option table[] = {
        {"bundle", 'b', OPT_STRING, &bundle, "DIR", "folder to write into (.)"},
        {"file", 'f', OPT_STRING, &file, "FILE", "another name for config.json"},
        {"rootless", 0, OPT_FLAG, &rootless, NULL, "for a user without root"},
    };
    auto_close int fd = -1;
    int r;

    if (command_words(app, "spec", table, N_OPTIONS(table), 0, 0, argc, argv, e) < 0)
        return -e->code;
    path = str_path(app->arena, bundle, file);
    fd = sys_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd == -EEXIST) {
        refuse(e, EEXIST, "%s exists already", path);
        return err_hint(e, "remove it first, or choose another folder with --bundle");
    }
    if (fd < 0)
        return fail(e, fd, "create %s", path);
    text = template(rootless, app->arena);
    r = sys_write_all(fd, text, strlen(text));
    return r < 0 ? fail(e, r, "write %s", path) : 0;
}
