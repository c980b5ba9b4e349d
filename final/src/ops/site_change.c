/* An edition goes one way: draft, published, frozen.  Triggers of Edition tell the nodes
 * of the site, which load the catalogue again.
 *
 * Rejected: freezing a draft.  Nodes show frozen editions, so it would publish by another
 * name what was not looked at. */
#include "ops/site_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/repeat.h"

#define STATE 12

static int take_state(char **at, void *arg)
{
    snprintf(arg, STATE, "%s", at[0] ? at[0] : "");
    return 0;
}

/* The state of the edition, whose row stays locked until the transaction ends. */
static int lock_edition(struct sqldb *db, uint32_t year, char state[STATE],
                        char why[CHANGE_WHY])
{
    int rc = sqldb_each(db, take_state, state,
                        "SELECT state FROM lars_site.Edition WHERE year = %u FOR UPDATE",
                        year);

    if (rc < 0 || state[0])
        return rc;
    snprintf(why, CHANGE_WHY,
             "there is no edition %u; see larsctl site list, or bring it with "
             "showcase-import",
             year);
    return -EINVAL;
}

static int end_with(struct sqldb *db, int rc, const struct audit_actor *who,
                    const char *action, uint32_t year, const char *old, const char *fresh)
{
    char subject[32], detail[160];
    struct audit_entry e = {
        .action = action, .subject = subject, .result = "done", .detail = detail};

    snprintf(subject, sizeof(subject), "edition:%u", year);
    snprintf(detail, sizeof(detail),
             "{\"settings\": [{\"module\": \"\", \"key\": \"state\", \"old\": \"%s\", "
             "\"new\": \"%s\"}]}",
             old, fresh);
    return audit_end(db, rc, who, &e);
}

static int check_publish(struct sqldb *db, uint32_t year, const char *state,
                         char why[CHANGE_WHY])
{
    uint64_t n = 0;
    int rc;

    if (strcmp(state, "draft") != 0) {
        snprintf(why, CHANGE_WHY, "the edition %u is %s already", year, state);
        return -EINVAL;
    }
    rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM lars_site.Exhibit WHERE edition = %u",
                      year);
    if (rc < 0 || n > 0)
        return rc;
    snprintf(why, CHANGE_WHY,
             "the edition %u has no exhibit; bring them with showcase-import first",
             year);
    return -EINVAL;
}

static int publish_once(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                        char why[CHANGE_WHY])
{
    char state[STATE] = "";
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_edition(db, year, state, why);
    if (rc == 0)
        rc = check_publish(db, year, state, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "UPDATE lars_site.Edition SET state = 'published', published_at = "
                       "UTC_TIMESTAMP() WHERE year = %u",
                       year);
    return end_with(db, rc, who, "site publish", year, "draft", "published");
}

int site_change_publish(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                        char why[CHANGE_WHY])
{
    REPEAT_RETURN(publish_once(db, who, year, why));
}

static int freeze_once(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                       char why[CHANGE_WHY])
{
    char state[STATE] = "";
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_edition(db, year, state, why);
    if (rc == 0 && strcmp(state, "published") != 0) {
        snprintf(why, CHANGE_WHY, "the edition %u is %s%s", year, state,
                 strcmp(state, "draft") == 0
                     ? "; publish it first, with larsctl site publish"
                     : " already");
        rc = -EINVAL;
    }
    if (rc == 0)
        rc =
            sqldb_run(db, "UPDATE lars_site.Edition SET state = 'frozen' WHERE year = %u",
                      year);
    return end_with(db, rc, who, "site freeze", year, "published", "frozen");
}

int site_change_freeze(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                       char why[CHANGE_WHY])
{
    REPEAT_RETURN(freeze_once(db, who, year, why));
}
