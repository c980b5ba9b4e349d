/* sql_script -- the statements of a file written for the `mariadb` client: comments,
 * quoted text and the client's DELIMITER are understood, so that schema.sql and
 * triggers.sql can be loaded by both.  Thread: one. */
#ifndef LARS_CTL_SQL_SCRIPT_H
#define LARS_CTL_SQL_SCRIPT_H

#include <stdio.h>

/* <sql> is one statement without comments and without its delimiter, which began in line
 * <line>; borrowed during the call.  Returns 0 to continue; another value ends the script
 * and becomes the result. */
typedef int sql_script_fn(const char *sql, unsigned line, void *arg);

/* Call <fn> for each statement of <f> that is not empty.  Returns 0; what <fn> returned;
 * -ENOMEM; -EIO when reading fails; -EINVAL when quoted text or a comment has no end. */
int sql_script_each(FILE *f, sql_script_fn *fn, void *arg);

#endif
