/* The file is read as a whole and refused as a whole when a line is wrong: a list that
 * lost a line would no longer revoke a certificate. */
#include "roster/cert_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"valid", "replaced", "revoked"};
#define N_STATES (sizeof(states) / sizeof(states[0]))

static int read_row(const char *line, struct cert_index_row *out)
{
    char state[12], extra;
    size_t i = 0;

    memset(out, 0, sizeof(*out));
    if (sscanf(line, "%40s %32s %9u %15s %20s %11s %c", out->serial, out->host,
               &out->machine, out->role, out->end, state, &extra) != 6 ||
        out->serial[strspn(out->serial, "0123456789ABCDEF")])
        return -EINVAL;
    while (i < N_STATES && strcmp(states[i], state) != 0)
        i++;
    out->state = (enum cert_index_state)i;
    return i < N_STATES ? 0 : -EINVAL;
}

int cert_index_read(struct cert_index *x, const char *text, int *line)
{
    struct cert_index_row row;
    char copy[200];
    int rc = 0;

    memset(x, 0, sizeof(*x));
    for (*line = 1; *text && rc == 0; (*line)++) {
        size_t len = strcspn(text, "\n");

        if (len >= sizeof(copy) || text[len] != '\n')
            return -EINVAL;
        memcpy(copy, text, len);
        copy[len] = '\0';
        rc = read_row(copy, &row);
        if (rc < 0)
            return rc;
        rc = cert_index_add(x, &row);
        text += len + 1;
    }
    return rc;
}

void cert_index_free(struct cert_index *x)
{
    free(x->row);
    memset(x, 0, sizeof(*x));
}

int cert_index_add(struct cert_index *x, const struct cert_index_row *row)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? 2 * x->cap : 64;
        struct cert_index_row *more;

        if (x->n >= CERT_INDEX_MAX)
            return -E2BIG;
        more = realloc(x->row, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        x->row = more;
        x->cap = cap;
    }
    x->row[x->n++] = *row;
    return 0;
}

struct cert_index_row *cert_index_find(const struct cert_index *x, const char *serial)
{
    size_t i;

    for (i = 0; i < x->n; i++)
        if (strcmp(x->row[i].serial, serial) == 0)
            return &x->row[i];
    return NULL;
}

char *cert_index_text(const struct cert_index *x)
{
    char *text = NULL;
    size_t len, i;
    FILE *to = open_memstream(&text, &len);

    if (!to)
        return NULL;
    for (i = 0; i < x->n; i++) {
        const struct cert_index_row *r = &x->row[i];

        fprintf(to, "%s %s %u %s %s %s\n", r->serial, r->host, r->machine, r->role,
                r->end, states[r->state]);
    }
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
