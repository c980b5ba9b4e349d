/* outcome -- what a call is reported as when its attempt has ended.  Only what the node
 * did counts: a node is ejected for failures, so neither the visitor nor this process may
 * make one of them.
 *
 *     how the attempt ended                                reported as
 *     the whole response came, also before the body        well
 *       ... with 502, 503, 504, repeated or passed on      failed
 *       ... with 503 and Lars-Load: over its own limit     rejected
 *     the connect was refused, or took connect_ms          failed
 *     no head of a response within try_ms                  failed
 *     total_ms was over, in the first attempt              failed
 *       ... in a later one: others had used its time       cancelled
 *     closed or reset before the end of the response       failed
 *       ... before its first byte, on a connection that    not at all: it is sent again
 *           had carried a request before                   to the same node
 *     no HTTP, or framing with two readings                failed
 *     no byte of the body for relay_ms                     failed
 *       ... while the visitor owes bytes of the request    cancelled
 *     no descriptor, port or memory in this process        cancelled
 *     the visitor has left, is too slow or sends nonsense  cancelled
 *       ... after a head with 502 to 504 or Lars-Load      as its status says
 *
 * Pure.  Thread: any. */
#ifndef LARS_GATEWAY_OUTCOME_H
#define LARS_GATEWAY_OUTCOME_H

#include "api/lars.h"
#include "gateway/gate_loop.h"
#include "http/http_head.h"

/* An attempt has failed because of <why>; <not_its_time>: a timer ended it whose time
 * others had used. */
enum lars_outcome outcome_of_attempt(enum gate_attempt why, bool not_its_time);

/* What the head of a response shows. */
enum lars_outcome outcome_of_head(const struct http_head *h);

/* The call is given up; <shown>: what the head of its response showed, LARS_WELL when
 * there is none. */
enum lars_outcome outcome_of_cancel(enum lars_outcome shown);

/* GATE_OWN when <rc>, from a socket or an allocation, is about this process, not about
 * the node; otherwise <why>. */
enum gate_attempt outcome_why(int rc, enum gate_attempt why);

#endif
