/* cert_index -- the certificates that a CA has issued, a line each in a file:
 *     SERIAL HOST MACHINE ROLE END STATE
 *     5f3a...  a1 1 dnsd 2029-03-01T00:00:00Z valid
 * SERIAL in hexadecimal.  Rows stay when the time of a certificate is over: a clock that
 * is wrong must not forget what was revoked.  Thread: one. */
#ifndef LARS_ROSTER_CERT_INDEX_H
#define LARS_ROSTER_CERT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roster/roster.h"

#define CERT_INDEX_SERIAL 41 /* 20 bytes in hexadecimal, and the 0 */
#define CERT_INDEX_ROLE 16
#define CERT_INDEX_END 21 /* "2029-03-01T00:00:00Z" */
#define CERT_INDEX_MAX 20000 /* rows */

enum cert_index_state {
    CERT_INDEX_VALID,
    CERT_INDEX_REPLACED, /* of the same machine: it stays accepted */
    CERT_INDEX_REVOKED,
};

struct cert_index_row {
    char serial[CERT_INDEX_SERIAL], host[ROSTER_NAME_LEN], role[CERT_INDEX_ROLE];
    char end[CERT_INDEX_END];
    uint32_t machine;
    enum cert_index_state state;
    bool wanted; /* for the owner: not in the file */
};

struct cert_index {
    struct cert_index_row *row; /* owned */
    size_t n, cap;
};

/* Read <text>, the content of a file; "" = no rows.  Returns 0; -EINVAL with the number
 * of the wrong line in *line; -E2BIG; -ENOMEM.  cert_index_free() is needed in every
 * case. */
int cert_index_read(struct cert_index *x, const char *text, int *line);
void cert_index_free(struct cert_index *x);

/* Copies <row>.  Returns 0; -E2BIG; -ENOMEM. */
int cert_index_add(struct cert_index *x, const struct cert_index_row *row);

/* NULL = none.  Borrowed until the next cert_index_add(). */
struct cert_index_row *cert_index_find(const struct cert_index *x, const char *serial);

/* The text of the file.  The caller frees it; NULL = out of memory. */
char *cert_index_text(const struct cert_index *x);

#endif
