/* gateway_ask -- GET /gateway from the admin port of a gateway.  Thread: any, which may
 * wait for GATEWAY_ASK_MS. */
#ifndef LARS_WEB_GATEWAY_ASK_H
#define LARS_WEB_GATEWAY_ASK_H

#include "web/gateway_answer.h"

#define GATEWAY_ASK_MS 1000
#define GATEWAY_ASK_WHY 128

/* Why there is no answer; the page words it. */
enum gateway_ask_fault {
    GATEWAY_ASK_NONE,
    GATEWAY_ASK_REFUSED, /* no program listens there */
    GATEWAY_ASK_TIMEOUT,
    GATEWAY_ASK_NETWORK, /* the host cannot be reached, or broke off */
    GATEWAY_ASK_NO_GATEWAY, /* the answer is not that of a gateway */
    GATEWAY_ASK_MEMORY,
};

/* Once per process, before any thread asks.  Returns 0 or -ENOMEM. */
int gateway_ask_init(void);
void gateway_ask_fini(void);

/* <address> is ADDRESS:PORT.  Returns GATEWAY_ASK_NONE with <out>, which the caller
 * frees; or the fault, with a sentence for programs in <why>. */
enum gateway_ask_fault gateway_ask_now(const char *address, struct gateway_answer *out,
                                       char why[GATEWAY_ASK_WHY]);

const char *gateway_ask_fault_name(enum gateway_ask_fault f); /* "refused" */

#endif
