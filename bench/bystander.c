/* A program that nobody traces, and what its system calls cost: bystander getpid|read|files COUNT [FILE]
 *
 * getpid: COUNT calls that do nothing. read: COUNT reads of 64 bytes of /dev/zero. files: COUNT times open, read 4 KiB and
 * close FILE. Says how many nanoseconds one of COUNT took. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char buffer[4096];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void getpids(long count)
{
    while (count--)
        syscall(SYS_getpid); /* older C libraries remember the answer of getpid() */
}

static void reads(long count)
{
    int zero = open("/dev/zero", O_RDONLY);
    while (count--)
        if (read(zero, buffer, 64) != 64)
            die("/dev/zero");
}

static void files(long count, const char *path)
{
    while (count--) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0 || read(file, buffer, sizeof buffer) != sizeof buffer || close(file) < 0)
            die(path);
    }
}

int main(int argc, char *argv[])
{
    struct timespec begin, end;
    if (argc < 3) {
        fprintf(stderr, "usage: bystander getpid|read|files COUNT [FILE]\n");
        return 2;
    }
    long count = atol(argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (strcmp(argv[1], "getpid") == 0)
        getpids(count);
    else if (strcmp(argv[1], "read") == 0)
        reads(count);
    else
        files(count, argv[3]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n", ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / count);
    return 0;
}
