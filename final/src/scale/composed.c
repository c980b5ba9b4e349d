#include "scale/composed.h"

int composed_run(struct myconn *con, struct buf *b, int rc)
{
    if (rc == 0)
        rc = myconn_query(con, buf_bytes(b), b->len);
    buf_free(b);
    return rc;
}
