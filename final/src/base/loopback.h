/* loopback -- addresses that only this host reaches.  Thread: any. */
#ifndef LARS_BASE_LOOPBACK_H
#define LARS_BASE_LOOPBACK_H

#include <stdbool.h>

#include "base/net_addr.h"

/* 127.0.0.0/8, also within IPv6 (::ffff:127.0.0.1), or ::1. */
bool loopback_is(const struct net_addr *at);

#endif
