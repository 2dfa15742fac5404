/* Starts short-lived processes as fast as it can, or at a given rate: storm COUNT RATE PROGRAM [ARGUMENT]...
 *
 * COUNT processes in all, by two processes that it starts for that; RATE a second, 0: as many as the machine can.
 * It says "ready" and waits for a line, starts them, says how many nanoseconds that took, and waits for the end of its
 * input, so that who watches it sees everything while it is still there. */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STARTERS = 2 };
static const long long SECOND = 1000000000;

static void die(const char *what)
{
    fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void sleep_until(long long when)
{
    struct timespec time = {when / SECOND, when % SECOND};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
}

/* Children share the memory until their execve (vfork(2)), so they can tell that it failed. */
static void start(char *argv[])
{
    static volatile int failed;
    pid_t child = vfork();
    if (child == 0) {
        execve(argv[0], argv, environ);
        failed = errno;
        _exit(127);
    }
    if (child < 0)
        die("vfork");
    if (failed) {
        errno = failed;
        die(argv[0]);
    }
}

static void start_many(int count, long long interval, char *argv[])
{
    long long begin = now();
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps them: nobody has to wait in between */
    for (int number = 0; number < count; number++) {
        if (interval)
            sleep_until(begin + number * interval);
        start(argv);
    }
    while (wait(NULL) >= 0 || errno == EINTR) /* ECHILD when all have ended */
        ;
    exit(0);
}

int main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: storm COUNT RATE PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    int count = atoi(argv[1]) / STARTERS, status, rate = atoi(argv[2]);
    puts("ready");
    fflush(stdout);
    while (getchar() != '\n')
        ;
    long long begin = now();
    for (int starter = 0; starter < STARTERS; starter++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0)
            start_many(count, rate ? STARTERS * SECOND / rate : 0, argv + 3);
    }
    for (int starter = 0; starter < STARTERS; starter++)
        if (wait(&status) < 0 || status != 0)
            die("a starter failed");
    printf("%lld\n", now() - begin);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
