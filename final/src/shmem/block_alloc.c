/* A list of free runs for each size class.  Runs of up to 64 blocks have a class of their
 * exact length; longer ones are rounded up to a power of two.  So a run that is given
 * back fits the next request of its class, and modules that grow and shrink do not
 * fragment the room.  Free runs are not merged: what the classes waste is bounded by the
 * room that segment.c adds.  A run that cannot be remembered for lack of memory is lost
 * until the next start, when block_alloc_sweep() finds it.
 *
 * Rejected: lists of free runs inside the shared blocks, because a writer that is killed
 * would leave them half changed; a bitmap that is searched, because taking a run would
 * cost time in proportion to all blocks. */
#include "shmem/block_alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT 64                      /* classes 1 to 64, then powers of two */
#define CLASSES (EXACT + 26)

struct stack {                        /* first blocks of the free runs of a class */
    uint32_t *at;
    uint32_t n, cap;
};

struct block_alloc {
    uint32_t n, used;
    uint32_t top;                     /* blocks from here on were never taken */
    struct stack free[CLASSES];
    unsigned char *mark;              /* a bit for each block; NULL after the start */
};

/* The class of a run of *n blocks; *n becomes the length that the class has. */
static uint32_t class_of(uint32_t *n)
{
    uint32_t c;

    if (*n <= EXACT)
        return *n - 1;
    c = 32u - (uint32_t)__builtin_clz(*n - 1);
    *n = 1u << c;
    return EXACT + c - 7;
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

uint32_t block_alloc_take(struct block_alloc *a, uint32_t *n)
{
    struct stack *s = &a->free[class_of(n)];
    uint32_t at = a->top;

    if (s->n > 0)
        at = s->at[--s->n];
    else if (*n > a->n - a->top)
        return 0;
    else
        a->top += *n;
    a->used += *n;
    return at;
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

void block_alloc_give(struct block_alloc *a, uint32_t at, uint32_t n)
{
    a->used -= n;
    (void)push(a, at, n);             /* -ENOMEM: lost until the next start */
}

int block_alloc_mark(struct block_alloc *a, uint32_t at, uint32_t n)
{
    uint32_t i;

    if (!a->mark)
        a->mark = calloc(1, a->n / 8 + 1);
    if (!a->mark)
        return -ENOMEM;
    (void)class_of(&n);               /* the length that it was taken with */
    if (at == 0 || n > a->n - at)
        return -EBADMSG;
    for (i = at; i < at + n; i++) {
        if (a->mark[i / 8] & 1u << i % 8)
            return -EBADMSG;
        a->mark[i / 8] |= (unsigned char)(1u << i % 8);
    }
    if (at + n > a->top)
        a->top = at + n;
    a->used += n;
    return 0;
}

int block_alloc_sweep(struct block_alloc *a)
{
    uint32_t i, from = 1, n;

    for (i = 1; a->mark && i <= a->top; i++) {
        bool taken = i == a->top || a->mark[i / 8] & 1u << i % 8;

        while (taken && from < i) {   /* a gap becomes runs of at most 64 blocks */
            n = i - from < EXACT ? i - from : EXACT;
            if (!push(a, from, n))
                return -ENOMEM;
            from += n;
        }
        from = taken ? i + 1 : from;
    }
    free(a->mark);
    a->mark = NULL;
    return 0;
}

uint32_t block_alloc_used(const struct block_alloc *a)
{
    return a->used;
}
