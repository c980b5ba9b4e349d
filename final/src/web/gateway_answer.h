/* gateway_answer -- what a gateway says about itself: the JSON of GET /gateway at its
 * admin port, read into a struct.  Its counters grow from the start of the process.
 * Thread: any. */
#ifndef LARS_WEB_GATEWAY_ANSWER_H
#define LARS_WEB_GATEWAY_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATEWAY_ANSWER_LOOPS 64
#define GATEWAY_ANSWER_MODULES 256 /* more are left out */

/* Of the admission of a module, the worst last. */
enum gateway_answer_state {
    GATEWAY_NORMAL,
    GATEWAY_QUEUEING,
    GATEWAY_WAITING,
    GATEWAY_SHEDDING,
    GATEWAY_STATIC,
    GATEWAY_UNKNOWN, /* a name that this console does not know */
};

enum gateway_answer_count {
    GATEWAY_NODE, /* requests by where their response came from */
    GATEWAY_CACHE,
    GATEWAY_STALE,
    GATEWAY_COPY, /* the static copy of the site */
    GATEWAY_PAGE, /* the waiting page */
    GATEWAY_ERROR,
    GATEWAY_RESULTS, /* the number of those before */
    GATEWAY_REFUSED_NEW = GATEWAY_RESULTS,
    GATEWAY_REFUSED_INSIDE,
    GATEWAY_BUDGET_EMPTY,
    GATEWAY_COUNTS,
};

struct gateway_answer_module {
    uint32_t modid, cmdid;
    enum gateway_answer_state state;
    bool is_measured; /* the capacity of its nodes */
    uint32_t nodes_in, limit, inflight, queue;
    double factor; /* the correction of the limit; 1 = none */
    double share; /* of this gateway in the capacity: 0 to 1 */
    uint64_t count[GATEWAY_COUNTS];
};

struct gateway_answer {
    char host[256], version[33], address[65]; /* address: for visitors */
    uint64_t up_s;
    bool is_draining;
    uint32_t loops, loops_max, clients, clients_max;
    uint32_t busy[GATEWAY_ANSWER_LOOPS]; /* per mille of a processor */
    size_t n_busy;
    struct {
        uint64_t bytes, bytes_max, objects, hits, misses;
    } cache;
    struct {
        bool is_present, is_on;
        uint64_t files, bytes, taken_s; /* taken_s: since 1970; 0 = not known */
    } copy;
    struct gateway_answer_module *module; /* owned */
    size_t n_module;
};

/* Read the object <o>; NULL is none.  A number that is missing or negative is 0.
 * Returns 0; -EPROTO: no gateway answers so; -ENOMEM.  Only after 0 there is something
 * to free. */
int gateway_answer_read(struct gateway_answer *out, const json_t *o);
void gateway_answer_free(struct gateway_answer *a); /* a zeroed one is fine */

const char *gateway_answer_state_name(enum gateway_answer_state s);

/* The module, or NULL. */
const struct gateway_answer_module *gateway_answer_find(const struct gateway_answer *a,
                                                        uint32_t modid, uint32_t cmdid);

#endif
