/* snap -- what the console shows, as of one second: an immutable value that the reader
 * makes and all requests share.  Arrays are sorted as they are declared.  Thread: any;
 * the reference count is atomic. */
#ifndef LARS_WEB_SNAP_H
#define LARS_WEB_SNAP_H

#include <stdbool.h>

#include "ops/node_row.h"
#include "web/minutes.h"

#define SNAP_SCALED 64                /* modules; more are not shown in short */
#define SNAP_TEXT 65                  /* bytes of a name, with the final 0 */

struct snap_name {                    /* of a modid or a cmdid */
    uint32_t id;
    char text[256];
};

/* What only changes with the version of the routes; shared by many snapshots. */
struct snap_routes {
    _Atomic unsigned refs;
    uint64_t revision;
    struct node_rows rows;            /* all nodes of all modules */
    struct snap_name *mod, *cmd;
    size_t n_mod, n_cmd;
};

struct snap_node {                    /* of the row with the same index */
    float calls, failed;              /* a second, mean of the last seconds; here and
                                       * below NAN when no lars-reportd works */
    uint16_t n_down, n_ejected, n_trial; /* agents that report it */
};

struct snap_module {
    uint32_t modid, cmdid;
    size_t first, n;                  /* its rows; none if their removal is held */
    uint32_t n_up, n_drained, n_out;  /* nodes; out: down or ejected for some agent */
    double calls, failed;             /* held: also of removed nodes, which are called */
    uint32_t p99_us;                  /* of the last minute; 0 = not known */
    bool is_held;
};

struct snap_zone {
    char name[NODE_ROW_ZONE * 4 + 1];
    uint32_t n_up, n_drained, n_out;  /* nodes, an address and port counts once a module
                                       * */
    double calls, failed;
    char decided[17];                 /* by an operator: "leaving", "drained", "fenced";
                                       * "" = it is in service */
    double need, capacity;            /* calls/s of modules that have node_rps, and what
                                       * its nodes that are up can do of them; 0 = not
                                       * known */
    struct minutes_hour hour;
};

struct snap_service {
    char kind[17], name[SNAP_TEXT], zone[NODE_ROW_ZONE * 4 + 1], address[SNAP_TEXT];
    char version[17], state[SNAP_TEXT];
    uint64_t revision, silent_ms;
};

struct snap_alarm {                   /* one that is open */
    uint64_t id, raised_s;            /* seconds since 1970 */
    char kind[33], subject[SNAP_TEXT], detail[501];
    bool is_acked, is_silenced;
};

struct snap_hold {
    uint32_t modid, cmdid, had, gone;
    char dnsd[SNAP_TEXT];
};

struct snap_change {                  /* a row of Audit, the newest first */
    uint64_t id, at_ms;
    char actor[SNAP_TEXT], via[17], action[33], subject[SNAP_TEXT], result[33];
};

struct snap_scaled {                  /* a module with a recent decision */
    uint32_t modid, cmdid;
    uint32_t wanted, need;            /* nodes in each zone */
    uint32_t zones;                   /* that can be used */
};

struct snap_drill {                   /* one that runs or was lost within a day */
    uint64_t id;                      /* 0 = there is none */
    char name[401], host[257];
    uint32_t second, seconds;
    bool is_lost;                     /* no sign of it for 10 s */
};

struct snap {
    _Atomic unsigned refs;
    uint64_t at_ms;                   /* the database's clock, since 1970 */
    uint64_t mixed;                   /* changes with the routes and the names */
    uint64_t calls_s;                 /* the last second whose calls are in it */
    uint64_t minutes_s;               /* the end of the last minute of the hours */
    struct minutes_hour hour;         /* of all nodes, also of removed ones */
    uint32_t p99_us;                  /* of all modules in the last minute; 0 = not
                                       * known */
    struct snap_routes *routes;
    struct snap_node *node;           /* routes->rows.n of them */
    struct snap_module *module;
    struct snap_zone *zone;
    struct snap_service *service;
    struct snap_alarm *alarm;
    struct snap_hold *hold;
    struct snap_change *change;       /* the last five */
    struct snap_scaled scaled[SNAP_SCALED];
    size_t n_scaled;
    struct snap_drill drill;
    size_t n_module, n_zone, n_service, n_alarm, n_hold, n_change;
};

struct snap *snap_ref(struct snap *s); /* returns <s> */
void snap_unref(struct snap *s);      /* NULL is fine */
struct snap_routes *snap_routes_ref(struct snap_routes *r);
void snap_routes_unref(struct snap_routes *r); /* NULL is fine */

/* The name of a number, or "". */
const char *snap_mod_name(const struct snap *s, uint32_t modid);
const char *snap_cmd_name(const struct snap *s, uint32_t cmdid);
const struct snap_module *snap_find(const struct snap *s, uint32_t modid, uint32_t cmdid);

/* A process that has shown that it works within the last 6 s. */
bool snap_is_alive(const struct snap_service *v);
bool snap_has_alive(const struct snap *s, const char *kind); /* "reportd", "dnsd" */

#endif
