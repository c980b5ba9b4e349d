/* batchpeer.h -- plays an agent that sends batches of reports to the Report Service. */
#ifndef LARS_TEST_BATCHPEER_H
#define LARS_TEST_BATCHPEER_H

#include "dnspeer.h"
#include "proto/msg_batch.h"

/* Send batch <seq>, with one row, of the one stream that this peer has. */
static inline void batchpeer_send(int fd, uint64_t seq)
{
    struct msg_batch *b = calloc(1, sizeof(*b) + sizeof(b->row[0]));
    char body[200];
    ssize_t n;

    assert_non_null(b);
    memset(b->stream, 7, sizeof(b->stream));
    b->seq = seq;
    b->caller = 0x7f000001;
    b->n = 1;
    b->row[0] = (struct msg_count){{1, 1}, 0x7f000101, 80, 1, 0, false};
    n = msg_batch_pack(b, body, sizeof(body));
    free(b);
    assert_true(n > 0);
    dnspeer_send(fd, MSG_REPORT_BATCH, body, (size_t)n);
}

#endif
