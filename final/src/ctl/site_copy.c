/* A gateway makes its copy by itself; larsctl begins it and then only looks, so a larsctl
 * that is ended changes nothing.  All gateways work at the same time.
 *
 * Invariant: a gateway that has obeyed is "running" before it answers the command, so
 * any other state that is seen afterwards is the end.
 * Rejected: an answer of the gateway that comes when the copy is made.  A connection
 * would have to last for minutes, and the admin port serves few at once. */
#include "ctl/site_copy.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mono.h"
#include "ctl/ctl_gateways.h"

#define LOOK_MS 200
#define LOST_MS 3000u /* without an answer of the gateway */
#define MAX_COLUMNS 12
#define CELL 400

struct cells {
    char at[MAX_COLUMNS][CELL];
};

typedef void fill_fn(struct cells *c, const struct ctl_gateway *g);

static const json_t *copy_of(const struct ctl_gateway *g)
{
    return json_object_get(g->state, "static");
}

static const json_t *snapshot_of(const struct ctl_gateway *g)
{
    return json_object_get(copy_of(g), "snapshot");
}

static void put_text(char cell[CELL], const char *text)
{
    snprintf(cell, CELL, "%.399s", text);
}

static void put_number(char cell[CELL], const json_t *of, const char *member)
{
    snprintf(cell, CELL, "%lld", ctl_gateways_number(of, member));
}

static int add_row(struct table *t, unsigned n, struct cells *c)
{
    char *row[MAX_COLUMNS];
    unsigned i;

    for (i = 0; i < n; i++)
        row[i] = c->at[i];
    return table_add(t, row);
}

/* A row for each gateway; <n> columns. */
static int print(struct ctl *c, const struct ctl_gateways *all, const char *columns,
                 unsigned n, fill_fn *fill)
{
    struct table *t = NULL;
    int rc = table_create(&t, columns);
    struct cells cells;
    unsigned i;

    for (i = 0; rc == 0 && i < all->n; i++) {
        memset(&cells, 0, sizeof(cells));
        fill(&cells, &all->at[i]);
        rc = add_row(t, n, &cells);
    }
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_say(CTL_FAILED, "out of memory");
}

/* --- snapshot ----------------------------------------------------------------------- */

static bool is_running(const struct ctl_gateway *g)
{
    return strcmp(ctl_gateways_text(snapshot_of(g), "state"), "running") == 0;
}

static bool is_done(const struct ctl_gateway *g)
{
    return g->obeyed && strcmp(ctl_gateways_text(snapshot_of(g), "state"), "done") == 0;
}

/* Is there anything to wait for?  <heard_ms>: when it has answered last. */
static bool look(struct ctl_gateway *g, uint64_t *heard_ms)
{
    if (!g->obeyed)
        return false;
    ctl_gateways_look(g);
    if (!g->state)
        return mono_ms() < *heard_ms + LOST_MS;
    *heard_ms = mono_ms();
    return is_running(g);
}

static void wait_for(struct ctl_gateways *all)
{
    uint64_t end_ms = mono_ms() + SITE_COPY_MS, heard_ms[CTL_GATEWAYS_MAX];
    bool waits[CTL_GATEWAYS_MAX], again = true;
    unsigned i;

    for (i = 0; i < all->n; i++) {
        heard_ms[i] = mono_ms();
        waits[i] = true;
    }
    while (again && mono_ms() < end_ms) {
        poll(NULL, 0, LOOK_MS);
        for (i = 0, again = false; i < all->n; i++) {
            waits[i] = waits[i] && look(&all->at[i], &heard_ms[i]);
            again |= waits[i];
        }
    }
}

#define SNAPSHOT_COLUMNS "gateway snapshot pages# files# bytes# seconds broken# why"

static void fill_snapshot(struct cells *c, const struct ctl_gateway *g)
{
    const json_t *last = snapshot_of(g);

    put_text(c->at[0], g->at);
    put_text(c->at[1], !g->state    ? "unreachable"
                       : !g->obeyed ? "refused"
                                    : ctl_gateways_text(last, "state"));
    put_text(c->at[7], g->obeyed && g->state ? ctl_gateways_text(last, "why") : g->why);
    if (!g->obeyed || !g->state)
        return;
    put_number(c->at[2], last, "pages");
    put_number(c->at[3], last, "files");
    put_number(c->at[4], last, "bytes");
    snprintf(c->at[5], CELL, "%.1f", (double)ctl_gateways_number(last, "ms") / 1000);
    put_number(c->at[6], last, "broken");
}

