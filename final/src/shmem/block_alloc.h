/* block_alloc -- which of a number of blocks are in use; it hands out runs of consecutive
 * blocks.  It works on numbers only and touches no memory of the caller.  Block 0 is
 * reserved, so 0 can mean "no room".  Thread: the owner's. */
#ifndef LARS_SHMEM_BLOCK_ALLOC_H
#define LARS_SHMEM_BLOCK_ALLOC_H

#include <stdint.h>

struct block_alloc;

/* For blocks 1 to <n> - 1, all free.  Returns 0 or -ENOMEM. */
int block_alloc_create(struct block_alloc **out, uint32_t n);
void block_alloc_destroy(struct block_alloc *a); /* NULL is fine */

/* Take a run of at least *n blocks; *n becomes its length.  Returns its first block; 0
 * when there is no room. */
uint32_t block_alloc_take(struct block_alloc *a, uint32_t *n);

/* Give a run back, with the length that block_alloc_take() returned. */
void block_alloc_give(struct block_alloc *a, uint32_t at, uint32_t n);

/* At the start, before any block is taken: mark a run that is in use, in any order.  When
 * all are marked, block_alloc_sweep() makes the gaps between them available.  Both return
 * 0 or -ENOMEM; mark returns -EBADMSG when a block is marked twice or does not exist. */
int block_alloc_mark(struct block_alloc *a, uint32_t at, uint32_t n);
int block_alloc_sweep(struct block_alloc *a);

/* Blocks in use. */
uint32_t block_alloc_used(const struct block_alloc *a);

#endif
