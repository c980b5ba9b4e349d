/* Each agent reports the checksum of the nodes that it uses for each module: addresses,
 * weights and zones.  The Report Services write it to AgentRoute, and Service has the
 * time at which an agent last reported.  A change is in force on an agent when the
 * checksum is that of the nodes in the database.
 *
 * Invariant: an agent that reports nothing is never counted as one that has the change,
 * because what it reported last may be true no longer.
 *
 * The agents of the configuration are asked for the module once, so that they use it and
 * report it; other agents that do not use the module read it when they are first asked.
 *
 * Rejected: comparing the answers of agents to lars_get_route().  They have addresses
 * only, so a new weight looked the same as the old one. */
#include "ctl/in_force.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/module_id.h"
#include "base/mono.h"
#include "db/wanted_routes.h"
#include "route/routedelta.h"

#define WAIT_MS 5000
#define GAP_MS 20
#define SILENT_S 6 /* an agent reports every 2 s */
#define NODES_MAX 4000
#define NAMES_SHOWN 3

struct look { /* at one module */
    struct table *agents; /* that use it: name, sum, silence in s, version */
    uint64_t want; /* the checksum of the database */
    unsigned known, n, has, silent; /* all agents; users of the module; ... */
};

static uint64_t number_at(const struct table *t, size_t row, size_t column)
{
    return strtoull(table_cell(t, row, column), NULL, 10);
}

/* Returns how many agents of the configuration answered. */
static unsigned ask_agents(struct ctl *c, const struct module_id *m)
{
    static struct lars_addr at[NODES_MAX];
    struct lars_client *client;
    unsigned i, n = 0;

    for (i = 0; i < c->n_agent; i++) {
        if (ctl_open_agent(c, i, &client) < 0)
            continue;
        n += lars_get_route(client, m->modid, m->cmdid, at, NODES_MAX) > 0;
        lars_close(client);
    }
    return n;
}

static bool is_silent(const struct look *l, size_t row)
{
    return number_at(l->agents, row, 2) >= SILENT_S;
}

static bool has_change(const struct look *l, size_t row)
{
    return !is_silent(l, row) && number_at(l->agents, row, 1) == l->want;
}

/* Fill <l>, whose table is new.  Returns 0 or as sqldb_run(). */
static int read_agents(struct ctl *c, const struct module_id *m, struct look *l)
{
    uint64_t known;
    size_t r;
    int rc = ctl_table(c, l->agents,
                         "SELECT s.name, a.sum, GREATEST(0, TIMESTAMPDIFF(SECOND, "
                         "s.seen_at, NOW(3))), a.version FROM AgentRoute a JOIN "
                         "Service s ON s.kind = 'agent' AND s.name = a.agent WHERE "
                         "a.modid = %u AND a.cmdid = %u AND s.seen_at > NOW(3) - "
                         "INTERVAL 1 DAY ORDER BY s.name",
                         m->modid, m->cmdid);

    if (rc == 0)
        rc = sqldb_number(c->db, &known,
                          "SELECT COUNT(*) FROM Service WHERE kind = 'agent' AND seen_at "
                          "> NOW(3) - INTERVAL 1 DAY");
    if (rc == 0)
        rc = wanted_routes_refresh(c->wanted);
    if (rc < 0)
        return rc;
    l->known = (unsigned)known;
    l->want = wanted_routes_sum(c->wanted, m->modid, m->cmdid);
    l->n = (unsigned)table_n_rows(l->agents);
    l->has = l->silent = 0;
    for (r = 0; r < l->n; r++) {
        l->has += has_change(l, r);
        l->silent += is_silent(l, r);
    }
    return 0;
}

/* An older agent does not report a version; it is 0 then. */
static void print_others(const struct look *l, size_t row)
{
    fputs(" uses other nodes, weights or zones", stderr);
    if (number_at(l->agents, row, 3) > 0)
        fprintf(stderr, ", those of version %s", table_cell(l->agents, row, 3));
}

/* The agents that do not have the change, with the reason. */
static void print_missing(const struct look *l)
{
    unsigned shown = 0;
    size_t r;

    for (r = 0; r < l->n && shown < NAMES_SHOWN; r++) {
        if (has_change(l, r))
            continue;
        shown++;
        fputs("; ", stderr);
        table_print_safe(table_cell(l->agents, r, 0), stderr);
        if (is_silent(l, r))
            fprintf(stderr, " has been silent for %s s", table_cell(l->agents, r, 2));
        else
            print_others(l, r);
    }
    if (l->n - l->has > shown)
        fprintf(stderr, "; %u more", l->n - l->has - shown);
}

static void print_result(const struct look *l, const struct module_id *m, uint64_t ms)
{
    fprintf(stderr, "%u/%u: ", m->modid, m->cmdid);
    if (l->known == 0)
        fputs("in the database; no agent reports what it has", stderr);
    else if (l->n == 0)
        fputs("in the database; no agent uses the module yet", stderr);
    else if (l->has == 0)
        fprintf(stderr, "in the database; 0 of %u agents have it after %llu ms", l->n,
                (unsigned long long)ms);
    else
        fprintf(stderr, "in force on %u of %u agents, %llu ms", l->has, l->n,
                (unsigned long long)ms);
    print_missing(l);
    fputc('\n', stderr);
}

/* The agents that answered use the module, so their rows come, too. */
static bool is_settled(const struct look *l, unsigned answered)
{
    bool others_come = l->want != routedelta_sum(NULL, 0) && l->n - l->silent < answered;

    return l->has + l->silent == l->n && !others_come;
}

static void wait_for_module(struct ctl *c, const struct module_id *m, uint64_t start_ms)
{
    unsigned answered = ask_agents(c, m);
    struct look l = {NULL};
    bool again = true;
    int rc = 0;

    while (again && rc == 0) {
        rc = table_create(&l.agents, "agent sum# silent# version#");
        if (rc == 0)
            rc = read_agents(c, m, &l);
        again = rc == 0 && !is_settled(&l, answered) && mono_ms() < start_ms + WAIT_MS;
        if (rc == 0 && !again)
            print_result(&l, m, mono_ms() - start_ms);
        table_destroy(l.agents);
        l.agents = NULL;
        if (again)
            poll(NULL, 0, GAP_MS);
    }
    if (rc < 0)
        fprintf(stderr,
                "%u/%u: in the database; which agents have it cannot be read, see "
                "larsctl db check\n",
                m->modid, m->cmdid);
}

void in_force_wait(struct ctl *c, uint32_t modid, uint32_t cmdid)
{
    wait_for_module(c, &(struct module_id){modid, cmdid}, mono_ms());
}

void in_force_wait_each(struct ctl *c, const struct table *t)
{
    uint64_t start_ms = mono_ms();
    size_t r;

    for (r = 0; r < table_n_rows(t); r++) {
        struct module_id m = {(uint32_t)number_at(t, r, 0), (uint32_t)number_at(t, r, 1)};

        wait_for_module(c, &m, start_ms);
    }
}
