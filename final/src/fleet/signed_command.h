/* signed_command -- a command to a gateway, signed with a key of the fleet.  It is an
 * HTTP request with three more fields:
 *     Lars-Time: UNIX-SECONDS
 *     Lars-Gateway: EPOCH
 *     Lars-Signature: HMAC-SHA256, 64 digits, of
 *         lars-command-2 LF EPOCH LF METHOD LF PATH LF UNIX-SECONDS LF BODY
 * EPOCH is drawn at random by each process of a gateway and stands in GET /gateway.  The
 * receiver accepts its own epoch only, within SIGNED_COMMAND_SKEW_S of its own clock, and
 * each signature once.  So a command that was overheard cannot be repeated: not there,
 * not after a restart, and not at another gateway with the same key.
 *
 * Older gateways have no epoch.  They get the fields Lars-Time and Lars-Signature of
 * METHOD LF PATH LF UNIX-SECONDS LF BODY, which a gateway with an epoch refuses. */
#ifndef LARS_FLEET_SIGNED_COMMAND_H
#define LARS_FLEET_SIGNED_COMMAND_H

#include <stdint.h>

#include "fleet/fleet_keys.h"

#define SIGNED_COMMAND_SKEW_S 30
#define SIGNED_COMMAND_TIME "Lars-Time"
#define SIGNED_COMMAND_SIGNATURE "Lars-Signature"
#define SIGNED_COMMAND_GATEWAY "Lars-Gateway"
#define SIGNED_COMMAND_EPOCH_MAX 32       /* letters and digits of an epoch */
#define SIGNED_COMMAND_BODY_MAX 4096      /* bytes of a body */
/* The reason for a signature that was accepted before begins so. */
#define SIGNED_COMMAND_REPEATED "this command was accepted before"
/* The reason for another epoch than that of the gateway begins so. */
#define SIGNED_COMMAND_OTHER "this command is for another gateway"

struct signed_command {                   /* all borrowed */
    const char *epoch;                    /* of the gateway; NULL = it is older */
    const char *method, *path;
    const char *body;
    size_t body_len;
};

/* The values of the two fields, each with a 0 byte, for a command at <now_s>.  Returns 0,
 * or -EMSGSIZE: the epoch, the path or the body is too long, or no memory is left.
 * Thread: any. */
struct signed_command_fields {
    char time[24], signature[FLEET_KEYS_MAC + 1];
};
int signed_command_sign(const struct fleet_keys *k, const struct signed_command *c,
                        uint64_t now_s, struct signed_command_fields *out);

/* The receiver: remembers the signatures that it has accepted while they are valid. */
struct signed_command_gate;
int signed_command_gate_create(struct signed_command_gate **out); /* 0, -ENOMEM */
void signed_command_gate_destroy(struct signed_command_gate *g); /* NULL is fine */

/* The fields of a request, NULL = missing. */
struct signed_command_sent {
    const char *time, *gateway, *signature;
};

/* Whether the command, with the receiver's own epoch in it, may be obeyed at <now_s>.
 * Returns 0, once for each signature; -EACCES with a sentence in <*why>, a static string
 * without a line end, that says how to mend it.  Thread: one. */
int signed_command_accept(struct signed_command_gate *g, const struct fleet_keys *k,
                          const struct signed_command *c,
                          const struct signed_command_sent *sent, uint64_t now_s,
                          const char **why);

#endif
