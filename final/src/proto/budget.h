/* budget -- an allocator for protobuf-c that limits the memory one message may use.
 * Without a limit, 64 KiB of hostile protobuf unpack to 68 times as much memory.
 * Thread: any. */
#ifndef LARS_PROTO_BUDGET_H
#define LARS_PROTO_BUDGET_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct budget {
    size_t left;                      /* bytes that may still be allocated */
};

/* An allocator for unpacking <len> bytes; it returns NULL once the limit is reached, and
 * the unpacking fails.  Borrows <b> as long as the allocator is used. */
ProtobufCAllocator budget_allocator(struct budget *b, size_t len);

#endif
