/* An endpoint that failed is marked for a short time, so the next attempts begin with
 * another one; when all are marked, they are tried nevertheless, because the marks are
 * only memory of the past.  The wait between two rounds is any part of a bound that
 * doubles (full jitter): the programs of a zone whose servers return do not come all at
 * once.
 *
 * Invariant: an endpoint is in endpoints_order() exactly once, whatever has failed.
 * Rejected: base/backoff.h, whose waits are never shorter than half of the bound; the
 * list of MariaDB's client library, which does not know error 1047 and does not exist in
 * MySQL's. */
#include "db/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OF_HOST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

/* <word> is "HOST:PORT" or "[IPV6]:PORT". */
static const char *parse_host_port(struct endpoint *out, char *word)
{
    char *colon = strrchr(word, ':'), *host = word;
    size_t len;

    if (!colon || colon == word)
        return "[db] endpoints: an endpoint is ADDRESS:PORT or the path of a socket, "
               "such "
               "as 10.0.1.11:3310 or /run/mysqld/mysqld.sock";
    *colon = '\0';
    len = strlen(word);
    if (word[0] == '[' && word[len - 1] == ']') {
        word[len - 1] = '\0';
        host++;
        if (host[strspn(host, "0123456789abcdefABCDEF:.%")] || !strchr(host, ':'))
            return "[db] endpoints: the text between [ and ] must be an IPv6 address";
    } else if (host[strspn(host, OF_HOST)]) {
        return "[db] endpoints: a host must be a name or an address; an IPv6 address "
               "stands between [ and ]";
    }
    len = strspn(colon + 1, "0123456789");
    if (len == 0 || len > 5 || colon[1 + len] || strtoul(colon + 1, NULL, 10) < 1 ||
        strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return "[db] endpoints: a port is a number from 1 to 65535";
    snprintf(out->host, sizeof(out->host), "%s", host);
    out->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return NULL;
}

static const char *parse_word(struct endpoint *out, const char *from, size_t len)
{
    char word[ENDPOINTS_HOST];

    if (len >= sizeof(word))
        return "[db] endpoints: an endpoint is longer than 107 characters";
    memcpy(word, from, len);
    word[len] = '\0';
    if (word[0] != '/')
        return parse_host_port(out, word);
    snprintf(out->host, sizeof(out->host), "%s", word);
    out->port = 0;
    return NULL;
}

static bool has(const struct endpoints *e, const struct endpoint *x)
{
    size_t i;

    for (i = 0; i < e->n; i++)
        if (e->at[i].port == x->port && strcmp(e->at[i].host, x->host) == 0)
            return true;
    return false;
}

const char *endpoints_parse(struct endpoints *out, const char *text)
{
    static const char gap[] = " \t,";

    *out = (struct endpoints){.n = 0};
    for (text += strspn(text, gap); *text; text += strspn(text, gap)) {
        size_t len = strcspn(text, gap);
        struct endpoint one = {.port = 0};
        const char *why = parse_word(&one, text, len);

        if (why)
            return why;
        if (has(out, &one))
            return "[db] endpoints: an endpoint stands there twice";
        if (out->n == ENDPOINTS_MAX)
            return "[db] endpoints: there are more than 8 endpoints";
        out->at[out->n++] = one;
        text += len;
    }
    return out->n > 0 ? NULL : "[db] endpoints: there is no endpoint";
}

void endpoints_set_one(struct endpoints *out, const char *host, uint16_t port)
{
    *out = (struct endpoints){.n = 1};
    snprintf(out->at[0].host, sizeof(out->at[0].host), "%s", host);
    out->at[0].port = port;
}

size_t endpoints_order(const struct endpoints *e, uint64_t now_ms,
                       size_t order[ENDPOINTS_MAX])
{
    size_t i, n = 0;

    if (now_ms < e->not_before_ms)
        return 0;
    for (i = 0; i < e->n; i++)
        if (now_ms >= e->down_until_ms[i])
            order[n++] = i;
    for (i = 0; i < e->n; i++)
        if (now_ms < e->down_until_ms[i])
            order[n++] = i;
    return n;
}

void endpoints_failed(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random)
{
    e->down_until_ms[i] = now_ms + ENDPOINTS_DOWN_MS + random % (ENDPOINTS_DOWN_MS + 1);
}

void endpoints_round_failed(struct endpoints *e, uint64_t now_ms, uint32_t random)
{
    if (e->n == 1)
        return;
    e->wait_ms = e->wait_ms == 0 ? ENDPOINTS_WAIT_MIN_MS : 2 * e->wait_ms;
    if (e->wait_ms > ENDPOINTS_WAIT_MAX_MS)
        e->wait_ms = ENDPOINTS_WAIT_MAX_MS;
    e->not_before_ms = now_ms + random % (e->wait_ms + 1);
}

static void delay_going_back(struct endpoints *e, uint64_t now_ms, uint32_t random)
{
    e->back_ms = now_ms + ENDPOINTS_BACK_MS + random % (ENDPOINTS_BACK_MS / 5 + 1);
}

void endpoints_connected(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random)
{
    e->down_until_ms[i] = 0;
    e->wait_ms = 0;
    e->not_before_ms = 0;
    delay_going_back(e, now_ms, random);
}

bool endpoints_go_back(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random)
{
    size_t k;

    if (i == 0 || now_ms < e->back_ms)
        return false;
    for (k = 0; k < i && now_ms < e->down_until_ms[k]; k++)
        continue;
    if (k == i)
        return false;
    delay_going_back(e, now_ms, random);
    return true;
}

const char *endpoints_text(const struct endpoint *e, char buf[ENDPOINTS_TEXT])
{
    if (e->port == 0)
        snprintf(buf, ENDPOINTS_TEXT, "%s", e->host);
    else
        snprintf(buf, ENDPOINTS_TEXT, strchr(e->host, ':') ? "[%s]:%u" : "%s:%u", e->host,
                 (unsigned)e->port);
    return buf;
}
