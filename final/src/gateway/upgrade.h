/* upgrade -- replaces the program of a gateway at SIGRTMIN: starts its successor, passes
 * the listeners and the place in systemd on, and lets this process end.
 * Thread: loop. */
#ifndef LARS_GATEWAY_UPGRADE_H
#define LARS_GATEWAY_UPGRADE_H

#include "gateway/gateway.h"

struct upgrade;

struct upgrade_config { /* all of it is borrowed */
    struct evloop *loop;
    struct gateway *const *gateway; /* created before the loop runs */
    char *const *argv; /* of main() */
    void (*close_ports)(void); /* those that only one process can have */
};

/* Watch SIGRTMIN.  When a successor serves visitors, <close_ports> is called and the loop
 * is stopped.  Returns 0, -ENOMEM, -EMFILE.  Thread: init. */
int upgrade_create(struct upgrade **out, const struct upgrade_config *c);

/* The loop has stopped: whether a successor serves visitors.  One that does not yet is
 * ended, and no other is started. */
bool upgrade_finish(struct upgrade *u);
void upgrade_destroy(struct upgrade *u); /* NULL is fine */

#endif
