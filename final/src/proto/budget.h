/* budget -- memory for unpacking one message, bounded by what was received: 64 KiB of
 * hostile protobuf can ask for 68 times as much.  Thread: any. */
#ifndef LARS_PROTO_BUDGET_H
#define LARS_PROTO_BUDGET_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct budget {
    size_t left;                      /* bytes that may still be asked for */
};

/* For unpacking <len> bytes.  Borrows <b> while it is used. */
ProtobufCAllocator budget_allocator(struct budget *b, size_t len);

#endif
