/* quick_clock -- monotonic time in microseconds for a thread that reads it very often.
 * mono_us() asks the kernel's vDSO, which costs as much as all the rest of a call by
 * shared memory.  Here the processor's counter (TSC) is read between anchors, which are
 * pairs of a counter and a time of CLOCK_MONOTONIC.
 *
 * Error.  An anchor is used for QUICK_CLOCK_ANCHOR_MS, with the rate between the two
 * anchors before it.  When the rate of the clock changes (NTP slews it by 500 parts in a
 * million at most), the error is at most half a thousandth of that time; else it is below
 * a microsecond.  At a new anchor the time may therefore step back by that much.
 *
 * The counter is used only where the processor reports that it never stops, has one rate,
 * and the kernel's own clock rests on it, and only while two rates in a row agree.
 * Everywhere else, and until then, each reading is one of mono_us().
 *
 * Thread: one for each struct. */
#ifndef LARS_BASE_QUICK_CLOCK_H
#define LARS_BASE_QUICK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define QUICK_CLOCK_ANCHOR_MS 100
#define QUICK_CLOCK_SHIFT 32

struct quick_clock {                  /* zeroed = nothing is known yet */
    uint64_t ticks;                   /* the anchor: a value of the counter */
    uint64_t us;                      /* and the time then */
    uint64_t limit;                   /* ticks after the anchor for which it is used; 0 =
                                       * the counter is not used */
    uint64_t rate;                    /* microseconds a tick << QUICK_CLOCK_SHIFT; 0 = not
                                       * known */
    uint64_t ns;                      /* the time of the anchor, in nanoseconds */
};

/* Monotonic microseconds, as mono_us(). */
static inline uint64_t quick_clock_us(struct quick_clock *q);

/* --- for quick_clock_us() and its tests --------------------------------------------- */

/* At a counter of <ticks> it is <ns>: the anchor becomes this one when the last one is
 * old enough.  Pure. */
void quick_clock_anchor(struct quick_clock *q, uint64_t ticks, uint64_t ns);

/* Reads CLOCK_MONOTONIC and, where the counter may be used, anchors it. */
uint64_t quick_clock_read(struct quick_clock *q);

/* May the counter be used on this machine?  Reads a file once in a process.  Thread: any.
 */
bool quick_clock_is_usable(void);

#if defined(__x86_64__)
#define quick_clock_ticks() __builtin_ia32_rdtsc()
#else
#define quick_clock_ticks() 0
#endif

static inline uint64_t quick_clock_us(struct quick_clock *q)
{
    uint64_t since;

    if (q->limit > 0) {
        since = quick_clock_ticks() - q->ticks;
        if (since < q->limit)
            return q->us + (since * q->rate >> QUICK_CLOCK_SHIFT);
    }
    return quick_clock_read(q);
}

#endif
