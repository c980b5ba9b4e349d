/* ops/in_force knows what the agents use; this file has the words.
 *
 * Invariant: an agent that has stopped reporting is printed as silent and never counted
 * as one that has the change.
 *
 * Rejected: waiting for silent agents.  They would make each change last 5 s for as long
 * as a host is off. */
#include "ctl/wait_in_force.h"

#include <stdio.h>

#include "base/mono.h"

#define WAIT_MS 5000
#define NAMES_SHOWN 3 /* of each module */

static void print_agent(const struct in_force_agent *a)
{
    fputs("; ", stderr);
    table_print_safe(a->name, stderr);
    if (a->state == IN_FORCE_SILENT) {
        fprintf(stderr, " has been silent for %u s", a->silent_s);
    } else if (a->state == IN_FORCE_NOT_KNOWN) {
        fputs(" makes calls and does not report what it uses: not known", stderr);
    } else {
        fputs(" is behind: it uses other nodes, weights or zones", stderr);
        if (a->version > 0) /* an older agent does not report it */
            fprintf(stderr, ", those of version %llu", (unsigned long long)a->version);
    }
}

/* The agents that do not have the change, with the reason. */
static void print_missing(const struct in_force *f, size_t module)
{
    const struct in_force_module *m = &f->module[module];
    uint32_t shown = 0, all = m->n - m->yes + m->not_known;
    size_t i;

    for (i = 0; i < f->n_missing && shown < NAMES_SHOWN; i++)
        if (f->missing[i].module == module) {
            print_agent(&f->missing[i]);
            shown++;
        }
    if (all > shown)
        fprintf(stderr, "; %u more", all - shown);
}

static void print_module(const struct in_force *f, size_t module, uint64_t ms)
{
    const struct in_force_module *m = &f->module[module];

    fprintf(stderr, "%u/%u: ", m->modid, m->cmdid);
    if (f->n_agent == 0)
        fputs("in the database; no agent reports what it has", stderr);
    else if (m->n == 0)
        fputs("in the database; no agent uses the module yet", stderr);
    else if (m->yes == 0)
        fprintf(stderr, "in the database; 0 of %u agents have it after %llu ms", m->n,
                (unsigned long long)ms);
    else
        fprintf(stderr, "in force on %u of %u agents, %llu ms", m->yes, m->n,
                (unsigned long long)ms);
    print_missing(f, module);
    fputc('\n', stderr);
}

void wait_in_force_of(struct ctl *c, struct in_force *f, const struct ops_request *r,
                      const struct ops_outcome *out)
{
    int rc = in_force_wait(c->db, f, out->commit_ms + WAIT_MS);
    uint64_t ms = mono_ms() - out->commit_ms;
    size_t i;

    if (rc == 0)
        rc = in_force_find_callers(c->db, f);
    if (rc < 0) {
        fputs("the change is in the database; which agents have it cannot be read, see "
              "larsctl db check\n",
              stderr);
        return;
    }
    for (i = 0; i < f->n_module; i++)
        print_module(f, i, ms);
    if (f->n_more > 0)
        fprintf(stderr,
                "%zu further modules are in the database; larsctl waits for the first %u "
                "only\n",
                f->n_more, IN_FORCE_MODULES);
    if (in_force_record(c->db, &r->who, f, r->subject, out->audit_id, ms) < 0)
        fprintf(stderr, "this result is not in the audit: %s\n", sqldb_error(c->db));
}
