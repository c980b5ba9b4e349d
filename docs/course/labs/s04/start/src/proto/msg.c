/* The generated code of protobuf-c does the coding; this file checks what it returns.
 *
 * Invariant: an out-parameter is written only when the whole message is good, so a caller
 * never sees half of a message.
 * Rejected: passing the generated structs on to the callers.  Their fields are signed,
 * their memory must be freed in a special way, and every caller would have to check the
 * values itself. */
#include "proto/msg.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

/* 1. Unpack <body> with lars__get_route_request__unpack() and an allocator from
 *    budget_allocator(), which limits the memory that the message may use.  NULL means
 *    -EBADMSG.
 * 2. Module 0/0 does not exist: -EINVAL.  Otherwise write *out.  The fields of the
 *    generated struct are int32_t and the module has uint32_t, so convert them.
 * 3. Free the message with lars__get_route_request__free_unpacked() and the same
 *    allocator, in every case in which it was unpacked. */
int msg_unpack_get_route(struct module_id *out, const void *body, size_t len)
{
    /* begin msg_unpack_get_route */
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);

    (void)a;
    (void)out;
    (void)body;
    return -EBADMSG;
    /* end msg_unpack_get_route */
}

/* 1. Initialise a Lars__GetRouteRequest with LARS__GET_ROUTE_REQUEST__INIT and set its
 *    fields.
 * 2. Ask ..._get_packed_size() first, because ..._pack() writes without a limit:
 *    -ENOBUFS when the message needs more than <room> bytes.
 * 3. Pack it, and return its length. */
ssize_t msg_pack_get_route(const struct module_id *m, void *body, size_t room)
{
    /* begin msg_pack_get_route */
    (void)m;
    (void)body;
    (void)room;
    return -ENOSYS;
    /* end msg_pack_get_route */
}

/* 1. More than MSG_MAX_HOSTS hosts are -E2BIG.
 * 2. The generated struct wants an array of pointers to Lars__HostInfo.  Allocate n of
 *    them and n pointers, in one block or in two; n may be 0, and malloc(0) may return
 *    NULL.  Without memory return -ENOMEM.
 * 3. Initialise each with lars__host_info__init(), set ip and port, and store its
 *    address in the array of pointers.
 * 4. Set modid, cmdid, n_host and host of the response.  Pack it when it fits <room>;
 *    otherwise the result is -ENOBUFS.
 * 5. Free what you allocated, in every case, and return the length or the error. */
ssize_t msg_pack_route(const struct module_id *m, const struct msg_host *host, size_t n,
                       void *body, size_t room)
{
    /* begin msg_pack_route */
    (void)m;
    (void)host;
    (void)n;
    (void)body;
    (void)room;
    return -ENOSYS;
    /* end msg_pack_route */
}

/* Copy the hosts of <r> to <host>.  Returns 0; -E2BIG when there are more than <max>,
 * which is checked before anything is written; -EINVAL when a port is not 1 to 65535.
 * A port arrives as a signed number of the sender. */
static int copy_hosts(const Lars__GetRouteResponse *r, struct msg_host *host, size_t max)
{
    /* begin copy_hosts */
    (void)r;
    (void)host;
    (void)max;
    return -ENOSYS;
    /* end copy_hosts */
}

/* 1. Unpack with the allocator of budget_allocator(); NULL is -EBADMSG.
 * 2. Module 0/0 is -EINVAL.  Otherwise copy the hosts.
 * 3. Only when everything was good, write *m and *n.
 * 4. Free the message in every case in which it was unpacked. */
int msg_unpack_route(struct module_id *m, struct msg_host *host, size_t max, size_t *n,
                     const void *body, size_t len)
{
    /* begin msg_unpack_route */
    (void)m;
    (void)host;
    (void)max;
    (void)n;
    (void)body;
    (void)len;
    (void)copy_hosts;
    return -ENOSYS;
    /* end msg_unpack_route */
}
