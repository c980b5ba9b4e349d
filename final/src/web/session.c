/* A session is named by 32 random bytes in a cookie; here and in the database it is the
 * BLAKE2b of them.  Times are those of the database, so the clocks of the consoles do not
 * matter.
 *
 * Rejected: signed cookies without a table.  Logging out, disabling a user and ending the
 * sessions of others would have no effect until they expire. */
#include "web/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mono.h"

#define ENTRIES_MAX 1024

struct entry {
    uint8_t id[SECRET_ID];
    struct session who;
    uint64_t read_ms;
    UT_hash_handle hh;                /* in the order of adding */
};

struct session_cache {
    pthread_mutex_t lock;
    struct entry *entries;
};

int session_cache_create(struct session_cache **out)
{
    struct session_cache *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return 0;
}

static void drop_entry(struct session_cache *s, struct entry *e)
{
    HASH_DEL(s->entries, e);
    free(e);
}

void session_cache_destroy(struct session_cache *s)
{
    if (!s)
        return;
    while (s->entries)
        drop_entry(s, s->entries);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Copy what is known if it is not older than <max_ms>. */
static bool recall(struct session_cache *s, const uint8_t id[SECRET_ID], uint64_t max_ms,
                   struct session *out)
{
    struct entry *e;
    bool is_known;

    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->entries, id, SECRET_ID, e);
    is_known = e && mono_ms() - e->read_ms <= max_ms;
    if (is_known)
        *out = e->who;
    pthread_mutex_unlock(&s->lock);
    return is_known;
}

/* The caller holds the lock. */
static void drop_id(struct session_cache *s, const uint8_t id[SECRET_ID])
{
    struct entry *e;

    HASH_FIND(hh, s->entries, id, SECRET_ID, e);
    if (e)
        drop_entry(s, e);
}

static void forget(struct session_cache *s, const uint8_t id[SECRET_ID])
{
    pthread_mutex_lock(&s->lock);
    drop_id(s, id);
    pthread_mutex_unlock(&s->lock);
}

/* Without memory the session is asked for again at the next request. */
static void keep(struct session_cache *s, const uint8_t id[SECRET_ID],
                 const struct session *who)
{
    struct entry *e = malloc(sizeof(*e));

    if (e) {
        memcpy(e->id, id, SECRET_ID);
        e->who = *who;
        e->read_ms = mono_ms();
    }
    pthread_mutex_lock(&s->lock);
    drop_id(s, id);
    if (e)
        HASH_ADD(hh, s->entries, id, SECRET_ID, e);
    if (HASH_COUNT(s->entries) > ENTRIES_MAX)
        drop_entry(s, s->entries);    /* the oldest */
    pthread_mutex_unlock(&s->lock);
}

bool session_recall(struct session_cache *s, const char *token, struct session *out)
{
    uint8_t id[SECRET_ID];

    secret_id(token, id);
    return recall(s, id, SESSION_FRESH_MS, out);
}

/* --- the database ------------------------------------------------------------------ */

static void hex_of(const char *token, uint8_t id[SECRET_ID], char out[SECRET_HEX])
{
    secret_id(token, id);
    secret_hex(id, out);
}

static enum session_role role_of(const char *kind, const char *role)
{
    if (strcmp(kind, "wall") == 0)
        return SESSION_WALL;
    if (strcmp(kind, "user") != 0)
        return SESSION_NONE;
    if (strcmp(role, "admin") == 0)
        return SESSION_ADMIN;
    return strcmp(role, "operator") == 0 ? SESSION_OPERATOR : SESSION_VIEWER;
}

/* Columns: user, kind, role, must_change. */
static int take_session(char **at, void *arg)
{
    struct session *who = arg;

    snprintf(who->user, sizeof(who->user), "%s", at[0] ? at[0] : "");
    who->role = role_of(at[1] ? at[1] : "", at[2] ? at[2] : "");
    who->must_change = at[3] && at[3][0] == '1';
    return 0;
}

