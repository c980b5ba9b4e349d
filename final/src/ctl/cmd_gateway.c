/* gateway.  What is shown comes from the gateways themselves, so it is there when the
 * database is not; a gateway that does not answer is a row as well, because that is what
 * an operator has to know first. */
#include "ctl/cmd_gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl_gateways.h"
#include "ctl/request_log.h"

#define COLUMNS                                                                          \
    "gateway host state loops# busy_percent# clients# module module_state inflight# "    \
    "limit# queue# refused#"
#define N_COLUMNS 12
#define CELL 64

struct row {
    char cell[N_COLUMNS][CELL];
};

static void put_text(struct row *r, unsigned i, const char *text)
{
    snprintf(r->cell[i], CELL, "%.60s", text);
}

static void put_number(struct row *r, unsigned i, long long n)
{
    snprintf(r->cell[i], CELL, "%lld", n);
}

/* --- list --------------------------------------------------------------------------- */

static json_int_t busy_percent(const json_t *state)
{
    const json_t *all = json_object_get(state, "loop_busy_permille");
    size_t i, n = json_array_size(all);
    json_int_t sum = 0;

    for (i = 0; i < n; i++)
        sum += json_integer_value(json_array_get(all, i));
    return n ? sum / (json_int_t)n / 10 : 0;
}

static void put_gateway(struct row *r, const struct ctl_gateway *g)
{
    memset(r, 0, sizeof(*r));
    put_text(r, 0, g->at);
    put_text(r, 1, ctl_gateways_host(g));
    put_text(r, 2,
             !g->state                ? "unreachable"
             : ctl_gateways_serves(g) ? "serving"
                                      : "draining");
    if (!g->state)
        return;
    put_number(r, 3, ctl_gateways_number(g->state, "loops"));
    put_number(r, 4, busy_percent(g->state));
    put_number(r, 5, ctl_gateways_number(g->state, "clients"));
}

static void put_module(struct row *r, const json_t *m)
{
    char name[CELL];

    snprintf(name, sizeof(name), "%lld/%lld", ctl_gateways_number(m, "modid"),
             ctl_gateways_number(m, "cmdid"));
    put_text(r, 6, name);
    put_text(r, 7, ctl_gateways_text(m, "state"));
    put_number(r, 8, ctl_gateways_number(m, "inflight"));
    put_number(r, 9, ctl_gateways_number(m, "limit"));
    put_number(r, 10, ctl_gateways_number(m, "queue"));
    put_number(r, 11,
               ctl_gateways_number(m, "refused_new") +
                   ctl_gateways_number(m, "refused_inside"));
}

static int add_row(struct table *t, struct row *r)
{
    char *cell[N_COLUMNS];
    unsigned i;

    for (i = 0; i < N_COLUMNS; i++)
        cell[i] = r->cell[i];
    return table_add(t, cell);
}

/* A row for each module; one without when there is none. */
static int add_gateway(struct table *t, const struct ctl_gateway *g)
{
    const json_t *modules = json_object_get(g->state, "modules");
    size_t i, n = json_array_size(modules);
    struct row r;
    int rc = 0;

    put_gateway(&r, g);
    if (n == 0)
        return add_row(t, &r);
    for (i = 0; rc == 0 && i < n; i++) {
        put_module(&r, json_array_get(modules, i));
        rc = add_row(t, &r);
    }
    return rc;
}

static int print_list(struct ctl *c, const struct ctl_gateways *all)
{
    struct table *t = NULL;
    int rc = table_create(&t, COLUMNS), code = CTL_OK, printed;
    unsigned i;

    for (i = 0; rc == 0 && i < all->n; i++) {
        rc = add_gateway(t, &all->at[i]);
        if (!all->at[i].state)
            code = ctl_say(CTL_FAILED, "%s", all->at[i].why);
    }
    if (rc < 0) {
        table_destroy(t);
        return ctl_say(CTL_FAILED, "out of memory");
    }
    printed = ctl_print_table(c, t);
    return code == CTL_OK ? printed : code;
}

