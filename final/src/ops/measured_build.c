/* lars-slotd tells the build a moment after the node is ready, because it reads the file
 * then, so the build may only be there at the end; the process is what must be the same.
 *
 * Rejected: the build at the end alone.  A node that has ended under the load and was
 * started anew may be of another build than the one that was measured. */
#include "ops/measured_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct found {
    unsigned n; /* rows: two hosts may have one address, as in tests */
    uint32_t pid;
    char build[MEASURED_BUILD];
};

static int take(char **at, void *arg)
{
    struct found *f = arg;

    f->n++;
    f->pid = at[0] ? (uint32_t)strtoul(at[0], NULL, 10) : 0;
    snprintf(f->build, sizeof(f->build), "%s", at[1] ? at[1] : "");
    return 0;
}

static int look(const struct measured_build *m, struct sqldb *db, struct found *f)
{
    int rc;

    *f = (struct found){0};
    rc = sqldb_each(db, take, f,
                    "SELECT s.pid, s.build FROM ScaleSlot s JOIN ScaleHost h ON h.host = "
                    "s.host WHERE INET_ATON(h.address) = %u AND s.port = %u AND s.modid "
                    "= %u AND s.cmdid = %u AND s.state IN ('ready', 'sick') AND "
                    "s.seen_at > NOW(3) - INTERVAL 10 SECOND",
                    m->ip, m->port, m->modid, m->cmdid);
    if (rc < 0 || f->n != 1)
        *f = (struct found){0};
    return rc;
}

int measured_build_begin(struct measured_build *m, struct sqldb *db)
{
    struct found f;
    int rc = look(m, db, &f);

    m->pid = f.pid;
    memcpy(m->build, f.build, sizeof(m->build));
    return rc;
}

int measured_build_end(struct measured_build *m, struct sqldb *db)
{
    struct found f;
    int rc = look(m, db, &f);

    if (f.pid == 0 || f.pid != m->pid ||
        (m->build[0] && strcmp(m->build, f.build) != 0))
        f.build[0] = '\0';
    memcpy(m->build, f.build, sizeof(m->build));
    return rc;
}
