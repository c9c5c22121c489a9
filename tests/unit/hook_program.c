/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/hook/program.c: programs that behave, and programs that do not. */
#include "base/fd.h"
#include "hook/program.h"
#include "sys/sys.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static struct err e;
static struct program done;

static int run_words(const char **args, size_t n, const char **env, int64_t timeout,
                     const char *input)
{
    struct oci_hook h = {.path = args ? args[0] : "/bin/true", .timeout = timeout};

    if (args)
        h.args = (struct oci_strs){.n = n, .v = args};
    for (; env && env[h.env.n]; h.env.n++)
        h.env.v = env;
    if (timeout)
        SET(&h, hook, timeout);
    e = (struct err){0};
    done = (struct program){.hook = &h, .input = input, .stdout_file = -1, .stderr_file = -1};
    return program_run(&done, &arena, &e);
}

/* Run a script of /bin/sh. */
static int run(const char *script, int64_t timeout)
{
    const char *args[] = {"/bin/sh", "-c", script};

    return run_words(args, 3, NULL, timeout, "{}");
}

static void words(void)
{
    static const char script[] = "tr '\\0' '|' </proc/$$/cmdline; tr '\\0' '|' </proc/$$/environ";
    const char *args[] = {"/bin/sh", "-c", script, "arg zero", ""};
    const char *env[] = {"A=1", "B=two words", NULL};
    char want[256];

    setenv("RT_UNIT_TEST", "of the runtime", 1);
    snprintf(want, sizeof want, "/bin/sh|-c|%s|arg zero||A=1|B=two words|", script);
    is_int(run_words(args, 5, env, 0, "{}"), 0, "a hook runs");
    is_str(done.output, want, "with exactly its args and env");
    is_int(run_words(args, 4, NULL, 0, "{}"), 0, "without env");
    snprintf(want, sizeof want, "/bin/sh|-c|%s|arg zero|", script);
    is_str(done.output, want, "its environment is empty");
    is_int(run_words(NULL, 0, NULL, 0, "{}"), 0, "without args its name is the path");
}

static void name_of_program(void)
{
    const char *args[] = {"odd name", "-c", "tr '\\0' '|' </proc/$$/cmdline"};
    struct oci_hook h = {.path = "/bin/sh", .args = {.n = 3, .v = args}};

    done = (struct program){.hook = &h, .input = "", .stdout_file = -1, .stderr_file = -1};
    is_int(program_run(&done, &arena, &e), 0, "args[0] need not be the path");
    ok(strncmp(done.output, "odd name|-c|", 12) == 0, "and is passed as it is");
}

static void input(void)
{
    const char *args[] = {"/bin/sh", "-c", "cat | wc -c"};
    const char *again[] = {"/bin/sh", "-c", "cat /dev/stdin"};
    size_t big = (3 << 20) + 17;
    char *text = malloc(big + 1);

    is_int(run_words(args + 0, 3, NULL, 0, "{\"id\":\"x\"}"), 0, "a hook reads its stdin");
    is_str(done.output, "10", "up to the end");
    is_int(run_words(again, 3, NULL, 0, "{\"id\":\"x\"}"), 0, "also by name");
    is_str(done.output, "{\"id\":\"x\"}", "it is the state");
    memset(text, 'x', big);
    text[big] = '\0';
    is_int(run_words(args, 3, NULL, 0, text), 0, "more than a pipe can hold");
    is_str(done.output, "3145745", "arrives");
    is_int(run("exec <&-; exit 0", 0), 0, "a hook that closes its stdin is no failure");
    args[2] = "true";
    is_int(run_words(args, 3, NULL, 0, text), 0, "nor one that does not read much of it");
    free(text);
}

static void failures(void)
{
    is_int(run("echo because >&2; exit 3", 0), -EIO, "a status is a failure");
    ok(strstr(e.text, "status 3: because"), "that is told: %s", e.text);
    is_int(run("kill -TERM $$", 0), -EIO, "a signal is a failure");
    ok(strstr(e.text, "signal 15"), "that is told: %s", e.text);
    is_int(run("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 1", 0), -EIO,
           "a hook may print much");
    ok(strstr(e.text, "line 1999") && !strstr(e.text, "line 10 "), "the end of it is told");
    ok(!strchr(e.text, '\n'), "on one line");
    is_int(run("printf '\\033[2Jx\\n'", 0), 0, "control characters");
    is_str(done.output, " [2Jx", "become harmless");
}

