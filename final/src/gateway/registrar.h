/* registrar -- the thread of the gateway that may wait.  It asks the agent for the routes
 * of the modules that rules name, once a second sets the limits of admission, and reads
 * the rules anew when it is asked to.
 *
 * A reload is all or nothing: when a file is missing or wrong, the rules in force stay.
 * The agent has the routes of new modules before the new rules are in force, or has not
 * answered within REGISTRAR_WAIT_MS. */
#ifndef LARS_GATEWAY_REGISTRAR_H
#define LARS_GATEWAY_REGISTRAR_H

#include "api/lars.h"
#include "gateway/generation.h"
#include "net/looppool.h"

#define REGISTRAR_WAIT_MS 5000

struct registrar;

struct registrar_config { /* all of it is borrowed */
    struct lars_client *lars;
    struct admit *admit;
    struct shares *shares;
    struct static_copy *statics; /* receives the rules; NULL = none */
    struct generation_config files; /* what a reload reads */
};

/* Read the files.  Returns as generation_create().  Thread: init. */
int registrar_create(struct registrar **out, const struct registrar_config *c,
                     char err[CONF_ERR_MAX]);

/* The first generation, borrowed: each loop takes a reference.  Thread: init. */
struct generation *registrar_generation(const struct registrar *r);

/* Wait until the agent has answered for every module that nodes of the rules do not
 * serve, and one module at least can be served.  Returns 0; -ETIMEDOUT with a sentence in
 * <err>; -EINTR when SIGTERM or SIGINT is pending.  Thread: init, before
 * registrar_start(). */
int registrar_await(struct registrar *r, uint32_t ms, char err[CONF_ERR_MAX]);

/* Start the thread.  The users of the loops of <p> are gate_loops.  Returns 0 or -EAGAIN.
 * Thread: init. */
int registrar_start(struct registrar *r, struct looppool *p);

/* Stop the thread; no loop gets another generation after this.  NULL is fine. */
void registrar_stop(struct registrar *r);
void registrar_destroy(struct registrar *r); /* after looppool_destroy(); NULL is fine */

/* Read the files again, soon.  A request before the last one was begun is the same one.
 * Thread: any. */
void registrar_reload(struct registrar *r);

struct registrar_view {
    unsigned n_modules, n_registered; /* with routes at the agent */
    unsigned n_fallback; /* without, that nodes of the rules serve */
    bool answered; /* the agent has answered for all of them */
    uint64_t n_reloads, n_failed; /* since the start */
};
void registrar_look(const struct registrar *r, struct registrar_view *out); /* any */

#endif
