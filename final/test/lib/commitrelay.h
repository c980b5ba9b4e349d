/* commitrelay.h -- a relay between our client and a database server, by Unix sockets,
 * that loses the answer to COMMIT or to another statement, or the statement itself.  It
 * serves one connection at a time, in a thread. */
#ifndef LARS_TEST_LIB_COMMITRELAY_H
#define LARS_TEST_LIB_COMMITRELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum commitrelay_cut {
    COMMITRELAY_PASS,                 /* everything passes */
    COMMITRELAY_BEFORE,               /* the connection ends before COMMIT has passed */
    COMMITRELAY_AFTER,                /* ... when its answer has come, which is lost */
    COMMITRELAY_AFTER_AND_REFUSE,     /* the same, and no connection is served any more */
    COMMITRELAY_LATE,                 /* COMMIT passes only after <go>; no answer comes */
};

struct commitrelay {                  /* of the caller; must not move while it runs */
    char path[108], to[108];          /* it listens at <path> */
    const char *statement;            /* the beginning of one that is lost instead of
                                       * COMMIT; NULL = COMMIT */
    _Atomic enum commitrelay_cut cut; /* for one COMMIT, then PASS */
    void (*on_lost)(void);            /* after BEFORE, in the thread; NULL = nothing */
    _Atomic bool go;
    _Atomic int answer; /* to the late COMMIT: -1 = none yet; 0 = done; or the
                                       * code of the server's error */
    _Atomic bool refuse, end;
    int lfd;
    pthread_t thread;
};

void commitrelay_start(struct commitrelay *r, const char *path, const char *to);
void commitrelay_stop(struct commitrelay *r);

#endif
