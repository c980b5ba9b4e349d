/* throttle -- counts failed logins by account and by address, and refuses further ones
 * for a while.  Thread: one. */
#ifndef LARS_WEB_THROTTLE_H
#define LARS_WEB_THROTTLE_H

#include <stdint.h>

#define THROTTLE_WINDOW_S 900
#define THROTTLE_ACCOUNT 5            /* failures of an account in the window */
#define THROTTLE_PEER 20              /* failures from an address in the window */

struct throttle;

int throttle_create(struct throttle **out); /* 0 or -ENOMEM */
void throttle_destroy(struct throttle *t); /* NULL is fine */

/* Seconds until this account may be tried from this address; 0 = now. */
uint32_t throttle_wait_s(const struct throttle *t, const char *account, const char *peer,
                         uint64_t now_ms);
void throttle_failed(struct throttle *t, const char *account, const char *peer,
                     uint64_t now_ms);
void throttle_succeeded(struct throttle *t, const char *account);

#endif
