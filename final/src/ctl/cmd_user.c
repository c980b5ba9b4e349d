/* A password is printed on standard output and nowhere else: `larsctl user add` in a pipe
 * gives it to the next program, and the audit has none.
 *
 * Rejected: passwords as arguments.  They would stand in the list of processes and in the
 * history of the shell. */
#include "ctl/cmd_user.h"

#include <errno.h>
#include <stdio.h>

#include "ops/user_change.h"

static int result(const struct ctl *c, int rc, const char *why)
{
    return ctl_changed(c, rc, CTL_FAILED, why);
}

static int no_random(void)
{
    return ctl_say(CTL_FAILED, "the system gives no random numbers");
}

static int user_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "name role state sessions#",
        "SELECT u.name, u.role, IF(u.disabled, 'disabled', IF(u.must_change, "
        "'must change the password', '')), (SELECT COUNT(*) FROM Session s "
        "WHERE s.user = u.name AND s.kind = 'user' AND s.until_at > NOW(3)) "
        "FROM User u ORDER BY u.name");
}

static int user_add(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char password[SECRET_PASSWORD], why[CHANGE_WHY];
    int code;

    (void)argc;
    if (secret_init() < 0)
        return no_random();
    code = result(c, user_change_add(c->db, &who, argv[0], argv[1], password, why), why);
    if (code == CTL_OK)
        puts(password);
    return code;
}

static int user_passwd(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char password[SECRET_PASSWORD], why[CHANGE_WHY];
    int code;

    (void)argc;
    if (secret_init() < 0)
        return no_random();
    code = result(c, user_change_reset(c->db, &who, argv[0], password, why), why);
    if (code == CTL_OK)
        puts(password);
    return code;
}

static int user_role(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, user_change_role(c->db, &who, argv[0], argv[1], why), why);
}

static int user_disable(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, user_change_disable(c->db, &who, argv[0], true, why), why);
}

static int user_enable(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, user_change_disable(c->db, &who, argv[0], false, why), why);
}

static int wall_link(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char token[SECRET_TOKEN], why[CHANGE_WHY];
    uint32_t days = USER_CHANGE_DAYS_MAX;
    int code = argc > 0 ? ctl_range(argv[0], "DAYS", 1, USER_CHANGE_DAYS_MAX, &days) : 0;

    if (code != 0)
        return code;
    if (secret_init() < 0)
        return no_random();
    code = result(c, user_change_wall_link(c->db, &who, days, token, why), why);
    if (code == CTL_OK)
        printf("/#/wall?token=%s\n", token);
    return code;
}

static int wall_end(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    (void)argv;
    return result(c, user_change_end_walls(c->db, &who, why), why);
}

const struct ctl_cmd cmd_user[] = {
    {"user", "list", "", 0, 0, "List the users of the console.", user_list, NULL},
    {"user", "add", "NAME viewer|operator|admin", 2, 2,
     "Add a user and print a random password, to be changed at the first login.",
     user_add,
     "A viewer sees everything, an operator also changes routes and silences alarms, an "
     "admin also ends sessions of others."},
    {"user", "role", "NAME viewer|operator|admin", 2, 2, "Give a user another role.",
     user_role, NULL},
    {"user", "passwd", "NAME", 1, 1,
     "Give a user a new random password, print it, and end the user's sessions.",
     user_passwd, NULL},
    {"user", "disable", "NAME", 1, 1, "Refuse a user, and end the user's sessions.",
     user_disable, NULL},
    {"user", "enable", "NAME", 1, 1, "Let a disabled user log in again.", user_enable,
     NULL},
    {"wall", "link", "[DAYS]", 0, 1,
     "Print a link for a wall display, which needs no user; for 30 days at most.",
     wall_link, "The link is behind the address of the console and is printed once."},
    {"wall", "end", "", 0, 0, "End all links of wall displays.", wall_end, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
