/* loglevel -- the level of a daemon's log: set by [log] level when it starts, and changed
 * while it runs by SIGUSR1 (one step more: error, warn, info, debug), by SIGUSR2 (one
 * step less) and by `larsctl log LEVEL`, which uses PUT /log-level of httpd.h.  Each
 * change is logged as log.level at WARN, under the more verbose of the two levels, so
 * that a change between warn and error is seen in both directions. */
#ifndef LARS_OBS_LOGLEVEL_H
#define LARS_OBS_LOGLEVEL_H

#include "base/conf.h"
#include "base/log.h"
#include "net/evloop.h"

#define LOGLEVEL_MAX 8                /* bytes of a name with its 0 */

/* The row of a daemon's configuration table; the field is a char[LOGLEVEL_MAX]. */
#define LOGLEVEL_KEY(at)                                                                 \
    {                                                                                    \
        "log", "level", CONF_TEXT, at, 0, LOGLEVEL_MAX, "info",                          \
            "the least severe lines that are logged: error, warn, info or debug"         \
    }
#define LOGLEVEL_WRONG "[log] level must be error, warn, info or debug"

struct loglevel;

/* "warn" to LOG_LEVEL_WARN.  Returns 0, or -EINVAL for any other word.  Thread: any. */
int loglevel_parse(const char *name, enum log_level *out);
const char *loglevel_name(enum log_level level); /* static string */

enum log_level loglevel_get(void);    /* Thread: any */

/* Set the level; <by> names what asked for it in the line that is logged, such as
 * "SIGUSR1".  The same level again logs nothing.  Thread: the one of the main loop. */
void loglevel_set(enum log_level level, const char *by);

/* Set the level to <name>, which loglevel_parse() accepts, without a line in the log.
 * Then block SIGUSR1 and SIGUSR2 in this thread and those it starts, and handle them in
 * <l>, which is borrowed.  Returns 0; -ENOMEM, -EMFILE.  Thread: init, before other
 * threads exist. */
int loglevel_create(struct loglevel **out, struct evloop *l, const char *name);
void loglevel_destroy(struct loglevel *s); /* NULL is fine.  Thread: loop */

#endif
