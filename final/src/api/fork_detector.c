/* A page of private memory that the kernel fills with zeros in a child.
 *
 * Rejected: comparing getpid() with what it was, because it is a system call, and
 * pthread_atfork(), whose handlers stay when a program unloads the library. */
#include "api/fork_detector.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#define PAGE 4096

/* MADV_WIPEONFORK works for private memory only. */
int fork_detector_init(struct fork_detector *d)
{
    void *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return -ENOMEM;
    madvise(page, PAGE, MADV_WIPEONFORK);
    d->state = page;
    fork_detector_end(d);
    return 0;
}

void fork_detector_fini(struct fork_detector *d)
{
    munmap((void *)d->state, PAGE);
}

/* The renewal makes few system calls, and none that waits, so the others wait for it. */
bool fork_detector_begin(struct fork_detector *d)
{
    uint64_t was = FORK_DETECTOR_FORKED;

    if (atomic_compare_exchange_strong(d->state, &was, FORK_DETECTOR_RENEWING))
        return true;
    while (fork_detector_has_forked(d))
        sched_yield();
    return false;
}

void fork_detector_end(struct fork_detector *d)
{
    atomic_store(d->state, FORK_DETECTOR_RENEWED);
}
