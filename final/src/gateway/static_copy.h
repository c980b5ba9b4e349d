/* static_copy -- when visitors get the copy of the site: when the operator has switched
 * it on, and when no node of its module has answered for STATIC_COPY_AFTER_MS.  It has
 * the copy that is in force, makes new ones in a thread of its own, and keeps both, the
 * copy and the switch, in a folder, so that they survive a restart.
 *
 *     <state_dir>/site.copy        the copy
 *     <state_dir>/site.static      exists: the operator has switched it on
 *
 * There is one copy, of the site whose rule has mirror = 1.
 * Thread: any, except where a function names another. */
#ifndef LARS_GATEWAY_STATIC_COPY_H
#define LARS_GATEWAY_STATIC_COPY_H

#include "api/lars.h"
#include "base/conf.h"
#include "gateway/mirror.h"
#include "gateway/rules.h"
#include "gateway/site_crawl.h"

#define STATIC_COPY_AFTER_MS 3000u /* without a node that answers */
#define STATIC_COPY_TRUST_MS 10000u
#define STATIC_COPY_ASK_MS 500u /* then one request in this time asks nodes */

struct static_copy;

struct static_copy_config {
    const char *state_dir; /* made when it is not there; "" = no copy can be
                                           * made or kept */
    struct lars_client *lars; /* borrowed */
};

/* Read what is kept.  A copy that is damaged and a folder that cannot be used are logged.
 * Returns 0, -ENOMEM, -EAGAIN.  Thread: init. */
int static_copy_create(struct static_copy **out, const struct static_copy_config *c);
void static_copy_destroy(struct static_copy *s); /* ends a snapshot; NULL is fine */

/* The rules in force have changed: which site it is.  Copies what it needs. */
void static_copy_set_rules(struct static_copy *s, const struct rules *r);

/* --- of the loops, without a lock --------------------------------------------------- */

bool static_copy_is_on(const struct static_copy *s); /* by the operator */

/* Requests fail now, or did until a moment ago, so that the copy may be needed soon.
 * They have failed for so long that it is used. */
bool static_copy_may_be_needed(const struct static_copy *s, uint64_t now_ms);
bool static_copy_is_needed(const struct static_copy *s, uint64_t now_ms);

/* While the copy is used: true once in STATIC_COPY_ASK_MS, for the request that finds out
 * whether nodes are back. */
bool static_copy_asks_nodes(struct static_copy *s, uint64_t now_ms);

/* A node of the site has answered; all attempts of a request have failed.  A failure
 * within STATIC_COPY_TRUST_MS after the copy was used makes it needed at once: nodes that
 * come back answer a few calls first, which the agents allow in order to try them. */
void static_copy_node_answered(struct static_copy *s, uint64_t now_ms);
void static_copy_nodes_failed(struct static_copy *s, uint64_t now_ms);

/* A new reference of the copy in force, for <now>, which is released; NULL = none.  Takes
 * a lock: once a second for each loop. */
struct mirror *static_copy_renew(struct static_copy *s, struct mirror *now);

/* --- of operators ------------------------------------------------------------------- */

/* Switch it on or off.  Returns 0; -ENOENT: there is no copy to switch on; -ENOTSUP: no
 * state_dir; -errno of the disk.  <err> has a sentence then. */
int static_copy_switch(struct static_copy *s, bool on, char err[CONF_ERR_MAX]);

/* Begin to make a new copy; static_copy_look() tells how it goes.  The old one stays
 * until the new one is complete.  Returns 0; -EALREADY: one is being made; -ENOENT: no
 * rule has mirror = 1; -ENOTSUP.  <err> has a sentence then. */
int static_copy_snapshot(struct static_copy *s, char err[CONF_ERR_MAX]);

/* Why visitors get the copy. */
enum static_copy_reason { STATIC_COPY_NOT, STATIC_COPY_OPERATOR, STATIC_COPY_NO_NODE };
enum static_copy_making {
    STATIC_COPY_NEVER,
    STATIC_COPY_RUNNING,
    STATIC_COPY_DONE,
    STATIC_COPY_FAILED
};

struct static_copy_view {
    bool present, on; /* on: by the operator */
    enum static_copy_reason reason;
    unsigned pages, files; /* of HTML; all */
    uint64_t bytes, taken_s; /* UNIX time */
    enum static_copy_making making; /* of the latest snapshot since the start */
    unsigned n_snapshots; /* that were begun since the start */
    struct site_crawl_report report; /* of the latest snapshot that has ended */
};
void static_copy_look(struct static_copy *s, uint64_t now_ms,
                      struct static_copy_view *out);
const char *static_copy_reason_name(enum static_copy_reason r);
const char *static_copy_making_name(enum static_copy_making m);

#endif