static int report(const struct ctl_gateway *g)
{
    if (is_done(g))
        return CTL_OK;
    return ctl_say(CTL_FAILED,
                   "%s: no new copy of the site%s; larsctl site status shows it", g->at,
                   !g->state                    ? ""
                   : g->obeyed && is_running(g) ? " yet"
                   : json_is_true(json_object_get(copy_of(g), "present"))
                       ? ", the old copy stays"
                       : ", and there is no old one");
}

static bool has_begun(const struct ctl_gateways *all)
{
    unsigned i = 0;

    while (i < all->n && !all->at[i].obeyed)
        i++;
    return i < all->n;
}

/* Wait for those that have begun, and print them all. */
static int follow(struct ctl *c, struct ctl_gateways *all)
{
    int code = CTL_OK, one;
    unsigned i;

    wait_for(all);
    for (i = 0; i < all->n; i++) {
        one = report(&all->at[i]);
        code = code == CTL_OK ? one : code;
    }
    one = print(c, all, SNAPSHOT_COLUMNS, 8, fill_snapshot);
    return code == CTL_OK ? one : code;
}

int site_copy_snapshot(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways all;
    int code = ctl_gateways_ask(c, &all);

    (void)argc;
    (void)argv;
    if (code == 0)
        code = ctl_gateways_command(c, &all, NULL, "/snapshot", "");
    if (has_begun(&all)) {
        int waited = follow(c, &all);

        code = code == CTL_OK ? waited : code;
    }
    ctl_gateways_free(&all);
    return code;
}

/* --- static ------------------------------------------------------------------------- */

int site_copy_switch(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways all;
    int code;

    (void)argc;
    if (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0)
        return ctl_say(CTL_USAGE, "%.40s: write on or off", argv[0]);
    code = ctl_gateways_ask(c, &all);
    if (code == 0)
        code = ctl_gateways_command(c, &all, NULL, "/static", argv[0]);
    ctl_gateways_free(&all);
    return code;
}

/* --- status ------------------------------------------------------------------------- */

#define STATUS_COLUMNS                                                                   \
    "gateway copy taken_at age pages# files# bytes# reason snapshot broken# why"

static void put_time(char cell[CELL], time_t at)
{
    struct tm tm;

    if (gmtime_r(&at, &tm))
        strftime(cell, CELL, "%Y-%m-%d %H:%M:%S", &tm);
}

/* In the largest unit of which there are two at least. */
static void put_age(char cell[CELL], long long s)
{
    static const struct {
        const char *name;
        long long s;
    } unit[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    unsigned i = 0;

    s = s < 0 ? 0 : s;
    while (unit[i].s > 1 && s < 2 * unit[i].s)
        i++;
    snprintf(cell, CELL, "%lld %s", s / unit[i].s, unit[i].name);
}

static void fill_status(struct cells *c, const struct ctl_gateway *g)
{
    const json_t *copy = copy_of(g), *last = snapshot_of(g);
    bool present = json_is_true(json_object_get(copy, "present"));
    long long taken = ctl_gateways_number(copy, "taken_at");

    put_text(c->at[0], g->at);
    put_text(c->at[1], !copy ? "unreachable" : present ? "yes" : "no");
    put_text(c->at[10], g->state ? ctl_gateways_text(last, "why") : g->why);
    if (present) {
        put_time(c->at[2], (time_t)taken);
        put_age(c->at[3], (long long)time(NULL) - taken);
    }
    if (!copy)
        return;
    put_number(c->at[4], copy, "pages");
    put_number(c->at[5], copy, "files");
    put_number(c->at[6], copy, "bytes");
    put_text(c->at[7], ctl_gateways_text(copy, "reason"));
    put_text(c->at[8], ctl_gateways_text(last, "state"));
    put_number(c->at[9], last, "broken");
}

int site_copy_status(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways all;
    int code = ctl_gateways_ask(c, &all);

    (void)argc;
    (void)argv;
    if (code == 0)
        code = print(c, &all, STATUS_COLUMNS, 11, fill_status);
    ctl_gateways_free(&all);
    return code;
}
