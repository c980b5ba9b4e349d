/* consolefix.h -- lars-console with its users and a database, for the tests that attack
 * it.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_CONSOLEFIX_H
#define LARS_TEST_LIB_CONSOLEFIX_H

#include "system.h"
#include "webclient.h"

#define PASSWORD "correct horse battery" /* of every user */
#define LINK "0123456789012345678901234567890123456789012"

extern struct proc console;
extern struct webclient stranger, viewer, operator_, admin, wall; /* sessions */

/* Start it with these lines in its section [console]. */
void start_console_with(const char *more);

/* As the user viewer, operator, admin or new; "off" is disabled. */
void log_in(struct webclient *c, const char *user);
void log_in_wall(void);               /* <wall>, with the link LINK */

/* The console runs, and <stranger> has its port.  Call system_setup() before. */
void consolefix_setup(void);
int consolefix_teardown(void **state);

#endif
