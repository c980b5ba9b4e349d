/* The gateways that the console has lost are not asked whether they serve, so that a
 * request waits only for those that answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ops/gateway_change.h"
#include "web/api.h"
#include "web/api_gateway.h"
#include "web/web.h"

#define REASON_MAX 1020 /* bytes: 255 characters */
#define ASK_MS 1000 /* as the console gives a gateway to answer */

struct meant {
    struct gateway_change change;
    char at[GATEWAY_LIST_MAX][NET_ADDR_STRLEN];
    const char *name;
    bool is_known;
};

static void add_one(const struct gateways_view *v, void *arg)
{
    struct meant *m = arg;
    struct gateway_change_one *o = &m->change.one[m->change.n];

    snprintf(m->at[m->change.n], NET_ADDR_STRLEN, "%s", v->admin);
    o->at = m->at[m->change.n++];
    o->is_meant = strcmp(v->admin, m->name) == 0;
    o->is_lost = !o->is_meant && v->state == GATEWAYS_UNREACHABLE;
    m->is_known |= o->is_meant;
}

static void answer(struct request *q, const struct request_env *env,
                   const struct meant *m, int rc, const char *why)
{
    unsigned i;

    for (i = 0; rc == -EREMOTEIO && i < m->change.n; i++)
        if (m->change.one[i].is_meant)
            why = m->change.one[i].why;
    if (rc == 0)
        reply_empty(&q->reply, 204);
    else if (rc == -EBUSY)
        reply_problem(&q->reply, 409, "consent_needed", "consent", why);
    else if (rc == -EREMOTEIO)
        reply_problem(&q->reply, 502, "gateway_failed", NULL, why);
    else
        request_db_failed(q, rc == -ECANCELED ? -EINPROGRESS : rc, env->db);
}

/* The body is {"reason", "consent"}; consent is the admin port, as the operator typed
 * it. */
static void change(struct request *q, const struct request_env *env, const char *path)
{
    struct meant m = {.name = q->name,
                      .change = {.keys = env->web->gateway_keys,
                                 .path = path,
                                 .body = "",
                                 .timeout_ms = ASK_MS,
                                 .must_audit = true}};
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY] = "";
    const char *consent;

    if (!request_parse(q) || !(who.reason = request_text(q, "reason", REASON_MAX)) ||
        !(consent = request_text(q, "consent", NET_ADDR_STRLEN)))
        return;
    gateways_each(env->web->gateways, add_one, &m);
    m.change.consent = strcmp(consent, q->name) == 0;
    if (!m.is_known)
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
    else if (!m.change.keys)
        reply_problem(&q->reply, 409, "no_gateway_key", NULL,
                      "[gateways] key_file of lars-console is empty");
    else if (who.reason[strspn(who.reason, " \t\r\n")] == '\0')
        reply_problem(&q->reply, 422, "wrong_value", "reason", "it is empty");
    else
        answer(q, env, &m, gateway_change_apply(&m.change, env->db, &who, why), why);
    gateways_look(env->web->gateways);
}

void api_gateway_change_zone(const struct request_env *env, const char *zone, bool drain,
                             const struct audit_actor *who)
{
    struct meant m = {.name = "",
                      .change = {.keys = env->web->gateway_keys,
                                 .path = drain ? "/drain" : "/undrain",
                                 .body = "",
                                 .timeout_ms = ASK_MS,
                                 .consent = true}};
    char why[CHANGE_WHY] = "";
    unsigned i;

    if (!m.change.keys)
        return;
    gateways_each(env->web->gateways, add_one, &m);
    if (gateway_change_mean_zone(&m.change, zone) == 0)
        return;
    gateway_change_apply(&m.change, env->db, who, why);
    for (i = 0; i < m.change.n; i++)
        if (m.change.one[i].is_meant && !m.change.one[i].obeyed)
            LOG_WARN("console.zone", "zone=%s gateway=%s did not obey %s: %s", zone,
                     m.change.one[i].at, m.change.path, m.change.one[i].why);
    gateways_look(env->web->gateways);
}

void api_gateway_change_drain(struct request *q, const struct request_env *env)
{
    change(q, env, "/drain");
}

void api_gateway_change_undrain(struct request *q, const struct request_env *env)
{
    change(q, env, "/undrain");
}
