/* Every way to a password is here: larsctl and the console give random ones, which are
 * printed once and are to be changed, and only a user chooses one.
 *
 * Rejected: a first account with a known password.  It is the first that an attacker
 * tries, and it is forgotten. */
#include "ops/user_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/repeat.h"

#define SUBJECT 128
#define NAME_MAX_BYTES 64
#define ROLE 9

static int end_with(struct sqldb *db, int rc, const struct audit_actor *who,
                    const char *action, const char *name, const char *detail)
{
    char subject[SUBJECT];
    struct audit_entry e = {
        .action = action, .subject = subject, .result = "done", .detail = detail};

    snprintf(subject, sizeof(subject), "user:%s", name);
    return audit_end(db, rc, who, &e);
}

static int end(struct sqldb *db, int rc, const struct audit_actor *who,
               const char *action, const char *name)
{
    return end_with(db, rc, who, action, name, NULL);
}

/* End with the old and the new role in the audit; both are words of check_role(). */
static int end_role(struct sqldb *db, int rc, const struct audit_actor *who,
                    const char *action, const char *name, const char *old,
                    const char *fresh)
{
    char detail[160];

    snprintf(detail, sizeof(detail),
             "{\"settings\": [{\"module\": \"\", \"key\": \"role\", \"old\": \"%s\", "
             "\"new\": \"%s\"}]}",
             old, fresh);
    return end_with(db, rc, who, action, name, detail);
}

static int check_role(const char *role, char why[CHANGE_WHY])
{
    if (strcmp(role, "viewer") == 0 || strcmp(role, "operator") == 0 ||
        strcmp(role, "admin") == 0)
        return 0;
    if (why)
        snprintf(why, CHANGE_WHY, "\"%.60s\" is not viewer, operator or admin", role);
    return -EINVAL;
}

/* Letters, digits, '.', '-' and '_', so that names look the same everywhere. */
static int check_name(const char *name, char why[CHANGE_WHY])
{
    const char *p = name;

    for (; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
            !(*p >= '0' && *p <= '9') && !strchr(".-_", *p))
            break;
    if (*name && !*p && p - name <= NAME_MAX_BYTES)
        return 0;
    snprintf(why, CHANGE_WHY,
             "a user's name has 1 to 64 letters, digits, points, hyphens or underscores");
    return -EINVAL;
}

/* Is there such a user?  The row stays locked until the transaction ends. */
static int find_user(struct sqldb *db, const char *name, char why[CHANGE_WHY])
{
    uint64_t n = 0;
    int rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM User WHERE name = %s FOR UPDATE",
                          name);

    if (rc < 0 || n > 0)
        return rc;
    snprintf(why, CHANGE_WHY, "there is no user \"%.64s\"", name);
    return -EINVAL;
}

static int end_sessions(struct sqldb *db, const char *name)
{
    return sqldb_run(db, "DELETE FROM Session WHERE user = %s", name);
}

static int add_once(struct sqldb *db, const struct audit_actor *who, const char *name,
                    const char *role, char password[SECRET_PASSWORD],
                    char why[CHANGE_WHY])
{
    char hash[SECRET_HASH];
    uint64_t n = 0;
    int rc = check_name(name, why);

    if (rc == 0)
        rc = check_role(role, why);
    if (rc < 0)
        return rc;
    secret_password(password);
    rc = secret_hash(password, hash);
    if (rc == 0)
        rc = audit_begin(db);
    if (rc == 0)
        rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM User WHERE name = %s", name);
    if (rc == 0 && n > 0) {
        snprintf(why, CHANGE_WHY, "there is a user \"%.64s\" already", name);
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = sqldb_run(db, "INSERT INTO User (name, pwhash, role) VALUES (%s, %s, %s)",
                       name, hash, role);
    return end_role(db, rc, who, "user add", name, "", role);
}

int user_change_add(struct sqldb *db, const struct audit_actor *who, const char *name,
                    const char *role, char password[SECRET_PASSWORD],
                    char why[CHANGE_WHY])
{
    REPEAT_RETURN(add_once(db, who, name, role, password, why));
}

static int take_role(char **at, void *arg)
{
    snprintf(arg, ROLE, "%s", at[0] && check_role(at[0], NULL) == 0 ? at[0] : "");
    return 0;
}

static int role_once(struct sqldb *db, const struct audit_actor *who, const char *name,
                     const char *role, char why[CHANGE_WHY])
{
    char old[ROLE] = "";
    int rc = check_role(role, why);

    if (rc < 0)
        return rc;
    rc = audit_begin(db);
    if (rc == 0)
        rc = find_user(db, name, why);
    if (rc == 0)
        rc =
            sqldb_each(db, take_role, old, "SELECT role FROM User WHERE name = %s", name);
    if (rc == 0)
        rc = sqldb_run(db, "UPDATE User SET role = %s WHERE name = %s", role, name);
    return end_role(db, rc, who, "user role", name, old, role);
}

int user_change_role(struct sqldb *db, const struct audit_actor *who, const char *name,
                     const char *role, char why[CHANGE_WHY])
{
    REPEAT_RETURN(role_once(db, who, name, role, why));
}

static int reset_once(struct sqldb *db, const struct audit_actor *who, const char *name,
                      char password[SECRET_PASSWORD], char why[CHANGE_WHY])
{
    char hash[SECRET_HASH];
    int rc;

    secret_password(password);
    rc = secret_hash(password, hash);
    if (rc == 0)
        rc = audit_begin(db);
    if (rc == 0)
        rc = find_user(db, name, why);
    if (rc == 0)
        rc = sqldb_run(db, "UPDATE User SET pwhash = %s, must_change = 1 WHERE name = %s",
                       hash, name);
    if (rc == 0)
        rc = end_sessions(db, name);
    return end(db, rc, who, "user passwd", name);
}

int user_change_reset(struct sqldb *db, const struct audit_actor *who, const char *name,
                      char password[SECRET_PASSWORD], char why[CHANGE_WHY])
{
    REPEAT_RETURN(reset_once(db, who, name, password, why));
}

static int password_once(struct sqldb *db, const struct audit_actor *who,
                         const char *name, const char *password,
                         const uint8_t keep[SECRET_ID], char why[CHANGE_WHY])
{
    const char *wrong = secret_wrong_password(password);
    char hash[SECRET_HASH], id[SECRET_HEX];
    int rc;

    if (wrong) {
        snprintf(why, CHANGE_WHY, "%s", wrong);
        return -EINVAL;
    }
    secret_hex(keep, id);
    rc = secret_hash(password, hash);
    if (rc == 0)
        rc = audit_begin(db);
    if (rc == 0)
        rc = find_user(db, name, why);
    if (rc == 0)
        rc = sqldb_run(db, "UPDATE User SET pwhash = %s, must_change = 0 WHERE name = %s",
                       hash, name);
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM Session WHERE user = %s AND id <> UNHEX(%s)",
                       name, id);
    return end(db, rc, who, "password", name);
}

