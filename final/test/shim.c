/* shim -- an LD_PRELOAD library that makes allocations fail or the wall clock jump:
 *   SHIM_MALLOC=N   the Nth malloc, calloc or realloc that the program itself calls after
 *                   its first epoll_create1() returns NULL, and so do the next
 *                   SHIM_MALLOCS ones.  Allocations of libraries succeed, because
 *                   MariaDB's client ends with SIGSEGV when its own fail
 *   SHIM_CLOCK=S    the wall clock jumps forward or back by S seconds, every second; the
 *                   monotonic clock is not changed
 *   SHIM_STEP=FILE  the wall clock is ahead by as many seconds as FILE says, a number
 *                   that may be negative, so a test can step it while the program runs
 * It does nothing without them. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static atomic_long left, more;
static atomic_bool ready; /* allocations are counted from now on */
static long jump_s;
static const char *step_file;
static uintptr_t text_from, text_to; /* the program's own code */

/* Called for the first object only, which is the program. */
static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    int i;

    (void)size;
    (void)arg;
    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        text_from = info->dlpi_addr + p->p_vaddr;
        text_to = text_from + p->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void shim_init(void)
{
    const char *n = getenv("SHIM_MALLOC"), *m = getenv("SHIM_MALLOCS");
    const char *s = getenv("SHIM_CLOCK");

    if (n) {
        dl_iterate_phdr(find_text, NULL);
        left = atol(n);
        more = m ? atol(m) : 0;
    }
    jump_s = s ? atol(s) : 0;
    step_file = getenv("SHIM_STEP");
}

static int fails(const void *caller)
{
    long n;

    if (!ready || (uintptr_t)caller < text_from || (uintptr_t)caller >= text_to)
        return 0;
    n = atomic_fetch_sub(&left, 1);
    if (n > 1 || n <= -more)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}

int epoll_create1(int flags)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_create1");
    ready = getenv("SHIM_MALLOC") != NULL;
    return real(flags);
}

/* No library function that allocates: this is called from anywhere. */
static long read_step(void)
{
    char text[24];
    int fd = open(step_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd != -1)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return atol(text);
}

int gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_REALTIME, &ts);

    (void)zone;
    if (rc == 0)
        *tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
    return rc;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    int rc;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    rc = real(id, ts);
    if (rc == 0 && jump_s != 0 && id == CLOCK_REALTIME)
        ts->tv_sec += ts->tv_sec % 2 ? jump_s : -jump_s;
    if (rc == 0 && step_file && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ts->tv_sec += read_step();
    return rc;
}

/* The kernel's clock was not stepped, so a moment until which a thread waits is moved
 * back to it; otherwise each wait of a program whose clock is behind would end at once.
 * A condition that goes by the monotonic clock has a small number. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *until)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec at = *until;

    if (!real)
        *(void **)&real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    if (step_file && at.tv_sec > 1000000000)
        at.tv_sec -= read_step();
    return real(cond, mutex, &at);
}

time_t time(time_t *out)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}