static int read_session(struct sqldb *db, const char *hex, struct session *out)
{
    *out = (struct session){.role = SESSION_NONE};
    return sqldb_each(
        db, take_session, out,
        "SELECT s.user, s.kind, u.role, u.must_change FROM Session s LEFT JOIN "
        "User u ON u.name = s.user WHERE s.id = UNHEX(%s) AND s.until_at > "
        "NOW(3) AND (s.kind <> 'user' OR (u.disabled = 0 AND s.seen_at > "
        "NOW(3) - INTERVAL %u SECOND))",
        hex, SESSION_IDLE_S);
}

/* A session that was opened a moment ago may not have come to this node of the cluster
 * yet, so it is looked for twice before it is missing. */
int session_load(struct session_cache *s, struct sqldb *db, const char *token,
                 struct session *out)
{
    uint8_t id[SECRET_ID];
    char hex[SECRET_HEX];
    int rc;

    hex_of(token, id, hex);
    rc = read_session(db, hex, out);
    if (rc == 0 && out->role == SESSION_NONE && sqldb_is_cluster(db)) {
        rc = sqldb_sync(db);
        if (rc == 0)
            rc = read_session(db, hex, out);
    }
    if (rc < 0)
        return recall(s, id, SESSION_IDLE_S * 1000ull, out) ? 0 : rc;
    if (out->role == SESSION_NONE) {
        forget(s, id);
        return -ENOENT;
    }
    keep(s, id, out);
    sqldb_run(db,
              "UPDATE Session SET seen_at = NOW(3) WHERE id = UNHEX(%s) AND seen_at < "
              "NOW(3) - INTERVAL 1 MINUTE",
              hex);                   /* a read-only database: the session ends earlier */
    return 0;
}

int session_open(struct sqldb *db, const char *user, const char *peer,
                 char token[SECRET_TOKEN])
{
    uint8_t id[SECRET_ID];
    char hex[SECRET_HEX];
    int rc;

    secret_token(token);
    hex_of(token, id, hex);
    rc = sqldb_run(db, "DELETE FROM Session WHERE until_at < NOW(3) LIMIT 1000");
    return rc < 0
               ? rc
               : sqldb_run(db,
                           "INSERT INTO Session (id, user, peer, kind, until_at) VALUES "
                           "(UNHEX(%s), %s, LEFT(%s, 64), 'user', NOW(3) + INTERVAL %u "
                           "SECOND)",
                           hex, user, peer, SESSION_LONGEST_S);
}

int session_open_wall(struct sqldb *db, const char *link, const char *peer,
                      char token[SECRET_TOKEN])
{
    uint8_t id[SECRET_ID];
    char hex[SECRET_HEX], link_hex[SECRET_HEX];
    uint64_t n = 0;
    int rc;

    hex_of(link, id, link_hex);
    rc = sqldb_number(db, &n,
                      "SELECT COUNT(*) FROM Session WHERE id = UNHEX(%s) AND kind = "
                      "'link' AND until_at > NOW(3)",
                      link_hex);
    if (rc == 0 && n == 0)
        return -ENOENT;
    secret_token(token);
    hex_of(token, id, hex);
    return rc < 0 ? rc
                  : sqldb_run(db,
                              "INSERT INTO Session (id, user, peer, kind, until_at) "
                              "SELECT UNHEX(%s), user, LEFT(%s, 64), 'wall', until_at "
                              "FROM Session WHERE id = UNHEX(%s)",
                              hex, peer, link_hex);
}

int session_close(struct session_cache *s, struct sqldb *db, const char *token)
{
    uint8_t id[SECRET_ID];
    char hex[SECRET_HEX];

    hex_of(token, id, hex);
    forget(s, id);
    return sqldb_run(db, "DELETE FROM Session WHERE id = UNHEX(%s)", hex);
}

const char *session_role_name(enum session_role r)
{
    static const char *const names[] = {"", "wall", "viewer", "operator", "admin"};

    return names[r];
}
