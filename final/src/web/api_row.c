/* The order of the columns of a SELECT and that of the list must be equal; both stand
 * beside each other in the code that asks. */
#include "web/api_row.h"

#include <stdlib.h>

#include "web/api_json.h"

static json_t *cell(enum api_row_kind kind, const char *text)
{
    if (!text)
        return json_null();
    switch (kind) {
    case API_ROW_NUMBER:
        return api_json_number(text);
    case API_ROW_RATE:
        return api_json_rate(strtod(text, NULL));
    case API_ROW_YES:
        return json_boolean(strtoul(text, NULL, 10) != 0);
    default:
        return json_string(text);
    }
}

json_t *api_row_object(const struct api_row_column *c, char ***at)
{
    json_t *j = json_object();

    for (; c->name; c++)
        json_object_set_new(j, c->name, cell(c->kind, *(*at)++));
    return j;
}
