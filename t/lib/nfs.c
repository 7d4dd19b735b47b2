/*
 * Makes a file system look like NFS to nginx, by LD_PRELOAD: its type is that,
 * inotify takes a directory and never tells of it, and looking at a file takes
 * NFS_DELAY microseconds.  Instead of the directory NFS_SILENT is watched, in
 * which nothing happens, if that is given.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>


static const char  *silent;
static long         delay;


/* at once: later on nginx writes its title over the environment */

__attribute__((constructor)) static void
init(void)
{
    const char  *s = getenv("NFS_DELAY");

    delay = s ? atol(s) * 1000 : 0;

    s = getenv("NFS_SILENT");
    silent = s ? strdup(s) : NULL;
}


int
inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return (int) syscall(SYS_inotify_add_watch, fd, silent ? silent : path,
                         mask);
}


int
statfs(const char *path, struct statfs *fs)
{
    if (syscall(SYS_statfs, path, fs) == -1) {
        return -1;
    }

    fs->f_type = 0x6969;

    return 0;
}


int
fstatat(int fd, const char *path, struct stat *sb, int flags)
{
    struct timespec  ts = { 0, delay };

    if (delay) {
        (void) nanosleep(&ts, NULL);
    }

    return (int) syscall(SYS_newfstatat, fd, path, sb, flags);
}


/* what 64-bit programs call, and the same there */

int statfs64(const char *path, struct statfs64 *fs)
    __attribute__((alias("statfs")));
int fstatat64(int fd, const char *path, struct stat64 *sb, int flags)
    __attribute__((alias("fstatat")));
