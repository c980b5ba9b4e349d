/* lars_fence may stop a database, so only operators' machines may connect as it: the
 * script makes it locked for each client, and here it gets a password for those. */
#include "roster/db_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* <line> behind *text. */
static int append(char **text, const char *line)
{
    char *made = NULL;

    if (asprintf(&made, "%s%s", *text, line) < 0)
        return -ENOMEM;
    explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = made;
    return 0;
}

static int unlock_fence(char **text, const struct host_conf_source *from)
{
    const struct roster *r = from->r;
    char line[200];
    unsigned i;
    int rc = 0;

    for (i = 0; i < r->n_operators && rc == 0; i++) {
        snprintf(line, sizeof(line),
                 "ALTER USER %s@'%s' IDENTIFIED BY '%s' ACCOUNT UNLOCK;\n",
                 host_conf_user[HOST_CONF_FENCE], r->operator[i],
                 from->password[HOST_CONF_FENCE]);
        rc = append(text, line);
        explicit_bzero(line, sizeof(line));
    }
    return rc;
}

int db_text_change(const struct host_conf_source *from, const char *name, char **text)
{
    return strcmp(name, "setup.sql") == 0 ? unlock_fence(text, from) : 0;
}
