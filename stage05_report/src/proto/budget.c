#include "proto/budget.h"

#include <stdlib.h>

#define UNPACK_FACTOR 100             /* bytes of memory for each byte received */

static void *budget_alloc(void *arg, size_t size)
{
    struct budget *b = arg;

    if (size > b->left)
        return NULL;                  /* the unpacking fails and frees its memory */
    b->left -= size;
    return malloc(size);
}

static void budget_free(void *arg, void *p)
{
    (void)arg;
    free(p);
}

ProtobufCAllocator budget_allocator(struct budget *b, size_t len)
{
    b->left = (len + 16) * UNPACK_FACTOR;
    return (ProtobufCAllocator){budget_alloc, budget_free, b};
}
