/* Lists grow by doubling and are freed together.
 *
 * Rejected: fixed arrays.  Their size would bound the number of hosts, and a snapshot is
 * made only once a second. */
#include "scale/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int snapshot_add_row(void **at, size_t *n, size_t *max, size_t size, const void *row)
{
    if (*n == *max) {
        size_t more = *max ? *max * 2 : 16;
        void *p = realloc(*at, more * size);

        if (!p)
            return -ENOMEM;
        *at = p;
        *max = more;
    }
    memcpy((char *)*at + *n * size, row, size);
    ++*n;
    return 0;
}

void snapshot_empty(struct snapshot *s)
{
    free(s->policy);
    free(s->plan);
    free(s->host);
    free(s->order);
    free(s->slot);
    free(s->measure);
    free(s->route);
    free(s->capacity);
    free(s->load);
    free(s->front);
    free(s->zone_out);
    memset(s, 0, sizeof(*s));
}

bool snapshot_hears(const struct snapshot *s, uint64_t within_ms)
{
    size_t i;

    for (i = 0; i < s->n_host; i++)
        if (s->host[i].age_ms <= within_ms)
            return true;
    return false;
}

size_t snapshot_find_host(const struct snapshot *s, const char *name)
{
    size_t i = 0;

    while (i < s->n_host && strcmp(s->host[i].name, name) != 0)
        i++;
    return i;
}
