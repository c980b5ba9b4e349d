/* api_row -- rows of the database as objects of JSON, by a list of their columns.
 * Thread: any. */
#ifndef LARS_WEB_API_ROW_H
#define LARS_WEB_API_ROW_H

#include <jansson.h>

enum api_row_kind { /* of a cell; NULL of SQL is null */
                    API_ROW_TEXT,
                    API_ROW_NUMBER, /* whole */
                    API_ROW_RATE, /* at most 3 decimals */
                    API_ROW_YES, /* 0: false, else true */
};

struct api_row_column {
    const char *name; /* NULL after the last */
    enum api_row_kind kind;
};

/* The object of the next columns of a row; *<at> moves behind them. */
json_t *api_row_object(const struct api_row_column *c, char ***at);

#endif
