/* Requests without the field cost one look into the table of the head. */
#include <time.h>

#include "fleet/drill_mark.h"
#include "gateway/visitor_private.h"

const char *visitor_source_word(struct visitor *v, const struct http_head *h)
{
    struct gate_loop *g = v->g;
    struct http_text mark;
    bool valid;

    if (!h->at[HTTP_LARS_DRILL])
        return NULL;
    mark = http_head_value(h, HTTP_LARS_DRILL);
    valid = !(h->twice & 1ULL << HTTP_LARS_DRILL) &&
            drill_mark_check(&g->drill, g->now->keys, mark.at, mark.len,
                             (uint64_t)time(NULL));
    gate_loop_count(&g->counts.drill[valid]);
    return valid ? "drill" : NULL;
}
