/* log.  The level of a daemon is read and set through its HTTP port, which accepts the
 * change from this host only (obs/httpd, docs/decisions/018).
 *
 * The preset of [larsctl] http has the port of every daemon, and a host runs some of
 * them: an address that nothing listens at is named, and is no failure while others
 * answer.
 *
 * Rejected: signals to the process ids.  They would need a file of each id or a search of
 * /proc, and cannot read the level or set a certain one; they stay as the way for daemons
 * without an HTTP port (SIGUSR1, SIGUSR2). */
#include "ctl/cmd_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/daemon_http.h"

#define LIST_MAX 600 /* bytes of [larsctl] http */

/* one_daemon() returns it beside the exit codes: nothing listens at the address. */
#define NOTHING_THERE (-1)

struct answer {
    int status; /* of HTTP */
    char program[64], level[16]; /* of a 200 */
};

/* PUT <level>, or GET when it is NULL.  Returns 0, -EPROTO when the answer is not HTTP,
 * or -errno. */
static int ask(const struct net_addr *at, const char *level, struct answer *out)
{
    struct daemon_answer a;
    int rc =
        daemon_http_ask(at, level ? "PUT" : "GET", "/log-level", level ? level : "", &a);

    if (rc < 0)
        return rc;
    *out = (struct answer){.status = a.status};
    if (out->status == 200 && sscanf(a.body, " %63s %15s", out->program, out->level) != 2)
        return -EPROTO;
    return 0;
}

/* One daemon; a row of <t> when its program is <only>, or <only> is NULL.  Returns an
 * exit code, or NOTHING_THERE. */
static int one_daemon(struct table *t, const char *where, const char *level,
                      const char *only)
{
    struct answer a;
    struct net_addr at;
    char *cell[3] = {a.program, (char *)where, a.level};
    int rc = net_addr_parse(&at, where);

    if (rc == 0 && only) /* first the program's name, without a change */
        rc = ask(&at, NULL, &a);
    if (rc == 0 && only && a.status == 200 && strcmp(a.program, only) != 0)
        return CTL_OK;
    if (rc == 0)
        rc = ask(&at, level, &a);
    if (rc == -ECONNREFUSED)
        return NOTHING_THERE;
    if (rc < 0)
        return ctl_say(CTL_FAILED,
                       "%s: %s; look at the log of the daemon, or correct [larsctl] http",
                       where, strerror(-rc));
    if (a.status != 200)
        return ctl_say(CTL_FAILED, "%s: the daemon refused (HTTP status %d)", where,
                       a.status);
    return table_add(t, cell) < 0 ? ctl_say(CTL_FAILED, "out of memory") : CTL_OK;
}

/* Each daemon of [larsctl] http.  The addresses that nothing listens at are appended to
 * <silent>, of LIST_MAX bytes.  Returns an exit code. */
static int each_daemon(const struct ctl *c, struct table *t, const char *level,
                       const char *only, char *silent)
{
    char list[LIST_MAX], *word, *save = NULL;
    int code = CTL_OK, one;

    snprintf(list, sizeof(list), "%s", c->http);
    for (word = strtok_r(list, " ,", &save); word; word = strtok_r(NULL, " ,", &save)) {
        size_t n = strlen(silent);

        one = one_daemon(t, word, level, only);
        if (one == NOTHING_THERE)
            snprintf(silent + n, LIST_MAX - n, "%s%s", n > 0 ? " " : "", word);
        else if (code == CTL_OK)
            code = one;
    }
    return code;
}

static int log_level(struct ctl *c, int argc, char **argv)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    const char *level = argc > 0 ? argv[0] : NULL, *only = argc > 1 ? argv[1] : NULL;
    char silent[LIST_MAX] = "";
    struct table *t;
    size_t i = 0;
    int code, one;

    while (level && i < 4 && strcmp(level, levels[i]) != 0)
        i++;
    if (i == 4)
        return ctl_say(CTL_USAGE, "\"%s\" is not error, warn, info or debug", level);
    if (table_create(&t, "program at level") < 0)
        return ctl_say(CTL_FAILED, "out of memory");
    code = each_daemon(c, t, level, only, silent);
    if (silent[0] && !(only && table_n_rows(t) > 0))
        ctl_say(CTL_OK,
                "no daemon listens at %s of [larsctl] http; one that this host "
                "has to have there is to be started with [http] listen",
                silent);
    if (table_n_rows(t) == 0 && code == CTL_OK)
        code = ctl_say(CTL_FAILED, "there is no %s at the addresses of [larsctl] http",
                       only ? only : "daemon");
    if (table_n_rows(t) == 0) {
        table_destroy(t);
        return code;
    }
    one = ctl_print_table(c, t);
    return code == CTL_OK ? one : code;
}

const struct ctl_cmd cmd_log[] = {
    {"log", "", "[error|warn|info|debug] [PROGRAM]", 0, 2,
     "Show or set the log level of the daemons of this host.", log_level,
     "It asks the HTTP ports in [larsctl] http, and names those that nothing listens at. "
     "The exit code is 1 when no daemon answers, or one is asked and answers wrongly. "
     "PROGRAM, such as lars-dnsd, leaves the others as they are. A daemon accepts a "
     "change from its own host only, and has the "
     "level of its configuration again after a restart. A daemon without an HTTP port "
     "takes SIGUSR1 (more) and SIGUSR2 (less)."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
