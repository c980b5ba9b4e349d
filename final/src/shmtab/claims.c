#include "shmtab/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mono.h"

static int lock(int fd, short type)
{
    struct flock f = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

    return fcntl(fd, F_SETLK, &f) == -1 ? -errno : 0;
}

static uint64_t my_claim(void)
{
    return (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)mono_us() | 1;
}

/* Claimed for us: now the lock, and is it still ours?  The agent may have found nobody
 * behind the claim meanwhile. */
static int open_claimed(struct calls **out, const struct segment *s, uint32_t i,
                        uint64_t mine)
{
    struct calls *c;
    int rc = calls_open(&c, s, i);

    if (rc < 0)
        return rc;
    rc = lock(calls_fd(c), F_WRLCK);
    if (rc == 0 && atomic_load(&s->counters->claim[i]) == mine) {
        *out = c;
        return 0;
    }
    calls_close(c);
    return -EAGAIN;
}

int claims_take(struct calls **out, const struct segment *s)
{
    uint64_t mine = my_claim(), nobody, still;
    uint32_t i;
    int rc;

    for (i = 0; i < LAYOUT_LEDGERS; i++) {
        nobody = 0;
        if (atomic_load_explicit(&s->counters->claim[i], memory_order_relaxed) != 0 ||
            !atomic_compare_exchange_strong(&s->counters->claim[i], &nobody, mine))
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

void claims_give(const struct segment *s, struct calls *c)
{
    if (!c)
        return;
    if (calls_n_open(c) == 0)
        atomic_store(&s->counters->claim[calls_index(c)], 0);
    calls_close(c);                   /* and with it the lock */
}

bool claims_is_taken(const struct segment *s, uint32_t i)
{
    return atomic_load_explicit(&s->counters->claim[i], memory_order_relaxed) != 0;
}

bool claims_seize_dead(const struct segment *s, const struct calls *c)
{
    return claims_is_taken(s, calls_index(c)) && lock(calls_fd(c), F_WRLCK) == 0;
}

void claims_release(const struct segment *s, const struct calls *c)
{
    atomic_store(&s->counters->claim[calls_index(c)], 0);
    lock(calls_fd(c), F_UNLCK);
}
