/* change_json -- reads a change from the body of a request, and writes its plan.  Thread:
 * any. */
#ifndef LARS_WEB_CHANGE_JSON_H
#define LARS_WEB_CHANGE_JSON_H

#include <jansson.h>

#include "ops/ops.h"

#define CHANGE_JSON_BASES 500

struct change_json {                  /* zeroed before; freed in any case */
    struct change_op *op;
    size_t n_op;
    struct ops_base *base;
    size_t n_base;
    char action[33], subject[170];    /* for the audit */
    char word[160];                   /* what the operator types to consent */
};

/* Read "operations" and "base".  Texts are borrowed from <body>.  Returns 0; -ENOMEM;
 * -EINVAL: <why> has the reason, and *<bad> is the number of the operation. */
int change_json_read(struct change_json *c, const json_t *body, char why[CHANGE_WHY],
                     size_t *bad);
void change_json_free(struct change_json *c);

/* {"hash", "needs": "none"|"consent", "word", "modules": [...], "zones": [...], "rows":
 * [...], "settings": [...]}. */
json_t *change_json_plan(const struct change_json *c, const struct ops_outcome *out);

#endif
