/* A list of free runs for each size class.  Runs of up to 256 blocks have a class of
 * their exact length; longer ones are rounded up to a power of two.  So a run that is
 * given back fits the next request of its class, and modules that grow and shrink
 * hardly fragment the room.  When the room is used up, a longer run is split; when
 * there is none, all free runs are made anew from the gaps between the runs in use,
 * which merges those that lie side by side.  A run that cannot be remembered for lack
 * of memory is lost until the next start, when block_alloc_sweep() finds it.
 *
 * Rejected: lists of free runs inside the shared blocks, because a writer that is killed
 * would leave them half changed; a bitmap that is searched, because taking a run would
 * cost time in proportion to all blocks; merging a run when it is given back, because a
 * list entry for each block of 16 bytes would nearly double the memory. */
#include "shmem/block_alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_BITS 8
#define EXACT (1u << EXACT_BITS)      /* classes 1 to 256, then powers of two */
#define CLASSES (EXACT + 32 - EXACT_BITS)

struct stack {                        /* first blocks of the free runs of a class */
    uint32_t *at;
    uint32_t n, cap;
};

struct block_alloc {
    uint32_t n, used;
    uint32_t top;                     /* blocks from here on were never taken */
    struct stack free[CLASSES];
    unsigned char *mark; /* a bit for each block in use; NULL except at the start */
    bool gave;                        /* a run was given back since the last merge */
};

/* The class of a run of *n blocks; *n becomes the length that the class has. */
static uint32_t class_of(uint32_t *n)
{
    uint32_t c;

    if (*n <= EXACT)
        return *n - 1;
    c = 32u - (uint32_t)__builtin_clz(*n - 1);
    *n = 1u << c;
    return EXACT + c - EXACT_BITS - 1;
}

/* The length of the runs of class <c>. */
static uint32_t length_of(uint32_t c)
{
    return c < EXACT ? c + 1 : 1u << (c - EXACT + EXACT_BITS + 1);
}

int block_alloc_create(struct block_alloc **out, uint32_t n)
{
    struct block_alloc *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->n = n;
    a->top = 1;
    *out = a;
    return 0;
}

void block_alloc_destroy(struct block_alloc *a)
{
    uint32_t c;

    if (!a)
        return;
    for (c = 0; c < CLASSES; c++)
        free(a->free[c].at);
    free(a->mark);
    free(a);
}

static bool push(struct block_alloc *a, uint32_t at, uint32_t n)
{
    struct stack *s = &a->free[class_of(&n)];
    uint32_t cap = s->cap ? 2 * s->cap : 16, *more;

    if (s->n == s->cap) {
        more = realloc(s->at, cap * sizeof(*more));
        if (!more)
            return false;
        s->at = more;
        s->cap = cap;
    }
    s->at[s->n++] = at;
    return true;
}

/* Make the free blocks from <at> on available as runs.  Returns false without memory. */
static bool push_runs(struct block_alloc *a, uint32_t at, uint32_t n)
{
    uint32_t len;

    for (; n > 0; at += len, n -= len) {
        len = n <= EXACT ? n : 1u << (31 - (uint32_t)__builtin_clz(n));
        if (!push(a, at, len))
            return false;
    }
    return true;
}

void block_alloc_give(struct block_alloc *a, uint32_t at, uint32_t n)
{
    a->used -= n;
    a->gave = true;
    (void)push(a, at, n);             /* -ENOMEM: lost until the next start */
}

static bool is_marked(const struct block_alloc *a, uint32_t i)
{
    return (a->mark[i / 8] & 1u << i % 8) != 0;
}

/* Mark a run as in use or as free.  Returns false when a block of it is so already. */
static bool mark_run(struct block_alloc *a, uint32_t at, uint32_t n, bool in_use)
{
    uint32_t i;

    for (i = at; i < at + n; i++) {
        if (is_marked(a, i) == in_use)
            return false;
        a->mark[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    return true;
}

int block_alloc_mark(struct block_alloc *a, uint32_t at, uint32_t n)
{
    if (!a->mark)
        a->mark = calloc(1, a->n / 8 + 1);
    if (!a->mark)
        return -ENOMEM;
    (void)class_of(&n);               /* the length that it was taken with */
    if (at == 0 || n > a->n - at || !mark_run(a, at, n, true))
        return -EBADMSG;
    if (at + n > a->top)
        a->top = at + n;
    a->used += n;
    return 0;
}

int block_alloc_sweep(struct block_alloc *a)
{
    uint32_t i, from = 1;
    int rc = 0;

    for (i = 1; a->mark && i <= a->top; i++)
        if (i == a->top || is_marked(a, i)) {
            if (!push_runs(a, from, i - from))
                rc = -ENOMEM;         /* these are lost until the next start */
            from = i + 1;
        }
    free(a->mark);
    a->mark = NULL;
    return rc;
}

/* Merge free runs that lie side by side.  Without memory nothing changes. */
static void merge(struct block_alloc *a)
{
    uint32_t c, i;

    a->gave = false;
    a->mark = malloc(a->n / 8 + 1);
    if (!a->mark)
        return;
    memset(a->mark, 0xff, a->n / 8 + 1);
    for (c = 0; c < CLASSES; c++) {
        for (i = 0; i < a->free[c].n; i++)
            (void)mark_run(a, a->free[c].at[i], length_of(c), false);
        a->free[c].n = 0;
    }
    (void)mark_run(a, a->top, a->n - a->top, false);
    a->top = a->n;
    (void)block_alloc_sweep(a);
}

/* A run of <n> blocks from the first longer run.  Returns 0 when there is none. */
static uint32_t split(struct block_alloc *a, uint32_t n)
{
    uint32_t c = class_of(&n), at;

    while (c < CLASSES && a->free[c].n == 0)
        c++;
    if (c == CLASSES)
        return 0;
    at = a->free[c].at[--a->free[c].n];
    (void)push_runs(a, at + n, length_of(c) - n);
    return at;
}

uint32_t block_alloc_take(struct block_alloc *a, uint32_t *n)
{
    struct stack *s = &a->free[class_of(n)];
    uint32_t at = 0;

    if (s->n > 0) {
        at = s->at[--s->n];
    } else if (*n <= a->n - a->top) {
        at = a->top;
        a->top += *n;
    } else {
        at = split(a, *n);
        if (at == 0 && a->gave) {
            merge(a);
            at = split(a, *n);
        }
    }
    a->used += at ? *n : 0;
    return at;
}

uint32_t block_alloc_used(const struct block_alloc *a)
{
    return a->used;
}
