/* msg_roles -- which programs may send a message to a DNSService or a Report Service, as
 * their certificates name their roles.  Thread: any. */
#ifndef LARS_PROTO_MSG_ROLES_H
#define LARS_PROTO_MSG_ROLES_H

#include <stdint.h>

#include "base/role.h"

/* The roles that have anything to send: a set of enum role. */
#define MSG_ROLES_CLIENTS (ROLE_AGENT | ROLE_SLOTS | ROLE_LARSCTL)

/* The roles that may send message <msgid>.  An id that no service knows is skipped and
 * counted by every service, so every role may send it. */
unsigned msg_roles_may_send(int32_t msgid);

#endif
