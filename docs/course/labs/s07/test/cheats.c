/* Policies that cheat, one for each number in CHEAT, for lab 7's test.  The test links
 * them without check-policy, to see that the box stops them by itself. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lb/policy.h"

static volatile uint32_t sink;

static void cheat(void)
{
    static char junk[4096];

    if (CHEAT == 1)                   /* the memory of the simulator */
        sink = (uint32_t)open("/proc/1/mem", O_RDONLY);
    else if (CHEAT == 2)
        exit(0);
    else if (CHEAT == 3)
        syscall(SYS_exit, 0);         /* the one that the box allows */
    else if (CHEAT == 4)
        for (;;)
            sink++;
    else if (CHEAT == 5)
        *(volatile int *)(uintptr_t)64 = 1;
    else if (CHEAT == 6)              /* the next question, which never comes */
        sink = (uint32_t)read(0, junk, sizeof(junk));
    else if (CHEAT == 7) {            /* answers before they are asked for */
        memset(junk, 0x7f, sizeof(junk));
        sink = (uint32_t)write(1, junk, sizeof(junk));
    } else if (CHEAT == 8)
        sink = (uint32_t)fork();
    else if (CHEAT == 9)              /* fills the pipe, and waits */
        for (;;)
            sink = (uint32_t)write(1, junk, sizeof(junk));
}

static uint32_t own_pick(const struct pick_view *v, struct pick_state *st,
                         const struct pick_part *p, struct pick_call *c)
{
    c->n_skipped = 0;
    if (st->word[0]++ == 100)
        cheat();
    if (CHEAT == 10 && st->word[0] > 100)
        return v->n + 7;
    return p->from;
}

static uint32_t own_tick(const struct controller *s, uint32_t i, double mean_us,
                         uint64_t now_ms)
{
    return (void)s, (void)mean_us, (void)i, CHEAT == 11 && now_ms > 2000 ? 0 : 1000;
}

const struct lb_policy own_policy = {.name = "own",
                                     .summary = "cheats",
                                     .pick = own_pick,
                                     .tick = CHEAT == 11 ? own_tick : NULL};
