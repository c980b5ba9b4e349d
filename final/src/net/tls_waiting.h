/* tls_waiting -- the handshakes that are in progress at a server.  They are bounded, so
 * that peers which connect and say nothing cannot take the memory; and the oldest one
 * ends for a new one, so that they cannot keep others out either.
 * Thread: any; each handshake belongs to the thread of its connection. */
#ifndef LARS_NET_TLS_WAITING_H
#define LARS_NET_TLS_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "net/conn_group.h"

/* A handshake that is younger is not ended for a new one. */
#define TLS_WAITING_LEAST_MS 1000

struct tls_waiting;

struct tls_waiting_place { /* a member of the connection; zeroed = not in use */
    struct tls_waiting_place *next, *prev;
    struct tls_waiting_list *list; /* NULL = not in use */
    uint64_t since_ms;
};

/* Handshakes of <n_threads> threads, <max> in each.  Returns 0 or -ENOMEM. */
int tls_waiting_create(struct tls_waiting **out, unsigned n_threads, unsigned max);
void tls_waiting_destroy(struct tls_waiting *w); /* NULL is fine */

/* A handshake of the thread of <g> begins.  Borrows <p> until tls_waiting_leave().
 * Returns false: there is no place.  *<oldest> is the one to end for it, or NULL; the
 * caller ends it, which calls tls_waiting_leave(). */
bool tls_waiting_enter(struct tls_waiting *w, const struct conn_group *g,
                       struct tls_waiting_place *p, uint64_t now_ms,
                       struct tls_waiting_place **oldest);
void tls_waiting_leave(struct tls_waiting_place *p); /* not in use: nothing */

#endif
