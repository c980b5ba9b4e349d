/* lines -- which of a number of lines are taken: sizes up to 64 exactly, larger ones by
 * powers of two, so what was given back fits again.  Line 0 is nobody's.
 * Thread: the owner's. */
#ifndef LARS_SHMTAB_LINES_H
#define LARS_SHMTAB_LINES_H

#include <stdint.h>

struct lines;

int lines_create(struct lines **out, uint32_t n); /* 0 or -ENOMEM */
void lines_destroy(struct lines *l);  /* NULL is fine */

/* <n> lines in a row, or a few more: <n> is set.  Returns the first; 0 = no room. */
uint32_t lines_take(struct lines *l, uint32_t *n);
void lines_give(struct lines *l, uint32_t at, uint32_t n); /* as they were taken */

/* At the start: these are taken, in any order.  Returns 0; -EBADMSG when some are taken
 * twice or are not there; -ENOMEM.  Then lines_sweep(): the gaps are free. */
int lines_mark(struct lines *l, uint32_t at, uint32_t n);
int lines_sweep(struct lines *l);

uint32_t lines_used(const struct lines *l);

#endif
