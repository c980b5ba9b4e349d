#include "shmem/log_owner.h"

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
static int open_claimed(struct call_log **out, const struct segment *s, uint32_t i,
                        uint64_t mine)
{
    struct call_log *c;
    int rc = call_log_open(&c, s, i);

    if (rc < 0)
        return rc;
    rc = lock(call_log_fd(c), F_WRLCK);
    if (rc == 0 && atomic_load(&s->counters->claim[i]) == mine) {
        *out = c;
        return 0;
    }
    call_log_close(c);
    return -EAGAIN;
}

int log_owner_take(struct call_log **out, const struct segment *s)
{
    uint64_t mine = my_claim(), nobody, still;
    uint32_t i;
    int rc;

    for (i = 0; i < LAYOUT_CALL_LOGS; i++) {
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

void log_owner_give(const struct segment *s, struct call_log *c)
{
    if (!c)
        return;
    if (call_log_n_open(c) == 0)
        atomic_store(&s->counters->claim[call_log_index(c)], 0);
    call_log_close(c);                   /* and with it the lock */
}

bool log_owner_is_taken(const struct segment *s, uint32_t i)
{
    return atomic_load_explicit(&s->counters->claim[i], memory_order_relaxed) != 0;
}

bool log_owner_seize_dead(const struct segment *s, const struct call_log *c)
{
    return log_owner_is_taken(s, call_log_index(c)) && lock(call_log_fd(c), F_WRLCK) == 0;
}

void log_owner_release(const struct segment *s, const struct call_log *c)
{
    atomic_store(&s->counters->claim[call_log_index(c)], 0);
    lock(call_log_fd(c), F_UNLCK);
}
