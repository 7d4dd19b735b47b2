/*
 * Measures the turns of nginx's event loop, by LD_PRELOAD: the processor's
 * time that one process, the file TURNS says which, takes from the end of an
 * epoll_wait() to its next one.  The file holds two numbers of 64 bits,
 *
 *   which process (0: none), and, told by it, the longest turn in nanoseconds.
 *
 * Whoever writes the file writes the process last.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>
#include "shared.h"


static volatile struct {
    int64_t  pid;
    int64_t  longest;
} *state;

static int  (*next)(int epfd, struct epoll_event *events, int n, int timeout);


__attribute__((constructor)) static void
init(void)
{
    next = dlsym(RTLD_NEXT, "epoll_wait");
    state = shared("TURNS", sizeof(*state));
}


static int64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return ts.tv_sec * (int64_t) 1000000000 + ts.tv_nsec;
}


int
epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
    int             rc;
    int64_t         took;
    static int64_t  began;

    if (state && state->pid == getpid()) {
        took = now() - began;

        if (began && took > state->longest) {
            state->longest = took;
        }
    }

    rc = next(epfd, events, n, timeout);

    began = now();

    return rc;
}
