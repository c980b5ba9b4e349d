/* forward_private -- a request on its way, as the two files that handle it see it:
 *     forward.c          attempts: pick, connect, send, what comes after a failure
 *     forward_answer.c   the response
 * Thread: loop. */
#ifndef LARS_GATEWAY_FORWARD_PRIVATE_H
#define LARS_GATEWAY_FORWARD_PRIVATE_H

#include "gateway/forward.h"
#include "gateway/node_pool.h"
#include "gateway/outcome.h"

/* The attempt has failed: another one is made, or the request has ended. */
void forward_failed(struct forward *f, enum gate_attempt why);

/* Another attempt may send the request again. */
bool forward_may_repeat(const struct forward *f, enum gate_attempt why);

/* End the attempt as timed out after <ms>. */
void forward_set_timer(struct forward *f, uint32_t ms);

void forward_end_call(struct forward *f, enum lars_outcome outcome);
void forward_finish(struct forward *f); /* nothing of it is left at the loop */

/* For the limit of admission: the response has begun after <us>; UINT64_MAX = never. */
void forward_note_first_byte(struct forward *f, uint64_t us);

/* For the autoscaler: at <now_us> the node has begun its answer, or has not in time. */
void forward_note_node(struct forward *f, uint64_t now_us);

/* --- forward_answer.c --------------------------------------------------------------- */

void forward_answer_read(struct stream *s); /* on_input of a connection to a node */

/* The node has relay_ms for the next bytes of the response, while they are wanted. */
void forward_answer_await(struct forward *f);

#endif
