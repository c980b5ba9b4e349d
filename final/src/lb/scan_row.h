/* scan_row -- the loop of lb/scan.c over nodes whose ids follow each other, four nodes at
 * a time.  The result is exactly that of the loop for any nodes, which stays the
 * reference: test_scan_row compares them.  Thread: any. */
#ifndef LARS_LB_SCAN_ROW_H
#define LARS_LB_SCAN_ROW_H

#include "lb/pick.h"

/* A score of 32 + 20 bits leaves 12 bits for a lot. */
#define SCAN_INFLIGHT_MASK 0xfffff

struct scan_best {
    uint64_t score;                   /* the lowest until now; UINT64_MAX = none */
    uint32_t at;                      /* the member that has it */
    uint32_t n_skipped;               /* members that were no candidates */
};

#define SCAN_ROW_LEAST 4              /* members: as many as are looked at at a time */
#define SCAN_ROW_MOST 4096            /* a node's place has 12 bits */

/* It reads atomics as vectors, which the thread sanitizer takes for a data race. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define SCAN_ROW 1
#else
#define SCAN_ROW 0
#endif

/* May scan_row_best() be called on this machine? */
bool scan_row_is_possible(void);

/* Members <start> .. to - 1, then <from> .. start - 1, of a view that is in a row; there
 * are SCAN_ROW_LEAST to SCAN_ROW_MOST.  No lot is drawn.  Nothing of other nodes is
 * read. */
struct scan_best scan_row_best(const struct pick_view *v, uint32_t from, uint32_t to,
                          uint32_t start, uint64_t over_ms);

#endif
