/* ask_service -- which service answers at an address?  A connection is made as an agent
 * makes it, with TLS when [tls] is set, and hello is sent.  Thread: one. */
#ifndef LARS_CTL_ASK_SERVICE_H
#define LARS_CTL_ASK_SERVICE_H

#include "net/tls_link.h"
#include "proto/msg_batch.h"

#define ASK_SERVICE_MS 1000 /* the longest wait, besides the connect; TLS: twice that */

/* <tls> NULL = plain.  Returns 0 with the service in *got, NOT_TOLD when nothing was
 * answered, as by version 1.1; -ECONNREFUSED and alike when there is no connection;
 * -ECONNRESET when it was closed without an answer, and then *why has the reason when it
 * is one of TLS, else TLS_WHY_NONE; -ENOMEM. */
int ask_service_at(const struct net_addr *at, enum msg_service want, struct tls_link *tls,
                   enum msg_service *got, enum tls_why *why);

#endif
