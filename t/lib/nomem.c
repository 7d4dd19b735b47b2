/*
 * Lets allocations of one process fail, by LD_PRELOAD: those that the file
 * NOMEM asks for, which holds five numbers of 64 bits,
 *
 *   which process (0: none), the first allocation that fails, how many do,
 *   and, told by it, how many it has asked for and how many of them failed.
 *
 * Whoever writes the file writes the process last.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include "shared.h"


/* glibc's own, so that nothing has to be looked up with dlsym(), which asks
   for memory itself */

extern void  *__libc_malloc(size_t size);
extern void  *__libc_calloc(size_t n, size_t size);
extern void  *__libc_realloc(void *p, size_t size);
extern void  *__libc_memalign(size_t alignment, size_t size);


static volatile struct {
    int64_t  pid;
    int64_t  first;
    int64_t  n;
    int64_t  count;
    int64_t  failed;
} *state;


__attribute__((constructor)) static void
init(void)
{
    state = shared("NOMEM", sizeof(*state));
}


static int
fails(void)
{
    int64_t  n;

    if (state == NULL || state->pid == 0 || state->pid != getpid()) {
        return 0;
    }

    n = ++state->count;

    if (n < state->first || n - state->first >= state->n) {
        return 0;
    }

    state->failed++;
    errno = ENOMEM;

    return 1;
}


void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    void  *q;
    int    saved = errno;

    q = memalign(alignment, size);
    errno = saved;

    if (q == NULL) {
        return ENOMEM;
    }

    *p = q;

    return 0;
}
