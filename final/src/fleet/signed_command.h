/* signed_command -- a command to a gateway, signed with a key of the fleet.  It is an
 * HTTP request with two more fields:
 *     Lars-Time: UNIX-SECONDS
 *     Lars-Signature: HMAC-SHA256 of METHOD LF PATH LF UNIX-SECONDS LF BODY, 64 digits
 * The receiver accepts it within SIGNED_COMMAND_SKEW_S of its own clock, and each
 * signature once, so that a command that was overheard cannot be repeated there. */
#ifndef LARS_FLEET_SIGNED_COMMAND_H
#define LARS_FLEET_SIGNED_COMMAND_H

#include <stdint.h>

#include "fleet/fleet_keys.h"

#define SIGNED_COMMAND_SKEW_S 30
#define SIGNED_COMMAND_TIME "Lars-Time"
#define SIGNED_COMMAND_SIGNATURE "Lars-Signature"
#define SIGNED_COMMAND_BODY_MAX 4096      /* bytes of a body */
/* The reason for a signature that was accepted before begins so. */
#define SIGNED_COMMAND_REPEATED "this command was accepted before"

struct signed_command {                   /* all borrowed */
    const char *method, *path;
    const char *body;
    size_t body_len;
};

/* The values of the two fields, each with a 0 byte, for a command at <now_s>.  Returns 0,
 * or -EMSGSIZE: the path or the body is too long, or no memory is left.  Thread: any. */
struct signed_command_fields {
    char time[24], signature[FLEET_KEYS_MAC + 1];
};
int signed_command_sign(const struct fleet_keys *k, const struct signed_command *c,
                        uint64_t now_s, struct signed_command_fields *out);

/* The receiver: remembers the signatures that it has accepted while they are valid. */
struct signed_command_gate;
int signed_command_gate_create(struct signed_command_gate **out); /* 0, -ENOMEM */
void signed_command_gate_destroy(struct signed_command_gate *g); /* NULL is fine */

/* Whether the command may be obeyed at <now_s>.  <time> and <signature> are the fields,
 * NULL = missing.  Returns 0, once for each signature; -EACCES with a sentence in <*why>,
 * a static string without a line end, that says how to mend it.  Thread: one. */
int signed_command_accept(struct signed_command_gate *g, const struct fleet_keys *k,
                          const struct signed_command *c, const char *time,
                          const char *signature, uint64_t now_s, const char **why);

#endif
