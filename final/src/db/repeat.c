/* Two transactions that want the same rows would meet again if both came back after the
 * same time, so the pause is random.  The bound in time holds when each attempt waits
 * long for a lock before it fails.
 *
 * Rejected: repeating single statements of a transaction.  The server has undone those
 * before them. */
#include "db/repeat.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "base/mono.h"
#include "base/rnd.h"

#define PAUSE_MIN_MS 5
#define PAUSE_MAX_MS 50

void repeat_begin(struct repeat *r)
{
    r->n = 0;
    r->end_ms = mono_ms() + REPEAT_MS;
}

bool repeat_after(struct repeat *r, int rc)
{
    struct rnd random;

    if (rc != -EDEADLK || r->n >= REPEAT_MAX || mono_ms() >= r->end_ms)
        return false;
    r->n++;
    rnd_init_any(&random);
    poll(NULL, 0,
         PAUSE_MIN_MS + (int)(rnd_u32(&random) % (PAUSE_MAX_MS - PAUSE_MIN_MS + 1)));
    return true;
}
