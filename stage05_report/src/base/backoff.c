#include "base/backoff.h"

uint32_t backoff_next(struct backoff *b, uint32_t random)
{
    uint32_t ms = 0;

    ms = b->next_ms ? b->next_ms : b->min_ms;
    b->next_ms = ms > b->max_ms / 2 ? b->max_ms : ms * 2;
    return ms / 2 + random % (ms - ms / 2 + 1);
}

void backoff_reset(struct backoff *b)
{
    b->next_ms = 0;
}
