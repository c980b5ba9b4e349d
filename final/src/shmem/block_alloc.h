/* lines -- which of a number of lines are taken: sizes up to 64 exactly, larger ones by
 * powers of two, so what was given back fits again.  Line 0 is nobody's.
 * Thread: the owner's. */
#ifndef LARS_SHMEM_BLOCK_ALLOC_H
#define LARS_SHMEM_BLOCK_ALLOC_H

#include <stdint.h>

struct block_alloc;

int block_alloc_create(struct block_alloc **out, uint32_t n); /* 0 or -ENOMEM */
void block_alloc_destroy(struct block_alloc *l);  /* NULL is fine */

/* <n> lines in a row, or a few more: <n> is set.  Returns the first; 0 = no room. */
uint32_t block_alloc_take(struct block_alloc *l, uint32_t *n);
/* as they were taken */
void block_alloc_give(struct block_alloc *l, uint32_t at, uint32_t n);

/* At the start: these are taken, in any order.  Returns 0; -EBADMSG when some are taken
 * twice or are not there; -ENOMEM.  Then block_alloc_sweep(): the gaps are free. */
int block_alloc_mark(struct block_alloc *l, uint32_t at, uint32_t n);
int block_alloc_sweep(struct block_alloc *l);

uint32_t block_alloc_used(const struct block_alloc *l);

#endif
