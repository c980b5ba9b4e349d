/* fuzz_nodes_answer -- lines are answers of a gateway to POST /nodes: whatever they are,
 * a factor stays within 0.5 and 1. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scale/track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nodes_answer answer[2];
static struct node_minutes minutes;
static struct track track;
static struct track_change change[TRACK_MAX];

static void pass(const struct nodes_answer *from, const struct nodes_answer *to)
{
    struct snapshot_capacity c = {
        .id = {1, 1}, .measured_rps = 100, .rps = 70, .factor = 0.7, .target_us = 2000};
    struct snapshot s = {.capacity = &c, .n_capacity = 1};
    size_t i, n;

    minutes.n = 0;
    if (!node_minutes_add(&minutes, from, to))
        return;
    n = track_minute(&track, &s, &minutes, change);
    for (i = 0; i < n; i++)
        if (!(change[i].factor >= TRACK_FACTOR_LEAST && change[i].factor <= 1))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    unsigned n = 0;

    memset(&track, 0, sizeof(track));
    while (p < end) {
        const char *line = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((line ? line : end) - p);
        json_t *o = json_loadb(p, len, 0, NULL);

        if (nodes_answer_read(&answer[n % 2], o) == 0 && ++n > 1)
            pass(&answer[n % 2], &answer[(n + 1) % 2]);
        json_decref(o);
        p += len + (line != NULL);
    }
    return 0;
}
