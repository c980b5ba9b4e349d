/* capacity_words -- the words KEY=VALUE of larsctl capacity.  "--KEY VALUE" and
 * "--KEY=VALUE" are read, too, because measuring has many of them.  Thread: one. */
#ifndef LARS_CTL_CAPACITY_WORDS_H
#define LARS_CTL_CAPACITY_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct capacity_words { /* texts are borrowed from argv */
    const char *node, *path, *paths, *host, *build, *arrivals;
    const char *class, *guard; /* NULL = not given, as node and paths */
    double rps, inflight; /* of capacity set; 0 = not given */
    uint32_t p99_ms, target_ms; /* 0 = not given */
    uint32_t from, to, step_s, settle_s, confirm_s, connections, seed;
};

/* Set <out> to the presets, then to the words; <set>: those of capacity set, otherwise
 * those of capacity measure.  Returns 0, or CTL_USAGE after a line on standard error. */
int capacity_words_read(struct capacity_words *out, bool set, int argc, char **argv);

#endif
