/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/base/fd.c. */
#include "base/fd.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int opened(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int leave_scope(bool take, int *was)
{
    auto_close int fd = opened();

    *was = fd;
    return take ? take_fd(&fd) : -1;
}

static void descriptors(void)
{
    int was, kept, fd = opened();

    leave_scope(false, &was);
    ok(!is_open(was), "the end of the scope closes");
    kept = leave_scope(true, &was);
    ok(kept == was && is_open(kept), "what was taken stays open");
    errno = ENXIO;
    fd_close(&kept);
    is_int(errno, ENXIO, "errno stays");
    ok(!is_open(was) && kept == -1, "fd_close closes and says so");
    is_int(take_fd(&fd) >= 0 ? fd : 0, -1, "take_fd leaves -1 behind");
    fd = 1 << 20; /* nobody's */
    errno = ENXIO;
    fd_close(&fd);
    is_int(errno, ENXIO, "errno stays where close fails");
    fd_close(&fd);
    is_int(fd, -1, "nothing is nothing to close");
}

static void streams(void)
{
    DIR *d = opendir("/");
    FILE *f = fopen("/dev/null", "re");
    int of_dir = dirfd(d), of_file = fileno(f);

    fd_closedir(&d);
    fd_fclose(&f);
    ok(!d && !is_open(of_dir), "fd_closedir closes");
    ok(!f && !is_open(of_file), "fd_fclose closes");
    fd_closedir(&d);
    fd_fclose(&f);
    ok(!d && !f, "twice does nothing");
}

static int count(int *calls)
{
    return ++*calls;
}

static void the_rest(void)
{
    char *p = strdup("x");
    int calls = 0;

    mem_free(&p);
    ok(!p, "mem_free forgets what it freed");
    mem_free(&p);
    drop(count(&calls), "only the call is of interest");
    is_int(calls, 1, "drop makes the call, once");
}

int main(void)
{
    descriptors();
    streams();
    the_rest();
    return done_testing();
}
