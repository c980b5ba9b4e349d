/* quick_request -- unpacks a GetRouteRequest without allocating memory, when it has the
 * form in which msg_pack_get_route() writes it.  Thread: any. */
#ifndef LARS_PROTO_QUICK_REQUEST_H
#define LARS_PROTO_QUICK_REQUEST_H

#include <stddef.h>

#include "base/module_id.h"

/* As msg_unpack_get_route(), with the same result for every body. */
int quick_request_unpack(struct module_id *out, const void *body, size_t len);

#endif
