/* Between the two readings of the counter that enclose one of the clock the thread may be
 * interrupted, and then it is unknown to which counter the time belongs.  Such a pair is
 * not taken as an anchor; the next reading tries again.
 *
 * Rejected: a rate that the agent publishes in shared memory.  It would serve a client
 * from its first call on, but it would be the rate of some time ago once the agent is
 * dead, and each client would have to compare it with the clock all the same.
 * Rejected: CLOCK_MONOTONIC_COARSE.  It costs half a counter, but moves in steps of 1 to
 * 10 ms, and the durations of calls are counted in microseconds. */
#include "base/quick_clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define NS_PER_MS 1000000ull
#define GAP_MAX_MS 10000              /* between two anchors from which a rate is made */
#define PAIR_TICKS 3000               /* the most that reading a pair takes: about 1 us */
#define AGREE 1000                    /* two rates agree to one part in so many */
#define SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

enum { UNKNOWN, USABLE, UNUSABLE };

/* --- may it be used ----------------------------------------------------------------- */

/* Does the counter have one rate, in each state of the processor? */
static bool is_invariant(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
#else
    return false;
#endif
}

/* Does the kernel's clock rest on it?  Then it is equal on all processors, too. */
static bool is_source(void)
{
    char name[16] = "";
    int fd = open(SOURCE, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (read(fd, name, sizeof(name) - 1) < 0)
        name[0] = '\0';
    close(fd);
    return strcmp(name, "tsc\n") == 0;
}

bool quick_clock_is_usable(void)
{
    static atomic_int known = UNKNOWN;
    int is = atomic_load_explicit(&known, memory_order_relaxed);

    if (is == UNKNOWN) {
        is = is_invariant() && is_source() ? USABLE : UNUSABLE;
        atomic_store_explicit(&known, is, memory_order_relaxed);
    }
    return is == USABLE;
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- anchors ------------------------------------------------------------------------ */

static bool agree(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) <= a / AGREE;
}

/* Microseconds a tick << QUICK_CLOCK_SHIFT; 0 = the numbers make no sense. */
static uint64_t rate_of(uint64_t ticks, uint64_t ns)
{
    uint64_t ms = ns / NS_PER_MS;

    if (ticks >> 44 != 0 || ticks < ms) /* 17 s at 1 THz; less than a tick in a ms */
        return 0;
    return (uint64_t)(((__uint128_t)ns << QUICK_CLOCK_SHIFT) / 1000 / ticks);
}

void quick_clock_anchor(struct quick_clock *q, uint64_t ticks, uint64_t ns)
{
    uint64_t gap_ns = ns - q->ns, rate;

    if (q->ns != 0 && gap_ns < QUICK_CLOCK_ANCHOR_MS * NS_PER_MS)
        return;                       /* too early for a good rate */
    q->limit = 0;
    if (q->ns != 0 && gap_ns <= GAP_MAX_MS * NS_PER_MS) {
        rate = rate_of(ticks - q->ticks, gap_ns);
        if (rate != 0 && agree(rate, q->rate))
            q->limit = (QUICK_CLOCK_ANCHOR_MS * 1000ull << QUICK_CLOCK_SHIFT) / rate;
        q->rate = rate;
    }
    q->ticks = ticks;
    q->ns = ns;
    q->us = ns / 1000;
}

/* Reads both, one right after the other. */
static uint64_t read_pair(struct quick_clock *q)
{
    uint64_t before = quick_clock_ticks(), ns = now_ns(), after = quick_clock_ticks();

    if (after - before <= PAIR_TICKS)
        quick_clock_anchor(q, before + (after - before) / 2, ns);
    return ns;
}

uint64_t quick_clock_read(struct quick_clock *q)
{
    uint64_t ns = now_ns();

    if (ns - q->ns >= QUICK_CLOCK_ANCHOR_MS * NS_PER_MS && quick_clock_is_usable())
        ns = read_pair(q);
    return ns / 1000;
}
