/* Hostile texts in every field that an operator fills, and what is recorded of alarms and
 * users. */
#include "opsfix.h"
#include "ops/alarm_change.h"
#include "ops/user_change.h"

/* --- hostile texts ------------------------------------------------------------------ */

static const char *repeat(char *to, const char *what, unsigned n)
{
    char *at = to;

    for (*at = '\0'; n > 0; n--)
        at = strcpy(at, what) + strlen(what);
    return to;
}

static void change_all_texts(const char *text, const char *zone)
{
    struct change_op op[2] = {node_op(CHANGE_NAME, 1, 0), node_op(CHANGE_SET, 1, 1)};
    struct ops_request r = request(op, 2);
    char why[CHANGE_WHY];

    assert_int_equal(change_set_names(&op[0], text, text, why), 0);
    assert_int_equal(change_set_field(&op[1], "zone", zone, why), 0);
    r.who = (struct audit_actor){text, text, text, text};
    r.action = r.subject = text;
    apply(&r, OPS_DONE);
}

static void t_texts_are_stored_as_they_are(void **state)
{
    (void)state;
    change_all_texts(HOSTILE, HOSTILE);
    assert_int_equal(n_audit("BINARY reason = BINARY CONCAT(X'27225C603B2D2D2F2A2573', "
                             "X'F09F9880', '<b>', X'0A01') AND actor = reason AND action "
                             "= reason AND subject = reason AND peer = reason AND via = "
                             "LEFT(reason, 16)"),
                     1);
    assert_int_equal(n_audit("JSON_VALUE(detail, '$.settings[0].new') = reason AND "
                             "JSON_VALUE(detail, '$.nodes[0].new.zone') = reason"),
                     1);
    assert_int_equal(mydb_number("SELECT content = (SELECT reason FROM Audit) FROM "
                                 "ModIDConfig"),
                     1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), 9);
}

static void t_255_chinese_characters_fit_or_are_cut_at_a_character(void **state)
{
    char text[255 * 4 + 1], zone[32 * 4 + 1];

    (void)state;
    change_all_texts(repeat(text, FARM, 255), repeat(zone, FARM, 32));
    assert_int_equal(n_audit("CHAR_LENGTH(reason) = 255 AND CHAR_LENGTH(actor) = 64 AND "
                             "CHAR_LENGTH(via) = 16 AND CHAR_LENGTH(peer) = 64 AND "
                             "CHAR_LENGTH(action) = 32 AND CHAR_LENGTH(subject) = 64 AND "
                             "actor = REPEAT(X'E5869C', 64)"),
                     1);
    change_all_texts(repeat(text, SMILE, 255), repeat(zone, SMILE, 32));
    assert_int_equal(n_audit("CHAR_LENGTH(reason) = 255 AND LENGTH(reason) = 1020"), 1);
    assert_int_equal(mydb_number("SELECT CHAR_LENGTH(content) FROM CmdIDConfig"), 255);
}

/* A terminal with another character set, or a program that cuts in a character. */
static void t_bytes_that_are_not_utf8_do_not_lose_the_record(void **state)
{
    struct change_op op = weight_op(1, 1, "7");
    struct ops_request r = request(&op, 1);

    (void)state;
    r.who = (struct audit_actor){"\xbb\xfa", "\xff", "a\x80", FARM "\xe5\x86"};
    r.subject = "\xf0\x9f\x98";
    apply(&r, OPS_DONE);
    assert_int_equal(n_audit("actor = REPEAT('?', 2) AND via = '?' AND peer = "
                             "'a?' AND reason = "
                             "CONCAT(X'E5869C', REPEAT('?', 2)) AND subject = "
                             "REPEAT('?', 3)"),
                     1);
}

/* --- alarms and users --------------------------------------------------------------- */

