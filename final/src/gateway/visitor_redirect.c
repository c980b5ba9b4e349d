/* Requests that the port does not serve: those for a host without a rule, and, with
 * https_redirect, all that come without TLS, which get the address by https.
 *
 * Invariant: a redirect leads to a host that a rule names, in the spelling of the rule.
 * Of the request it has only the target, which http_parse has found to be a path without
 * control characters.  So no request can make the gateway send its visitor elsewhere.  A
 * rule for every host names none: its requests get 421.
 * Rejected: 301, after which browsers make a GET of a POST. */
#include <stdio.h>
#include <string.h>

#include "gateway/visitor_private.h"

#define LOCATION_MAX (HTTP_LINE_MAX + 400)

static void answer_unknown(struct visitor *v)
{
    gate_loop_count(&v->g->counts.no_rule);
    visitor_answer_page(v, 421, v->body_left, "");
}

bool visitor_redirect_answer(struct visitor *v, const struct http_head *h)
{
    const struct rule *r = v->forward.rule;
    uint32_t port = v->g->limits->https_redirect;
    char fields[LOCATION_MAX], number[16] = "";
    int n;

    if (r && (port == 0 || v->tls))
        return false;
    if (!r || strcmp(r->host, "*") == 0) {
        answer_unknown(v);
        return true;
    }
    if (port != 443)
        snprintf(number, sizeof(number), ":%u", port);
    n = snprintf(fields, sizeof(fields),
                 "Cache-Control: no-store\r\nLocation: https://%s%s%.*s\r\n", r->host,
                 number, (int)h->target.len, h->target.at);
    if (n < 0 || (size_t)n >= sizeof(fields)) /* targets are shorter than that */
        answer_unknown(v);
    else
        visitor_answer_moved(v, fields);
    return true;
}
