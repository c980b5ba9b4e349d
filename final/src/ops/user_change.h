/* user_change -- who may use the console, and links of wall displays.  Each change is one
 * transaction with its row in Audit; secrets are in neither.  A call returns 0; -EINVAL:
 * nothing was changed, and <why> has the reason; or as sqldb_run().  Thread: the
 * connection's, after secret_init(). */
#ifndef LARS_OPS_USER_CHANGE_H
#define LARS_OPS_USER_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"
#include "ops/secret.h"

#define USER_CHANGE_DAYS_MAX 30       /* of a wall link */

/* A new user of the role viewer, operator or admin, with a random password, which is to
 * be changed at the first login. */
int user_change_add(struct sqldb *db, const struct audit_actor *who, const char *name,
                    const char *role, char password[SECRET_PASSWORD],
                    char why[CHANGE_WHY]);

int user_change_role(struct sqldb *db, const struct audit_actor *who, const char *name,
                     const char *role, char why[CHANGE_WHY]);

/* A new random password; all sessions of the user end. */
int user_change_reset(struct sqldb *db, const struct audit_actor *who, const char *name,
                      char password[SECRET_PASSWORD], char why[CHANGE_WHY]);

/* Set the password that a user has chosen; the other sessions of the user, all but
 * <keep>, end. */
int user_change_password(struct sqldb *db, const struct audit_actor *who,
                         const char *name, const char *password,
                         const uint8_t keep[SECRET_ID], char why[CHANGE_WHY]);

/* <disabled>: the user cannot log in, and all sessions end. */
int user_change_disable(struct sqldb *db, const struct audit_actor *who, const char *name,
                        bool disabled, char why[CHANGE_WHY]);

/* End all sessions of the user. */
int user_change_end_sessions(struct sqldb *db, const struct audit_actor *who,
                             const char *name, char why[CHANGE_WHY]);

/* A link for a wall display, for 1 to USER_CHANGE_DAYS_MAX days.  <token> is shown
 * once. */
int user_change_wall_link(struct sqldb *db, const struct audit_actor *who, uint32_t days,
                          char token[SECRET_TOKEN], char why[CHANGE_WHY]);

/* End all wall links and the sessions that they opened. */
int user_change_end_walls(struct sqldb *db, const struct audit_actor *who,
                          char why[CHANGE_WHY]);

#endif