int user_change_password(struct sqldb *db, const struct audit_actor *who,
                         const char *name, const char *password,
                         const uint8_t keep[SECRET_ID], char why[CHANGE_WHY])
{
    REPEAT_RETURN(password_once(db, who, name, password, keep, why));
}

static int disable_once(struct sqldb *db, const struct audit_actor *who, const char *name,
                        bool disabled, char why[CHANGE_WHY])
{
    int rc = audit_begin(db);

    if (rc == 0)
        rc = find_user(db, name, why);
    if (rc == 0)
        rc = sqldb_run(db, "UPDATE User SET disabled = %u WHERE name = %s", disabled,
                       name);
    if (rc == 0 && disabled)
        rc = end_sessions(db, name);
    return end(db, rc, who, disabled ? "user disable" : "user enable", name);
}

int user_change_disable(struct sqldb *db, const struct audit_actor *who, const char *name,
                        bool disabled, char why[CHANGE_WHY])
{
    REPEAT_RETURN(disable_once(db, who, name, disabled, why));
}

static int end_sessions_once(struct sqldb *db, const struct audit_actor *who,
                             const char *name, char why[CHANGE_WHY])
{
    int rc = audit_begin(db);

    if (rc == 0)
        rc = find_user(db, name, why);
    if (rc == 0)
        rc = end_sessions(db, name);
    return end(db, rc, who, "user logout", name);
}

int user_change_end_sessions(struct sqldb *db, const struct audit_actor *who,
                             const char *name, char why[CHANGE_WHY])
{
    REPEAT_RETURN(end_sessions_once(db, who, name, why));
}

static int wall_link_once(struct sqldb *db, const struct audit_actor *who, uint32_t days,
                          char token[SECRET_TOKEN], char why[CHANGE_WHY])
{
    uint8_t id[SECRET_ID];
    char hex[SECRET_HEX];
    int rc;

    if (days == 0 || days > USER_CHANGE_DAYS_MAX) {
        snprintf(why, CHANGE_WHY, "a wall link lasts from 1 to 30 days");
        return -EINVAL;
    }
    secret_token(token);
    secret_id(token, id);
    secret_hex(id, hex);
    rc = audit_begin(db);
    if (rc == 0)
        rc =
            sqldb_run(db,
                      "INSERT INTO Session (id, user, kind, until_at) VALUES (UNHEX(%s), "
                      "LEFT(%s, 64), 'link', NOW(3) + INTERVAL %u DAY)",
                      hex, who->name, days);
    return end(db, rc, who, "wall link", who->name);
}

int user_change_wall_link(struct sqldb *db, const struct audit_actor *who, uint32_t days,
                          char token[SECRET_TOKEN], char why[CHANGE_WHY])
{
    REPEAT_RETURN(wall_link_once(db, who, days, token, why));
}

static int end_walls_once(struct sqldb *db, const struct audit_actor *who,
                          char why[CHANGE_WHY])
{
    uint64_t n = 0;
    int rc = audit_begin(db);

    if (rc == 0)
        rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM Session WHERE kind <> 'user'");
    if (rc == 0 && n == 0) {
        snprintf(why, CHANGE_WHY, "there is no wall link");
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM Session WHERE kind <> 'user'");
    return end(db, rc, who, "wall end", who->name);
}

int user_change_end_walls(struct sqldb *db, const struct audit_actor *who,
                          char why[CHANGE_WHY])
{
    REPEAT_RETURN(end_walls_once(db, who, why));
}
