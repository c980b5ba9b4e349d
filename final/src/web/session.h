/* session -- who is logged in.  The database has all sessions, so that each console knows
 * those of the others; what was read is kept for a few seconds, and for as long as the
 * database cannot be asked.  Thread: any. */
#ifndef LARS_WEB_SESSION_H
#define LARS_WEB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "db/sqldb.h"
#include "ops/secret.h"

#define SESSION_FRESH_MS 5000         /* roles are read again after so long */
#define SESSION_IDLE_S 1800
#define SESSION_LONGEST_S 43200
#define SESSION_USER 65               /* bytes of a name, with the final 0 */

enum session_role {                   /* each includes those before it */
    SESSION_NONE,
    SESSION_WALL,
    SESSION_VIEWER,
    SESSION_OPERATOR,
    SESSION_ADMIN,
};

struct session {
    char user[SESSION_USER];
    enum session_role role;
    bool must_change;                 /* the password was given, not chosen */
};

struct session_cache;

int session_cache_create(struct session_cache **out); /* 0 or -ENOMEM */
void session_cache_destroy(struct session_cache *s); /* NULL is fine */

/* What is known of the token without asking: true when it is not older than
 * SESSION_FRESH_MS. */
bool session_recall(struct session_cache *s, const char *token, struct session *out);

/* Ask the database, and note that the session is in use.  When the database cannot be
 * asked, what was known stays true for at most SESSION_IDLE_S.  Returns 0; -ENOENT: there
 * is no such session; or as sqldb_run(). */
int session_load(struct session_cache *s, struct sqldb *db, const char *token,
                 struct session *out);

/* The token of a new session of the user. */
int session_open(struct sqldb *db, const char *user, const char *peer,
                 char token[SECRET_TOKEN]);

/* The token of a new session for the wall link <link>.  Returns -ENOENT when there is no
 * such link; or as sqldb_run(). */
int session_open_wall(struct sqldb *db, const char *link, const char *peer,
                      char token[SECRET_TOKEN]);

/* End the session. */
int session_close(struct session_cache *s, struct sqldb *db, const char *token);

/* "viewer", "operator", "admin", "wall" or "". */
const char *session_role_name(enum session_role r);

#endif
