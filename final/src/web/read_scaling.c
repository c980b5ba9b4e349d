/* A decision is recorded on a change and once a minute, so an older one than RECENT_S is
 * of an autoscaler that does not work now, and shows nothing here: the page Scaling
 * tells since when. */
#include "web/read_scaling.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

#define RECENT_S 150

static uint32_t number_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int take_scaled(char **at, void *arg)
{
    struct snap *s = arg;

    if (s->n_scaled < SNAP_SCALED)
        s->scaled[s->n_scaled++] =
            (struct snap_scaled){number_of(at[0]), number_of(at[1]), number_of(at[2]),
                                 number_of(at[3]), number_of(at[4])};
    return 0;
}

static int take_drill(char **at, void *arg)
{
    struct snap_drill *d = &((struct snap *)arg)->drill;

    d->id = strtoull(at[0], NULL, 10);
    snprintf(d->name, sizeof(d->name), "%s", at[1]);
    snprintf(d->host, sizeof(d->host), "%s", at[2]);
    d->second = number_of(at[3]);
    d->seconds = number_of(at[4]);
    d->is_lost = number_of(at[5]) > 0;
    utf8_replace_broken(d->name);
    utf8_replace_broken(d->host);
    return 0;
}

int read_scaling_add(struct sqldb *db, struct snap *s)
{
    int rc = sqldb_each(db, take_scaled, s,
                        "SELECT p.modid, p.cmdid, d.wanted, d.need, d.zones FROM "
                        "ScalePolicy p JOIN ScaleDecision d ON d.id = (SELECT x.id FROM "
                        "ScaleDecision x WHERE x.modid = p.modid AND x.cmdid = p.cmdid "
                        "ORDER BY x.at DESC, x.id DESC LIMIT 1) WHERE d.at > NOW(3) - "
                        "INTERVAL %u SECOND ORDER BY p.modid, p.cmdid LIMIT %u",
                        RECENT_S, SNAP_SCALED);

    if (rc < 0)
        return rc;
    return sqldb_each(db, take_drill, s,
                      "SELECT id, name, host, second, seconds, seen_at < NOW(3) - "
                      "INTERVAL 10 SECOND FROM Drill WHERE state = 'running' AND seen_at "
                      "> NOW(3) - INTERVAL 1 DAY ORDER BY seen_at DESC, id DESC LIMIT 1");
}
