/* ledger -- what ledger_writer and ledger_check share: the list of database servers, a
 * connection to one of them, and the value that belongs to a key.  Thread: init. */
#ifndef LARS_TOOLS_LEDGER_H
#define LARS_TOOLS_LEDGER_H

#include <errno.h>
#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "db/endpoints.h"

#define LEDGER_CONNECT_S 1 /* a connect takes no longer */
#define LEDGER_ANSWER_S 5 /* a statement: longer than a change of members */
#define LEDGER_DATABASE "lars_ledger"
#define LEDGER_SERVERS_HELP                                                              \
    "The servers, the own zone's first: IPv4 addresses with ports or paths of sockets, " \
    "with commas between them."

/* The value of the row <n>: it shows that the stored row is the one that was sent. */
static inline uint64_t ledger_value(uint64_t n)
{
    uint64_t v = n * UINT64_C(0x9e3779b97f4a7c15);

    return v ^ v >> 29;
}

/* Read <text>, servers with commas between them.  Returns 0; -EINVAL with a sentence in
 * <err>. */
static inline int ledger_set_servers(struct endpoints *out, const char *text,
                                     char err[CONF_ERR_MAX])
{
    char list[400], *comma;
    const char *wrong;

    snprintf(list, sizeof(list), "%s", text);
    while ((comma = strchr(list, ',')) != NULL)
        *comma = ' ';
    wrong = endpoints_parse(out, list);
    if (wrong)
        snprintf(err, CONF_ERR_MAX, "option -d: \"%s\": %s", text, wrong);
    return wrong ? -EINVAL : 0;
}

/* The first line of the file <path>; "" when <path> is "".  Returns 0; 2, the code to
 * exit with, after a line on standard error. */
static inline int ledger_read_password(const char *program, const char *path,
                                       char password[128])
{
    FILE *f;

    password[0] = '\0';
    if (!path[0])
        return 0;
    f = fopen(path, "re");
    if (!f || !fgets(password, 128, f)) {
        fprintf(stderr, "%s: option -P: %s cannot be read: %s\n", program, path,
                f ? "it is empty" : strerror(errno));
        if (f)
            fclose(f);
        return 2;
    }
    password[strcspn(password, "\n")] = '\0';
    fclose(f);
    return 0;
}

/* Returns 0, or the error of the server or of the client library.  The caller calls
 * mysql_close(<con>) in both cases. */
static inline unsigned ledger_connect(MYSQL *con, const struct endpoint *to,
                                      const char *user, const char *password)
{
    unsigned connect_s = LEDGER_CONNECT_S, answer_s = LEDGER_ANSWER_S;
    unsigned tcp = MYSQL_PROTOCOL_TCP;
    bool is_path = to->port == 0;

    mysql_init(con);
    mysql_options(con, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(con, MYSQL_OPT_READ_TIMEOUT, &answer_s);
    mysql_options(con, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
    if (!is_path)
        mysql_options(con, MYSQL_OPT_PROTOCOL, &tcp);
    mysql_real_connect(con, is_path ? NULL : to->host, user, password, LEDGER_DATABASE,
                       to->port, is_path ? to->host : NULL, 0);
    return mysql_errno(con);
}

#endif
