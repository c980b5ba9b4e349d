/* fuzz_change_json -- checks for any body of a request: the parser accepts it or gives a
 * reason that is text, and what is accepted is within its bounds. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/change_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_text(const char *text, size_t size)
{
    json_t *j = memchr(text, '\0', size) ? json_string(text) : NULL;
    int ok = j != NULL;

    json_decref(j);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct change_json c = {.n_op = 0};
    struct ops_outcome out = {.result = OPS_DONE};
    char why[CHANGE_WHY] = "";
    size_t bad = 0;
    json_t *plan;
    int rc;

    if (!json_is_object(body)) {
        json_decref(body);
        return 0;
    }
    rc = change_json_read(&c, body, why, &bad);
    if (rc == -EINVAL && (!why[0] || !is_text(why, sizeof(why)) || bad > CHANGE_OPS_MAX))
        abort();
    if (rc == 0) {
        plan = change_json_plan(&c, &out);
        if (!plan || c.n_op < 1 || c.n_op > CHANGE_OPS_MAX ||
            c.n_base > CHANGE_JSON_BASES || !is_text(c.subject, sizeof(c.subject)))
            abort();
        json_decref(plan);
    }
    change_json_free(&c);
    json_decref(body);
    return 0;
}
