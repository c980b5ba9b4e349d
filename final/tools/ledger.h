/* ledger -- what ledger_writer and ledger_check share: the list of database servers, a
 * connection to one of them, and the value that belongs to a key.  Thread: init. */
#ifndef LARS_TOOLS_LEDGER_H
#define LARS_TOOLS_LEDGER_H

#include <errno.h>
#include <mysql.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/conf.h"

#define LEDGER_SERVERS_MAX 8
#define LEDGER_CONNECT_S 1 /* a connect takes no longer */
#define LEDGER_ANSWER_S 5 /* a statement: longer than a change of members */
#define LEDGER_DATABASE "lars_ledger"
#define LEDGER_SERVERS_HELP                                                              \
    "The servers, the own zone's first: IPv4 addresses with ports or paths of sockets, " \
    "with commas between them."

struct ledger_server {
    char name[112]; /* as in the list: ADDRESS:PORT or /PATH */
    char host[64]; /* "" = name is the path of a socket */
    unsigned port;
    uint64_t down_until_ms; /* no connect before this; 0 = none has failed */
    struct backoff backoff;
};

/* The value of the row <n>: it shows that the stored row is the one that was sent. */
static inline uint64_t ledger_value(uint64_t n)
{
    uint64_t v = n * UINT64_C(0x9e3779b97f4a7c15);

    return v ^ v >> 29;
}

/* Returns 0, or -EINVAL when <text> is no server. */
static inline int ledger_set_server(struct ledger_server *s, const char *text)
{
    const char *colon = strrchr(text, ':');
    char end;

    memset(s, 0, sizeof(*s));
    snprintf(s->name, sizeof(s->name), "%s", text);
    s->backoff = (struct backoff){.min_ms = 200, .max_ms = 5000};
    if (text[0] == '/')
        return strlen(text) < sizeof(s->name) ? 0 : -EINVAL;
    if (!colon || (size_t)(colon - text) >= sizeof(s->host) ||
        sscanf(colon, ":%5u%c", &s->port, &end) != 1 || s->port == 0 || s->port > 65535)
        return -EINVAL;
    snprintf(s->host, sizeof(s->host), "%.*s", (int)(colon - text), text);
    return 0;
}

/* Read <text>, servers with commas between them.  Returns how many, 1 to
 * LEDGER_SERVERS_MAX; -EINVAL with a sentence in <err>. */
static inline int ledger_set_servers(struct ledger_server *s, const char *text,
                                     char err[CONF_ERR_MAX])
{
    char list[400], *at = list, *one;
    int n = 0;

    snprintf(list, sizeof(list), "%s", text);
    while ((one = strsep(&at, ",")) != NULL) {
        if (n == LEDGER_SERVERS_MAX) {
            snprintf(err, CONF_ERR_MAX, "option -d: more than %d servers", n);
            return -EINVAL;
        }
        if (ledger_set_server(&s[n++], one) < 0) {
            snprintf(err, CONF_ERR_MAX,
                     "option -d: \"%s\" is not ADDRESS:PORT, nor the path of a socket",
                     one);
            return -EINVAL;
        }
    }
    return n;
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
static inline unsigned ledger_connect(MYSQL *con, const struct ledger_server *s,
                                      const char *user, const char *password)
{
    unsigned connect_s = LEDGER_CONNECT_S, answer_s = LEDGER_ANSWER_S;
    unsigned tcp = MYSQL_PROTOCOL_TCP;
    const char *path = s->host[0] ? NULL : s->name;

    mysql_init(con);
    mysql_options(con, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(con, MYSQL_OPT_READ_TIMEOUT, &answer_s);
    mysql_options(con, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
    if (!path)
        mysql_options(con, MYSQL_OPT_PROTOCOL, &tcp);
    mysql_real_connect(con, path ? NULL : s->host, user, password, LEDGER_DATABASE,
                       s->port, path, 0);
    return mysql_errno(con);
}

#endif
