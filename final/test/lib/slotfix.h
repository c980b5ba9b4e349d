/* slotfix.h -- a folder for the slots of a test, nodes that are real processes, and what
 * the processes of a slot are.  A node is a script that serves its port with http_node;
 * it ends by itself after 5 min, so that a test that was killed leaves nothing behind.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_SLOTFIX_H
#define LARS_TEST_LIB_SLOTFIX_H

#include "../t.h"

#include "slot/slots.h"

extern char slotfix_dir[100]; /* the folder; files of the slots are in it */
extern uint32_t slotfix_port; /* of slot 1; 8 ports from here on were free */

/* A new folder, and free ports. */
void slotfix_open(void);

/* Ends the processes of all slots and deletes the folder. */
void slotfix_close(void);

/* Writes the file <name> of the folder.  Returns its path, valid for three more calls. */
const char *slotfix_write(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes <name> as a script for sh.  It begins with a line in the file `starts` of the
 * folder that has the number of its process and its first argument.  Returns its path, as
 * slotfix_write(). */
const char *slotfix_script(const char *name, const char *text);

/* The text of a script that serves {address}:{port}, its argument, as a node does. */
const char *slotfix_serve(void);

/* The same, by a copy of timeout(1) with <build> after its last byte, which replaces the
 * file `timeout` of the folder: the process of the node executes that file. */
const char *slotfix_serve_by(const char *build);

/* The 16 digits with which the SHA-256 of <name> of the folder begins, by sha256sum(1);
 * valid until the next call. */
const char *slotfix_digits(const char *name);

unsigned slotfix_n_starts(void); /* lines of `starts` */

/* How many processes of all that were started as nodes are there now, and not ended. */
unsigned slotfix_n_alive(void);
unsigned slotfix_n_alive_in(unsigned slot); /* those with its port as argument */

/* The process in the file <slot>.lock, which may have ended; 0 = none. */
pid_t slotfix_pid(unsigned slot);

bool slotfix_is_alive(pid_t pid); /* no zombie */

#endif
