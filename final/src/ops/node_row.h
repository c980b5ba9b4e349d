/* node_row -- the rows of the table RouteData as operators see them: every node of a
 * module, those that are drained included, with the name of its zone.  Thread: one. */
#ifndef LARS_OPS_NODE_ROW_H
#define LARS_OPS_NODE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_ROW_WEIGHT_MAX 10000
#define NODE_ROW_ZONE 32 /* characters; a character has up to 4 bytes */
#define NODE_ROW_STATE 16

/* One node of one module.  The texts have room for all characters of their columns. */
struct node_row {
    uint32_t modid, cmdid, ip, port, weight;
    uint32_t number; /* the id of the row; or a line of a file */
    char zone[NODE_ROW_ZONE * 4 + 1], state[NODE_ROW_STATE * 4 + 1];
};

/* A growing array, owned by the caller.  Zeroed = empty. */
struct node_rows {
    struct node_row *at;
    size_t n, cap;
};

/* Append a copy of <r>, or insert it before row <i>.  Returns 0 or -ENOMEM. */
int node_row_add(struct node_rows *rows, const struct node_row *r);
int node_row_insert(struct node_rows *rows, size_t i, const struct node_row *r);
void node_row_remove(struct node_rows *rows, size_t i);
int node_row_copy(struct node_rows *out, const struct node_rows *rows); /* <out> is empty
                                                                         * */
void node_row_free(struct node_rows *rows);

/* By module, then by node: below, equal or above 0. */
int node_row_cmp(const struct node_row *a, const struct node_row *b);
void node_row_sort(struct node_rows *rows);

/* The index of the first row that is not before <r>, in sorted rows. */
size_t node_row_find(const struct node_rows *rows, const struct node_row *r);
/* The index behind the last row of the module that row <i> belongs to. */
size_t node_row_module_end(const struct node_rows *rows, size_t i);

/* Weight, zone and state are the same. */
bool node_row_same(const struct node_row *a, const struct node_row *b);

/* Is the node given calls?  It is up and its weight is above 0. */
bool node_row_in_service(const struct node_row *r);

/* The state of a node that was up when its zone was drained; the zone's return makes it
 * up again, and leaves nodes alone that an operator has drained one by one. */
#define NODE_ROW_ZONE_DRAINED "zone_drained"

/* A state that programs write: "up", "drained" or NODE_ROW_ZONE_DRAINED. */
#define NODE_ROW_WRONG_STATE "the state is not up or drained"
bool node_row_is_state(const char *state);

/* A static sentence about a value that programs do not write; NULL = all are right. */
const char *node_row_wrong(const struct node_row *r);

/* The checksum of rows <from> to <to> - 1, over all columns: FNV-1a, 64 bits. */
uint64_t node_row_sum(const struct node_rows *rows, size_t from, size_t to);

#endif
