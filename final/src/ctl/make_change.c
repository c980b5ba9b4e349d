/* Every change goes through ops, which judges and records it; larsctl adds the questions
 * to the operator and what it prints.
 *
 * Rejected: asking for "yes" on the terminal.  Scripts would wait for ever; a second
 * command with -y says the same. */
#include "ctl/make_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/ipv4.h"
#include "ctl/wait_in_force.h"

static const struct make_change_options yes_is_enough = {
    PLAN_REMOVE_ALL, {"", "give -y to do it", "give -y to do it"}};

int make_change_field(struct change_op *op, const char *word)
{
    const char *value = strchr(word, '=');
    char key[32], why[CHANGE_WHY];
    bool policy = op->verb == CHANGE_POLICY;

    if (!value || (size_t)(value - word) >= sizeof(key))
        return ctl_say(CTL_USAGE,
                       policy ? "\"%s\" is not rule=, probe=, timeout_ms=, slow_ms=, "
                                "node_rps=, node_inflight= or target_ms="
                              : "\"%s\" is not zone=NAME, weight=0..10000, state=up or "
                                "state=drained",
                       word);
    snprintf(key, sizeof(key), "%.*s", (int)(value - word), word);
    if (change_set_field(op, key, value + 1, why) == 0)
        return CTL_OK;
    return ctl_say(CTL_USAGE, "%s", why);
}

/* --- the preview -------------------------------------------------------------------- */

static void values_text(const struct node_row *r, char *out, size_t size)
{
    if (r)
        snprintf(out, size, "weight=%u zone=%s state=%s", r->weight, r->zone, r->state);
    else
        out[0] = '\0';
}

static int add_row(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    const struct node_row *r = old ? old : fresh;
    struct net_addr at = ipv4_addr(r->ip, (uint16_t)r->port);
    char module[24], node[NET_ADDR_STRLEN], from[300], to[300];

    snprintf(module, sizeof(module), "%u/%u", r->modid, r->cmdid);
    values_text(old, from, sizeof(from));
    values_text(fresh, to, sizeof(to));
    return table_add(arg, (char *[]){module, (char *)net_addr_str(&at, node), from, to});
}

static int add_settings(struct table *t, const struct settings *s)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < s->n; i++) {
        const struct settings_row *r = &s->at[i];
        char module[24], from[1100], to[1100];

        snprintf(module, sizeof(module), "%u/%u", r->modid, r->cmdid);
        snprintf(from, sizeof(from), "%s=%s", r->key, r->old);
        snprintf(to, sizeof(to), "%s=%s", r->key, r->fresh);
        rc = table_add(t, (char *[]){module, "", from, to});
    }
    return rc;
}

/* A line for each module: what is left of it. */
static void print_effect(const struct plan *p)
{
    size_t i;

    for (i = 0; i < p->n_module; i++) {
        const struct plan_module *m = &p->module[i];

        fprintf(stderr, "%u/%u: %u of %u nodes in service afterwards", m->modid, m->cmdid,
                m->left, m->had);
        if (m->out > 0)
            fprintf(stderr, ", of which agents give no calls to %u", m->out);
        if (m->calls_gone > 0)
            fprintf(stderr, "; those that go carried %.1f %% of the calls",
                    100.0 * (double)m->calls_gone / (double)m->calls);
        if (m->warnings & PLAN_OVERLOAD)
            fprintf(stderr, "; the rest takes %llu calls/s of %llu",
                    (unsigned long long)m->capacity, (unsigned long long)m->calls / 60);
        fputc('\n', stderr);
    }
    for (i = 0; i < p->n_zone; i++)
        if (p->zone[i].had > 0 && p->zone[i].left == 0) {
            fprintf(stderr, "%u/%u: no node of zone ", p->zone[i].modid,
                    p->zone[i].cmdid);
            table_print_safe(p->zone[i].zone, stderr);
            fputs(" is in service afterwards\n", stderr);
        }
}

static int print_plan(struct ctl *c, const struct ops_outcome *out,
                      const struct make_change_options *how)
{
    struct table *t = NULL;
    int rc = table_create(&t, "module node from to");

    if (rc == 0)
        rc = plan_each(&out->plan, add_row, t);
    if (rc == 0)
        rc = add_settings(t, &out->settings);
    if (rc < 0) {
        table_destroy(t);
        return ctl_say(CTL_FAILED, "out of memory");
    }
    print_effect(&out->plan);
    if (out->plan.needs > (c->yes ? how->yes : PLAN_NO_CONSENT))
        fprintf(stderr, "the change needs consent: %s\n", how->how[out->plan.needs]);
    return ctl_print_table(c, t);
}

/* --- the change --------------------------------------------------------------------- */

/* Print why nothing was changed.  Returns the exit code. */
static int print_refusal(const struct ops_request *r, const struct ops_outcome *out,
                         const struct make_change_options *how)
{
    switch (out->result) {
    case OPS_NEEDS_CONSENT:
        return ctl_say(CTL_NEEDS_YES, "%s; %s", out->why, how->how[out->plan.needs]);
    case OPS_WRONG:
        return ctl_say(r->n_op ? CTL_FAILED : CTL_USAGE, "%s", out->why);
    default:
        return ctl_say(CTL_FAILED, "%s; give the command again", out->why);
    }
}

/* Wait until the modules of the change are in force. */
static void wait_for_change(struct ctl *c, const struct ops_request *r,
                            const struct ops_outcome *out)
{
    struct in_force f = {.n_module = 0};
    size_t i;

    if (r->op->verb == CHANGE_CONFIRM)
        in_force_add(&f, r->op->node.modid, r->op->node.cmdid);
    for (i = 0; i < out->plan.n_module; i++)
        in_force_add(&f, out->plan.module[i].modid, out->plan.module[i].cmdid);
    if (f.n_module > 0)
        wait_in_force_of(c, &f, r, out);
    else
        fputs("nothing is changed: it is so already\n", stderr);
}

int make_change_run(struct ctl *c, struct ops_request *r,
                    const struct make_change_options *how, struct ops_outcome *out)
{
    int rc;

    r->who = ctl_actor(c);
    r->consent = c->yes ? how->yes : PLAN_NO_CONSENT;
    rc = c->dry_run ? ops_plan(c->db, r, out) : ops_apply(c->db, r, out);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (out->result != OPS_DONE)
        return print_refusal(r, out, how);
    return c->dry_run ? print_plan(c, out, how) : CTL_OK;
}

int make_change_routes(struct ctl *c, const char *action, const char *subject,
                       const struct change_op *op)
{
    return make_change_routes_by(c, action, subject, op, &yes_is_enough);
}

int make_change_routes_by(struct ctl *c, const char *action, const char *subject,
                          const struct change_op *op,
                          const struct make_change_options *how)
{
    struct ops_request r = {.action = action, .subject = subject, .op = op, .n_op = 1};
    struct ops_outcome out = {.result = OPS_DONE};
    int code = make_change_run(c, &r, how, &out);

    if (code == CTL_OK && !c->dry_run)
        wait_for_change(c, &r, &out);
    ops_free(&out);
    return code;
}
