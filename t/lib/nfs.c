/*
 * Makes a file system look like NFS to nginx, by LD_PRELOAD: its type is that,
 * inotify takes a directory and never tells of it, and looking at a file takes
 * NFS_DELAY microseconds.  Instead of the directory NFS_SILENT is watched, in
 * which nothing happens, if that is given.  While there is a file NFS_FULL, no
 * watch is left.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>


static const char  *silent, *full;
static long         delay;


/* at once: later on nginx writes its title over the environment */

__attribute__((constructor)) static void
init(void)
{
    const char  *s = getenv("NFS_DELAY");

    delay = s ? atol(s) * 1000 : 0;

    s = getenv("NFS_SILENT");
    silent = s ? strdup(s) : NULL;

    s = getenv("NFS_FULL");
    full = s ? strdup(s) : NULL;
}


int
inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (full && access(full, F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }

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
