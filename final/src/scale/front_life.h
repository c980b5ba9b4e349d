/* front_life -- the next steps of hosts that run gateways:
 *     standby -> starting -> announced -> withdrawing -> standby or withdrawn
 * Pure: rows of FrontHost, what was probed and the times go in, steps come out.  The
 * state of the hosts is in the table, so a new leader continues there; how long the load
 * has been high or low is remembered here, and begins again with a leader.
 *
 * Rules.  When the gateways are busy for busy_s, one host is started, the next one not
 * before this one counts or is given up.  A host is announced when its /ready is 200, and
 * counts when it has been seen from outside three times in a row.  One that does not come
 * within start_s is given up and rests, at first for a minute, twice as long each time.
 * A host is withdrawn when those that stay would be calm for calm_s; never while data are
 * missing, frozen, in the hold times, or when fewer than two would stay.  What an
 * operator has announced or withdrawn (held) is left as it is.
 * Thread: one at a time. */
#ifndef LARS_SCALE_FRONT_LIFE_H
#define LARS_SCALE_FRONT_LIFE_H

#include "scale/snapshot.h"

#define FRONT_LIFE_SEEN 3 /* probes from outside in a row, until a host counts */
#define FRONT_LIFE_UNSEEN 10 /* failed ones in a row, until it does not */
#define FRONT_LIFE_STAY 2 /* gateways that are never withdrawn */
#define FRONT_LIFE_AGAIN_MS 10000 /* between two commands about a host */
#define FRONT_LIFE_REST_MS 60000 /* of a host that was given up once ... */
#define FRONT_LIFE_REST_MAX_MS 1800000 /* ... and often */

struct front_life_config {
    bool has_program; /* else an operator starts and announces hosts: what a command
                       * would do counts as done, and no host is chosen */
    double busy, calm; /* parts of 1 */
    uint64_t busy_ms, calm_ms, start_ms, drain_ms;
    uint64_t hold_ms; /* nothing is withdrawn: after a step, after a new leader */
};

struct front_life_probe { /* of one host, in a row, by this process */
    unsigned n_ok, n_failed;
    const char *why; /* the last failure, a sentence; "" = none */
};

struct front_life_input {
    uint64_t now_ms; /* monotonic */
    const struct snapshot_front *host;
    const struct front_life_probe *probe; /* starting: of /ready; announced: of
                                           * /lars-id */
    size_t n; /* at most SNAPSHOT_FRONT_MAX */
    unsigned n_configured; /* gateways that run besides */
    double busy; /* of gateways that count, parts of 1; -1 = not known */
    bool whole; /* all gateways that have to answer have answered for 60 s */
    bool frozen;
};

struct front_life_change { /* a row that changes */
    size_t host; /* index into the input */
    struct snapshot_front to;
    const char *action; /* a row in Audit; NULL = none, it is no step */
};

enum front_life_hold { /* why nothing is withdrawn */
                       FRONT_LIFE_FREE,
                       FRONT_LIFE_NONE, /* none could be */
                       FRONT_LIFE_FROZEN,
                       FRONT_LIFE_NO_DATA,
                       FRONT_LIFE_NEW_LEADER,
                       FRONT_LIFE_STEPPED,
                       FRONT_LIFE_IN_PROGRESS,
};

struct front_life_output {
    struct front_life_change change[SNAPSHOT_FRONT_MAX];
    size_t n_change;
    unsigned n_serving; /* gateways that count, the configured ones too */
    bool none_left; /* one more is wanted, and no host is left: scale.front */
    enum front_life_hold hold;
};

const char *front_life_hold_name(enum front_life_hold h); /* static */

struct front_life;
int front_life_create(struct front_life **out, const struct front_life_config *c);
void front_life_destroy(struct front_life *l); /* NULL is fine */

/* This process leads since <now_ms>: what was remembered is void. */
void front_life_lead(struct front_life *l, uint64_t now_ms);

void front_life_round(struct front_life *l, const struct front_life_input *in,
                      struct front_life_output *out);

enum front_command { FRONT_START, FRONT_ANNOUNCE, FRONT_WITHDRAW };
const char *front_life_command_name(enum front_command c); /* "start" ...: static */

/* The command that is due: the host whose last one is longest ago.  Returns its index, or
 * -1.  It counts as given then. */
int front_life_command(struct front_life *l, const struct snapshot_front *host, size_t n,
                       uint64_t now_ms, enum front_command *out);

/* The program has accepted it: the next rounds have a change that says so, until the row
 * has it. */
void front_life_accepted(struct front_life *l, const char *host, enum front_command c);

#endif
