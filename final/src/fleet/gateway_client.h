/* gateway_client -- one request to the admin port of a gateway.  It waits, so an event
 * loop must not call it; a call lasts at most its time-out, and an answer has at most
 * GATEWAY_CLIENT_MAX bytes.  Redirections are not followed and no proxy is used.
 *
 * A failure is a sentence that names the address and says what to do:
 *     127.0.0.1:9890: nothing listens there; start lars-gateway with [admin] listen, ...
 * Thread: any, several at once. */
#ifndef LARS_FLEET_GATEWAY_CLIENT_H
#define LARS_FLEET_GATEWAY_CLIENT_H

#include <jansson.h>

#include "fleet/fleet_keys.h"
#include "fleet/signed_command.h"

#define GATEWAY_CLIENT_MAX (1u << 20)     /* bytes of an answer */
#define GATEWAY_CLIENT_MS 3000            /* a time-out for people who wait */
#define GATEWAY_CLIENT_WHY 400            /* bytes of a sentence */
#define GATEWAY_CLIENT_EPOCH (SIGNED_COMMAND_EPOCH_MAX + 1)

/* Before the first call, and after the last one.  Returns 0 or -ENOMEM.  Thread: init. */
int gateway_client_init(void);
void gateway_client_fini(void);

/* GET <path> of the gateway at <at>, "ADDRESS:PORT"; its answer is a JSON object, such as
 * that of /gateway.  The caller calls json_decref(*out).  Returns 0; or, with a sentence
 * in <why>:
 *     -EINVAL        <at> is no address
 *     -ECONNREFUSED  nothing listens there
 *     -ETIMEDOUT     no complete answer came within <timeout_ms>
 *     -EACCES        the gateway refused the signature (401)
 *     -EPROTO        what answers is no gateway, or refused with another status
 *     -EMSGSIZE      the answer is too long
 *     -EIO, -ENOMEM  another failure of the connection; no memory */
int gateway_client_get(const char *at, const char *path, uint32_t timeout_ms,
                       json_t **out, char why[GATEWAY_CLIENT_WHY]);

/* Whether the gateway at <at> says 200 at /ready.  Returns as gateway_client_get();
 * -EPROTO: another status, and <why> has what it said. */
int gateway_client_ready(const char *at, uint32_t timeout_ms,
                         char why[GATEWAY_CLIENT_WHY]);

/* The command POST <path> with <body>, signed with the first of <k> for this process of
 * the gateway, whose epoch it asks for first (signed_command.h).  Returns as
 * gateway_client_get(); <why> has the answer of the gateway, a sentence, on success too.
 * A command may have been obeyed when the result is -ETIMEDOUT or -EIO. */
int gateway_client_command(const char *at, const struct fleet_keys *k, const char *path,
                           const char *body, uint32_t timeout_ms,
                           char why[GATEWAY_CLIENT_WHY]);

/* The question POST <path> with <body>, signed as a command is; the answer is a JSON
 * object.  <epoch> is what the last call at this address has left there, "" at first; a
 * gateway that was restarted is asked for its new one.  The caller makes each body
 * another one, by a number that the gateway passes over: a signature is accepted once,
 * and this is not tried again.  The caller calls json_decref(*out).  Returns as
 * gateway_client_get(). */
int gateway_client_ask(const char *at, const struct fleet_keys *k, const char *path,
                       const char *body, uint32_t timeout_ms,
                       char epoch[GATEWAY_CLIENT_EPOCH], json_t **out,
                       char why[GATEWAY_CLIENT_WHY]);

#endif