static void t_silence_keeps_hostile_texts_and_its_limits(void **state)
{
    struct audit_actor a = {HOSTILE, "larsctl", "", HOSTILE};
    char why[CHANGE_WHY];
    uint64_t id;

    (void)state;
    assert_int_equal(alarm_change_silence(db, &a, "node_down", HOSTILE, 1440, &id, why),
                     0);
    assert_int_equal(mydb_number("SELECT reason = actor AND subject = actor FROM "
                                 "AlarmSilence"),
                     1);
    assert_int_equal(alarm_change_silence(db, &a, "node_down", "", 0, &id, why), -EINVAL);
    assert_int_equal(alarm_change_silence(db, &a, "node_down", "", 1441, &id, why),
                     -EINVAL);
    assert_int_equal(alarm_change_silence(db, &a, HOSTILE, "", 1, &id, why), -EINVAL);
    a.reason = "  ";
    assert_int_equal(alarm_change_silence(db, &a, "node_down", "", 1, &id, why), -EINVAL);
    assert_string_equal(why, "a silence needs a reason");
    assert_int_equal(n_audit("action = 'alarm silence'"), 1);
    assert_int_equal(alarm_change_unsilence(db, &who, id, why), 0);
    assert_int_equal(alarm_change_unsilence(db, &who, 0, why), -EINVAL);
    assert_int_equal(mydb_number("SELECT ended_by = 'li' FROM AlarmSilence"), 1);
}

static void t_role_is_recorded_with_its_old_value(void **state)
{
    char password[SECRET_PASSWORD], why[CHANGE_WHY];

    (void)state;
    assert_int_equal(secret_init(), 0);
    assert_int_equal(user_change_add(db, &who, "wang", "viewer", password, why), 0);
    assert_int_equal(user_change_role(db, &who, "wang", "admin", why), 0);
    assert_int_equal(n_audit("action = 'user add' AND " SETTING(0, "role", "", "viewer")),
                     1);
    assert_int_equal(
        n_audit("action = 'user role' AND " SETTING(0, "role", "viewer", "admin")), 1);
}

static void t_chosen_password_ends_the_other_sessions(void **state)
{
    char password[SECRET_PASSWORD], why[CHANGE_WHY], token[SECRET_TOKEN];
    uint8_t keep[SECRET_ID] = "1";

    (void)state;
    assert_int_equal(secret_init(), 0);
    assert_int_equal(user_change_add(db, &who, "wang", "viewer", password, why), 0);
    mydb_sql(
        "INSERT INTO Session (id, user, kind, until_at) VALUES ('1', 'wang', 'user', "
        "NOW(3) + INTERVAL 1 DAY), ('2', 'wang', 'user', NOW(3) + INTERVAL 1 DAY), "
        "('3', 'li', 'user', NOW(3) + INTERVAL 1 DAY)");
    assert_int_equal(user_change_password(db, &who, "wang", "short", keep, why), -EINVAL);
    assert_int_equal(user_change_password(db, &who, "wang", "twelve chars", keep, why),
                     0);
    assert_int_equal(mydb_number("SELECT must_change FROM User"), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM Session"), 2);
    assert_int_equal(user_change_disable(db, &who, "wang", true, why), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM Session"), 1);
    assert_int_equal(user_change_wall_link(db, &who, 31, token, why), -EINVAL);
    assert_int_equal(user_change_wall_link(db, &who, 0, token, why), -EINVAL);
    assert_int_equal(user_change_end_walls(db, &who, why), -EINVAL);
    assert_int_equal(user_change_add(db, &who, HOSTILE, "viewer", password, why),
                     -EINVAL);
    assert_int_equal(user_change_add(db, &who, "WANG", "viewer", password, why), -EINVAL);
}

MYDB_MAIN(O(t_texts_are_stored_as_they_are),
          O(t_255_chinese_characters_fit_or_are_cut_at_a_character),
          O(t_bytes_that_are_not_utf8_do_not_lose_the_record),
          O(t_silence_keeps_hostile_texts_and_its_limits),
          O(t_role_is_recorded_with_its_old_value),
          O(t_chosen_password_ends_the_other_sessions))
