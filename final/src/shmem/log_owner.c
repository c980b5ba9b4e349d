/* A claim alone would outlive its owner, and a lock alone cannot be taken without opening
 * the file; so a thread first claims a free log with a compare-and-swap, then locks it
 * and checks that the claim is still its own: the agent may have found the claim without
 * a lock in between and released it.
 *
 * The lock is a POSIX record lock (F_SETLK).  The kernel drops it at any death of the
 * process, a forked child does not inherit it, and a restart of the agent does not touch
 * it.  It is also dropped when the process closes any descriptor of the same file, so the
 * log's one descriptor stays open as long as the log is owned.  A program that closes the
 * number all the same loses the lock while it lives: the agent replaces the claim before
 * it recovers the log, and the owner compares the claim before each call, so it stops
 * writing the log before another client can take it.
 *
 * Rejected: flock(), which a forked child keeps alive after its parent died; a connection
 * to the agent, which ends when the agent restarts; process ids, which are used again. */
#include "shmem/log_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mono.h"
#include "shmem/call_log_private.h"
#include "shmem/segment_private.h"

#define SEIZED 1                      /* no claim of a client: a pid is not 0 */

static int lock(int fd, short type)
{
    struct flock f = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

    return fcntl(fd, F_SETLK, &f) == -1 ? -errno : 0;
}

static uint64_t my_claim(void)
{
    return (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)mono_us() | 1;
}

/* Open and lock log <i>, which this thread has claimed with <mine>.  Returns 0; -EAGAIN
 * when the claim or the lock was lost. */
static int open_claimed(struct call_log **out, const struct segment *s, uint32_t i,
                        uint64_t mine)
{
    struct call_log *c;
    int rc = call_log_open(&c, s, i);

    if (rc < 0)
        return rc;
    rc = lock(call_log_fd(c), F_WRLCK);
    if (rc == 0 && atomic_load(&s->counters->claim[i]) == mine) {
        c->claim = mine;
        *out = c;
        return 0;
    }
    call_log_close(c);
    return -EAGAIN;
}

int log_owner_take(struct call_log **out, const struct segment *s)
{
    uint64_t mine = my_claim(), none, still;
    uint32_t i;
    int rc;

    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++) {
        none = 0;
        if (atomic_load_explicit(&s->counters->claim[i], memory_order_relaxed) != 0 ||
            !atomic_compare_exchange_strong(&s->counters->claim[i], &none, mine))
            continue;
        rc = open_claimed(out, s, i, mine);
        if (rc == 0)
            return 0;
        still = mine;
        atomic_compare_exchange_strong(&s->counters->claim[i], &still, 0);
        if (rc != -EAGAIN)
            return rc;
    }
    return -EUSERS;
}

void log_owner_give(const struct segment *s, struct call_log *c)
{
    uint64_t mine;

    if (!c)
        return;
    mine = c->claim;
    if (call_log_n_open(c) == 0)      /* unless the agent has taken the log away */
        atomic_compare_exchange_strong(&s->counters->claim[c->index], &mine, 0);
    call_log_close(c);                /* drops the lock */
}

bool log_owner_holds(const struct segment *s, const struct call_log *c)
{
    return atomic_load_explicit(&s->counters->claim[c->index], memory_order_acquire) ==
           c->claim;
}

bool log_owner_is_taken(const struct segment *s, uint32_t i)
{
    return atomic_load_explicit(&s->counters->claim[i], memory_order_relaxed) != 0;
}

/* The descriptor is opened for the time of the lock only. */
bool log_owner_seize_dead(const struct segment *s, struct call_log *c)
{
    uint32_t i = call_log_index(c);

    if (!log_owner_is_taken(s, i) || call_log_reopen_fd(c, s) < 0)
        return false;
    if (lock(call_log_fd(c), F_WRLCK) < 0) {
        call_log_close_fd(c);
        return false;
    }
    atomic_store(&s->counters->claim[i], SEIZED);
    return true;
}

void log_owner_release(const struct segment *s, struct call_log *c)
{
    atomic_store(&s->counters->claim[call_log_index(c)], 0);
    call_log_close_fd(c);             /* drops the lock */
}