static void no_program(void)
{
    const char *args[] = {"/nonexistent/hook"};

    is_int(run_words(args, 1, NULL, 0, "{}"), -ENOENT, "a program that is not there");
    ok(strstr(e.text, "/nonexistent/hook"), "is named: %s", e.text);
    args[0] = "/etc";
    is_int(run_words(args, 1, NULL, 0, "{}"), -EACCES, "a program that cannot run");
}

/* A number that the last hook left in its output. */
static pid_t printed_pid(void)
{
    return (pid_t)atoi(done.output);
}

static void others(void)
{
    pid_t pid;
    int status = 0;

    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    is_int(run("sleep 1000 & echo $!", 0), 0, "a grandchild that keeps stdout does not hold us up");
    pid = printed_pid();
    is_int(kill(pid, 0), 0, "it lives on");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    is_int(run("sleep 1000 & echo $!; wait", 4), -ETIMEDOUT, "a timeout is a failure");
    ok(strstr(e.text, "within 4 s"), "that is told: %s", e.text);
    pid = printed_pid();
    is_int(waitpid(pid, &status, 0), pid, "the grandchild ends too");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "as the group is killed");
    is_int(run("trap '' TERM HUP INT; while :; do sleep 1; done", 1), -ETIMEDOUT,
           "a hook cannot hold out against it");
    is_int(run("exit 0", 1000), 0, "a timeout that is not reached");
    is_int(run("yes & echo $! >&2; exit 0", 0), 0, "a grandchild that floods does not hold us up");
    while (waitpid(-1, &status, 0) > 0)
        ; /* yes, by SIGPIPE */
}

static void inheritance(void)
{
    sigset_t all, before;
    int fd = open("/dev/null", O_RDONLY);

    signal(SIGUSR1, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    is_int(run("exec grep -E 'Sig(Blk|Ign)' /proc/self/status", 0), 0, "with all signals blocked");
    ok(strstr(done.output, "SigBlk: 0000000000000000"), "none is blocked: %s", done.output);
    ok(strstr(done.output, "SigIgn: 0000000000000000"), "none is ignored");
    sigprocmask(SIG_SETMASK, &before, NULL);
    is_int(run("exec ls /proc/self/fd", 0), 0, "with a descriptor that is not CLOEXEC");
    is_str(done.output, "0 1 2 3", "there are 0 to 2, and that of the listing");
    close(fd);
    is_int(run("ps -o pid=,pgid= -p $$ | awk '{exit $1 != $2}'", 0), 0, "it leads its group");
}

/* In the foreground of rt signals are blocked. */
static void interruption(void)
{
    sigset_t all, before;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    kill(getpid(), SIGWINCH);
    is_int(run("exit 0", 0), 0, "another signal is left to others");
    kill(getpid(), SIGTERM);
    is_int(run("exec sleep 1000", 0), -EINTR, "a signal ends a hook that hangs");
    sigprocmask(SIG_SETMASK, &before, NULL);
    ok(strstr(e.text, "interrupted"), "that is told: %s", e.text);
}

static void files(void)
{
    char name[] = "/tmp/rt-hook-XXXXXX", text[64] = "";
    const char *args[] = {"/bin/sh", "-c", "echo out; echo err >&2"};
    struct oci_hook h = {.path = "/bin/sh", .args = {.n = 3, .v = args}};
    int fd = mkostemp(name, O_APPEND | O_CLOEXEC);

    done = (struct program){.hook = &h, .input = "", .stdout_file = fd, .stderr_file = -1};
    is_int(program_run(&done, &arena, &e), 0, "stdout may go to a file");
    is_str(done.output, "err", "and is not kept then");
    is_int(program_run(&done, &arena, &e), 0, "twice");
    is_int(pread(fd, text, sizeof text - 1, 0), 8, "it is appended to");
    is_str(text, "out\nout\n", "with what was printed");
    done.stderr_file = fd;
    is_int(program_run(&done, &arena, &e), 0, "both to one file");
    is_str(done.output, "", "leave nothing to keep");
    close(fd);
    unlink(name);
}

/* Nothing stays open from one hook to the next. */
static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

int main(void)
{
    int before = open_fds(), probe = sys_pidfd_open(getpid());

    if (probe == -ENOSYS) {
        skip("programs that run", "no pidfd_open here, as in old versions of valgrind");
        return done_testing();
    }
    fd_close(&probe);
    words();
    name_of_program();
    input();
    failures();
    no_program();
    others();
    inheritance();
    interruption();
    files();
    is_int(open_fds(), before, "no descriptor is left");
    arena_free(&arena);
    return done_testing();
}