static int gateway_list(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways all;
    int code = ctl_gateways_ask(c, &all);

    (void)argc;
    (void)argv;
    if (code == 0)
        code = print_list(c, &all);
    ctl_gateways_free(&all);
    return code;
}

/* --- drain -------------------------------------------------------------------------- */

static unsigned count_named(const struct ctl_gateways *all, const char *name)
{
    unsigned i, n = 0;

    for (i = 0; i < all->n; i++)
        n += ctl_gateways_match(&all->at[i], name);
    return n;
}

/* Those that serve and are not named. */
static unsigned count_left(const struct ctl_gateways *all, const char *name)
{
    unsigned i, n = 0;

    for (i = 0; i < all->n; i++)
        n += ctl_gateways_serves(&all->at[i]) && !ctl_gateways_match(&all->at[i], name);
    return n;
}

static void print_effect(const struct ctl_gateways *all, const char *name)
{
    unsigned i;

    for (i = 0; i < all->n; i++)
        if (ctl_gateways_match(&all->at[i], name))
            fprintf(stderr,
                    "%s: has %lld connections of visitors; /ready becomes 503 and each "
                    "response closes its connection\n",
                    all->at[i].at, ctl_gateways_number(all->at[i].state, "clients"));
    fprintf(stderr, "%u of %u gateways serve afterwards\n", count_left(all, name),
            all->n);
}

static int drain(struct ctl *c, struct ctl_gateways *all, const char *name)
{
    print_effect(all, name);
    return c->dry_run ? ctl_gateways_may_drain(c, all, name)
                      : ctl_gateways_command(c, all, name, "/drain", "");
}

static int undrain(struct ctl *c, struct ctl_gateways *all, const char *name)
{
    return c->dry_run ? CTL_OK : ctl_gateways_command(c, all, name, "/undrain", "");
}

typedef int change_fn(struct ctl *c, struct ctl_gateways *all, const char *name);

static int change(struct ctl *c, const char *name, change_fn *fn)
{
    struct ctl_gateways all;
    int code = ctl_gateways_ask(c, &all);

    if (code == 0)
        code = count_named(&all, name) > 0
                   ? fn(c, &all, name)
                   : ctl_say(CTL_FAILED,
                             "%.60s: no gateway in [gateways] admin has this host or "
                             "address; larsctl gateway list shows them",
                             name);
    ctl_gateways_free(&all);
    return code;
}

static int gateway_drain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, argv[0], drain);
}

static int gateway_undrain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, argv[0], undrain);
}

/* --- why ---------------------------------------------------------------------------- */

static int gateway_why(struct ctl *c, int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : c->gateways_log;
    struct request_log_entry e;
    char err[REQUEST_LOG_ERR];
    int rc = request_log_find(path, argv[0], &e, err);

    if (rc < 0)
        return ctl_say(rc == -EINVAL ? CTL_USAGE : CTL_FAILED, "%s", err);
    request_log_explain(&e, stdout);
    return CTL_OK;
}

const struct ctl_cmd cmd_gateway[] = {
    {"gateway", "list", "", 0, 0, "Show the gateways and what their modules do.",
     gateway_list,
     "It asks the admin ports in [gateways] admin, which need no database.  A gateway "
     "that does not answer is \"unreachable\", and the exit status is 1."},
    {"gateway", "drain", "HOST", 1, 1,
     "Have new visitors sent to other gateways than this one.", gateway_drain,
     "HOST is a host's name or an address of larsctl gateway list.  /ready and /healthz "
     "of the gateway become 503 and each response closes its connection; requests that "
     "arrive are still answered.  -n shows the effect, -y drains also the last one that "
     "serves, of all or of its [gateway] zone.  The command is signed with [gateways] "
     "key_file."},
    {"gateway", "undrain", "HOST", 1, 1, "Take a drain back.", gateway_undrain,
     "A gateway that ends after a signal cannot serve again."},
    {"gateway", "why", "REQUEST-ID [FILE]", 1, 2,
     "Explain what became of a request, from the access log of this host.", gateway_why,
     "The visitor has the id in the field X-Request-Id and on each page of the gateway. "
     "FILE is [log] path of the gateway; without it, it is [gateways] log.  FILE.1 is "
     "searched as well."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
