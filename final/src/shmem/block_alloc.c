#include "shmem/block_alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT 64                      /* classes 1 to 64, then powers of two */
#define CLASSES (EXACT + 26)

struct stack {
    uint32_t *at;
    uint32_t n, cap;
};

struct block_alloc {
    uint32_t n, top, used;
    struct stack free[CLASSES];
    unsigned char *mark;              /* a bit for each line, at the start */
};

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
    struct block_alloc *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->n = n;
    l->top = 1;
    *out = l;
    return 0;
}

void block_alloc_destroy(struct block_alloc *l)
{
    uint32_t c;

    if (!l)
        return;
    for (c = 0; c < CLASSES; c++)
        free(l->free[c].at);
    free(l->mark);
    free(l);
}

uint32_t block_alloc_take(struct block_alloc *l, uint32_t *n)
{
    struct stack *s = &l->free[class_of(n)];
    uint32_t at = l->top;

    if (s->n > 0)
        at = s->at[--s->n];
    else if (*n > l->n - l->top)
        return 0;
    else
        l->top += *n;
    l->used += *n;
    return at;
}

static bool push(struct block_alloc *l, uint32_t at, uint32_t n)
{
    struct stack *s = &l->free[class_of(&n)];
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

void block_alloc_give(struct block_alloc *l, uint32_t at, uint32_t n)
{
    l->used -= n;
    (void)push(l, at, n);             /* no memory: found again at the next start */
}

int block_alloc_mark(struct block_alloc *l, uint32_t at, uint32_t n)
{
    uint32_t i;

    if (!l->mark)
        l->mark = calloc(1, l->n / 8 + 1);
    if (!l->mark)
        return -ENOMEM;
    (void)class_of(&n);               /* as it was taken */
    if (at == 0 || n > l->n - at)
        return -EBADMSG;
    for (i = at; i < at + n; i++) {
        if (l->mark[i / 8] & 1u << i % 8)
            return -EBADMSG;
        l->mark[i / 8] |= (unsigned char)(1u << i % 8);
    }
    if (at + n > l->top)
        l->top = at + n;
    l->used += n;
    return 0;
}

int block_alloc_sweep(struct block_alloc *l)
{
    uint32_t i, from = 1, n;

    for (i = 1; l->mark && i <= l->top; i++) {
        bool taken = i == l->top || l->mark[i / 8] & 1u << i % 8;

        while (taken && from < i) {   /* a gap: in parts of at most 64 */
            n = i - from < EXACT ? i - from : EXACT;
            if (!push(l, from, n))
                return -ENOMEM;
            from += n;
        }
        from = taken ? i + 1 : from;
    }
    free(l->mark);
    l->mark = NULL;
    return 0;
}

uint32_t block_alloc_used(const struct block_alloc *l)
{
    return l->used;
}
