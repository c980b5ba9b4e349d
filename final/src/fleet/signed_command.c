/* The signature is checked before it is remembered, so only those who have a key can fill
 * the memory of accepted ones.  When it is full of signatures that are still valid, the
 * next command is refused: to forget one would allow its repetition.
 *
 * The epoch ends with the process, and with it the memory: after a restart no signature
 * of before is valid.  The text begins with a word that is no method, so that none of it
 * is a command to a gateway without an epoch.
 *
 * A visitor's cookie is signed with the same keys.  What is signed there begins with a
 * class letter and has no line end, so that no cookie is a command's signature.
 * Rejected: a nonce that the receiver hands out for each command.  It would have to
 * remember whom it gave one.  Rejected: the address of the gateway in place of the epoch.
 * Behind a translation of addresses the gateway does not know the one that was used. */
#include "fleet/signed_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LEN_MAX 256
#define VERSION "lars-command-2\n"
#define REMEMBERED 1024 /* commands within 2 * SIGNED_COMMAND_SKEW_S */

struct signed_command_gate {
    struct {
        uint64_t end_s; /* the last second in which it is valid */
        char signature[FLEET_KEYS_MAC];
    } seen[REMEMBERED];
    unsigned n;
};

/* --- the text that is signed -------------------------------------------------------- */

/* Returns its length; 0 = the path or the body is too long.  The caller frees <*out>. */
static size_t make_text(const struct signed_command *c, const char *time, char **out)
{
    size_t size =
        PATH_LEN_MAX + sizeof(VERSION) + SIGNED_COMMAND_EPOCH_MAX + 64 + c->body_len;
    int n;

    *out = NULL;
    if ((c->epoch && strlen(c->epoch) > SIGNED_COMMAND_EPOCH_MAX) ||
        strlen(c->path) > PATH_LEN_MAX || strlen(c->method) > 16 || strlen(time) > 20 ||
        c->body_len > SIGNED_COMMAND_BODY_MAX)
        return 0;
    *out = malloc(size);
    if (!*out)
        return 0;
    n = snprintf(*out, size, "%s%s%s%s\n%s\n%s\n", c->epoch ? VERSION : "",
                 c->epoch ? c->epoch : "", c->epoch ? "\n" : "", c->method, c->path,
                 time);
    if (c->body_len > 0)
        memcpy(*out + n, c->body, c->body_len);
    return (size_t)n + c->body_len;
}

int signed_command_sign(const struct fleet_keys *k, const struct signed_command *c,
                        uint64_t now_s, struct signed_command_fields *out)
{
    char *text;
    size_t len;

    snprintf(out->time, sizeof(out->time), "%llu", (unsigned long long)now_s);
    len = make_text(c, out->time, &text);
    if (len == 0)
        return -EMSGSIZE;
    fleet_keys_sign(k, text, len, out->signature);
    out->signature[FLEET_KEYS_MAC] = '\0';
    free(text);
    return 0;
}

/* --- the receiver ------------------------------------------------------------------- */

int signed_command_gate_create(struct signed_command_gate **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void signed_command_gate_destroy(struct signed_command_gate *g)
{
    free(g);
}

/* Seconds in decimal, as the sender writes them: other forms are refused, because the
 * text is a part of what is signed. */
static bool read_time(const char *text, uint64_t *out)
{
    size_t i, len = strlen(text);

    if (len == 0 || len > 12)
        return false;
    for (*out = 0, i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static bool is_near(uint64_t time_s, uint64_t now_s)
{
    return time_s <= now_s + SIGNED_COMMAND_SKEW_S &&
           now_s <= time_s + SIGNED_COMMAND_SKEW_S;
}

/* Forget what has become invalid; returns whether <signature> was accepted before. */
static bool was_seen(struct signed_command_gate *g, const char *signature, uint64_t now_s)
{
    bool found = false;
    unsigned i = 0;

    while (i < g->n) {
        if (memcmp(g->seen[i].signature, signature, FLEET_KEYS_MAC) == 0)
            found = true;
        if (g->seen[i].end_s < now_s)
            g->seen[i] = g->seen[--g->n];
        else
            i++;
    }
    return found;
}

static bool is_signed(const struct fleet_keys *k, const struct signed_command *c,
                      const char *time, const char *signature)
{
    char *text;
    size_t len = make_text(c, time, &text);
    bool ok = len > 0 && fleet_keys_verify(k, text, len, signature);

    free(text);
    return ok;
}

int signed_command_accept(struct signed_command_gate *g, const struct fleet_keys *k,
                          const struct signed_command *c,
                          const struct signed_command_sent *sent, uint64_t now_s,
                          const char **why)
{
    uint64_t time_s;

    if (!sent->time || !sent->signature)
        *why = "the command is not signed: it needs the fields Lars-Time, Lars-Gateway "
               "and Lars-Signature; use larsctl gateway with [gateways] key_file";
    else if (!sent->gateway)
        *why = "the command lacks the field Lars-Gateway, so it could be repeated at "
               "another gateway; its sender is older than this gateway: upgrade larsctl "
               "and lars-autoscaler";
    else if (strcmp(sent->gateway, c->epoch) != 0)
        *why = SIGNED_COMMAND_OTHER ", or for this one before its restart; sign it with "
                                    "the epoch of GET /gateway";
    else if (!read_time(sent->time, &time_s) || strlen(sent->signature) != FLEET_KEYS_MAC)
        *why = "Lars-Time must be Unix seconds, and Lars-Signature 64 hexadecimal digits";
    else if (!is_near(time_s, now_s))
        *why = "Lars-Time differs by more than 30 s from the clock of the gateway; "
               "correct the clock of the host that is wrong";
    else if (!is_signed(k, c, sent->time, sent->signature))
        *why = "the signature is wrong; use the key in [gateway] key_file of the gateway";
    else if (was_seen(g, sent->signature, now_s))
        *why = SIGNED_COMMAND_REPEATED "; sign it again with a later Lars-Time";
    else if (g->n == REMEMBERED)
        *why = "more than 1024 commands came within a minute; wait for a minute";
    else {
        memcpy(g->seen[g->n].signature, sent->signature, FLEET_KEYS_MAC);
        g->seen[g->n++].end_s = time_s + SIGNED_COMMAND_SKEW_S;
        return 0;
    }
    return -EACCES;
}
