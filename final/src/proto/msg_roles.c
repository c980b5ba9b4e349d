/* One table for both services.  A message that belongs to the other service is handled
 * there as a wrong address in the configuration, which the sender's role does not change.
 */
#include "proto/msg_roles.h"

#include "proto/msg.h"
#include "proto/msg_batch.h"
#include "proto/msg_report.h"
#include "proto/msg_slot.h"
#include "proto/msg_state.h"

unsigned msg_roles_may_send(int32_t msgid)
{
    switch (msgid) {
    case MSG_HELLO:
        return MSG_ROLES_CLIENTS;
    case MSG_GET_ROUTE:
        return ROLE_AGENT | ROLE_LARSCTL;
    case MSG_REPORT_STATUS:
    case MSG_REPORT_BATCH:
    case MSG_AGENT_STATE:
        return ROLE_AGENT;
    case MSG_SLOT_HELLO:
    case MSG_SLOT_STATE:
        return ROLE_SLOTS;
    default:
        return ROLE_ALL;
    }
}
