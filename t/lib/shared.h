/*
 * Numbers that a test and a process that it starts share, for what is loaded
 * by LD_PRELOAD.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


/*
 * Maps so many bytes of the file that a variable of the environment names, for
 * this process and its children; NULL if there is none.  To be called at once:
 * later on nginx writes its title over the environment.
 */
static void *
shared(const char *variable, size_t size)
{
    int          fd;
    void        *p;
    const char  *file = getenv(variable);

    if (file == NULL) {
        return NULL;
    }

    fd = open(file, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);

    return (p == MAP_FAILED) ? NULL : p;
}
