/* gatefake.h -- a gateway for tests of what asks gateways: a thread that answers POST
 * /demand over HTTP.  The clock of the gateway moves by 500 ms with each answer, and its
 * counters by half of their rates, so the rates that follow from them are exact, however
 * busy the machine is.  Each answer to POST /nodes is a second after the one before: the
 * node 10.0.0.1:80 of 10/1 has begun 300 more answers.  A failure fails the test.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_GATEFAKE_H
#define LARS_TEST_LIB_GATEFAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/signed_command.h"

enum gatefake_mode {
    GATEFAKE_ANSWERS,
    GATEFAKE_HANGS, /* accepts and never answers */
    GATEFAKE_DRIPS, /* a byte each 10 ms, without end */
    GATEFAKE_GARBAGE, /* 200 with text */
    GATEFAKE_LACKS, /* JSON without "ms" */
    GATEFAKE_CUTS, /* half of the answer, and the end of the connection */
    GATEFAKE_OVERSIZED, /* 2 MiB of JSON */
    GATEFAKE_REFUSES, /* 401 */
    GATEFAKE_FAILS, /* 503 */
};

#define GATEFAKE_MODULES 4

struct gatefake_module { /* requests a second, even numbers; mean in flight */
    uint32_t modid, cmdid;
    uint64_t arrived, cached, forwarded, refused, inflight;
};

struct gatefake {
    pthread_t thread;
    int lfd;
    char at[40]; /* "127.0.0.1:PORT" */
    _Atomic int mode; /* enum gatefake_mode */
    _Atomic bool ends;
    _Atomic unsigned n_asked, n_answered, n_wrong; /* n_wrong: not signed rightly */
    const struct fleet_keys *keys; /* borrowed; NULL = nothing is checked */
    struct signed_command_gate *gate;
    pthread_mutex_t lock; /* of all below */
    const char *zone, *epoch;
    unsigned loops, loops_max, permille;
    uint64_t ms, n_nodes; /* answers to POST /nodes */
    unsigned n;
    struct gatefake_module rate[GATEFAKE_MODULES], count[GATEFAKE_MODULES];
    char question[SIGNED_COMMAND_BODY_MAX + 1]; /* the last one */
};

/* One module, 10/1, to which <forwarded> requests a second go. */
void gatefake_start(struct gatefake *g, const char *zone, uint64_t forwarded,
                    const struct fleet_keys *keys);
void gatefake_stop(struct gatefake *g); /* never started: fine */

/* The process starts anew: another epoch, and all counters and its clock are small. */
void gatefake_restart(struct gatefake *g, const char *epoch);

/* Whether <text> is in the last question. */
bool gatefake_was_asked(struct gatefake *g, const char *text);

#endif
