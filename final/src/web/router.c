/* An entry without a role does not compile, because its handler would stand where a
 * number is expected, and what has no entry is refused: a new handler cannot be open by
 * mistake.
 *
 * Rejected: patterns with regular expressions.  Two kinds of segments are enough, and a
 * path that has to be decoded first is a path that two programs read differently. */
#include "web/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "web/api.h"

#define V1 "/api/v1"

static const struct route routes[] = {
    {"POST", V1 "/session", SESSION_NONE, ROUTE_HASH, api_session_login},
    {"POST", V1 "/session/wall", SESSION_NONE, ROUTE_DB, api_session_wall},
    {"GET", V1 "/session", SESSION_WALL, ROUTE_SNAP, api_session_get},
    {"DELETE", V1 "/session", SESSION_WALL, ROUTE_DB, api_session_end},
    {"PUT", V1 "/session/password", SESSION_VIEWER, ROUTE_HASH, api_session_password},
    {"GET", V1 "/capabilities", SESSION_WALL, ROUTE_SNAP, api_session_capabilities},
    {"GET", V1 "/events", SESSION_WALL, ROUTE_STREAM, NULL},
    {"GET", V1 "/wall", SESSION_WALL, ROUTE_SNAP, api_read_wall},
    {"GET", V1 "/overview", SESSION_VIEWER, ROUTE_SNAP, api_read_overview},
    {"GET", V1 "/modules", SESSION_VIEWER, ROUTE_SNAP, api_read_modules},
    {"GET", V1 "/modules/{m}/{c}", SESSION_VIEWER, ROUTE_DB, api_module_get},
    {"GET", V1 "/modules/{m}/{c}/history", SESSION_VIEWER, ROUTE_DB, api_history_module},
    {"GET", V1 "/modules/{m}/{c}/latency", SESSION_VIEWER, ROUTE_DB, api_history_latency},
    {"GET", V1 "/zones", SESSION_VIEWER, ROUTE_SNAP, api_read_zones},
    {"GET", V1 "/zones/{name*}/history", SESSION_VIEWER, ROUTE_DB, api_history_zone},
    {"GET", V1 "/services", SESSION_VIEWER, ROUTE_SNAP, api_read_services},
    {"GET", V1 "/gateways", SESSION_VIEWER, ROUTE_SNAP, api_gateway_list},
    {"POST", V1 "/gateways/{name*}/drain", SESSION_OPERATOR, ROUTE_DB,
     api_gateway_change_drain},
    {"POST", V1 "/gateways/{name*}/undrain", SESSION_OPERATOR, ROUTE_DB,
     api_gateway_change_undrain},
    {"GET", V1 "/scaling", SESSION_VIEWER, ROUTE_DB, api_scaling_get},
    {"GET", V1 "/scaling/{m}/{c}", SESSION_VIEWER, ROUTE_DB, api_scaling_history},
    {"POST", V1 "/scaling/{m}/{c}", SESSION_OPERATOR, ROUTE_DB, api_scaling_change_set},
    {"DELETE", V1 "/scaling/{m}/{c}", SESSION_OPERATOR, ROUTE_DB, api_scaling_change_off},
    {"POST", V1 "/scaling/freeze", SESSION_OPERATOR, ROUTE_DB, api_scaling_change_freeze},
    {"DELETE", V1 "/scaling/freeze", SESSION_OPERATOR, ROUTE_DB,
     api_scaling_change_unfreeze},
    {"POST", V1 "/scaling/plans", SESSION_OPERATOR, ROUTE_DB, api_scaling_change_plan},
    {"DELETE", V1 "/scaling/plans/{id}", SESSION_OPERATOR, ROUTE_DB,
     api_scaling_change_unplan},
    {"POST", V1 "/scaling/hosts/{name*}", SESSION_OPERATOR, ROUTE_DB,
     api_scaling_change_host},
    {"DELETE", V1 "/scaling/hosts/{name*}", SESSION_OPERATOR, ROUTE_DB,
     api_scaling_change_forget},
    {"GET", V1 "/drills", SESSION_VIEWER, ROUTE_DB, api_drill_list},
    {"GET", V1 "/drills/{id}", SESSION_VIEWER, ROUTE_DB, api_drill_get},
    {"GET", V1 "/drills/{id}/report", SESSION_VIEWER, ROUTE_DB, api_drill_report},
    {"POST", V1 "/drills/{id}/abort", SESSION_OPERATOR, ROUTE_DB, api_drill_abort},
    {"GET", V1 "/alarms", SESSION_VIEWER, ROUTE_DB, api_alarm_list},
    {"GET", V1 "/alarms/{id}", SESSION_VIEWER, ROUTE_DB, api_alarm_get},
    {"POST", V1 "/alarms/{id}/ack", SESSION_OPERATOR, ROUTE_DB, api_alarm_ack},
    {"GET", V1 "/silences", SESSION_VIEWER, ROUTE_DB, api_alarm_silences},
    {"POST", V1 "/silences", SESSION_OPERATOR, ROUTE_DB, api_alarm_silence},
    {"DELETE", V1 "/silences/{id}", SESSION_OPERATOR, ROUTE_DB, api_alarm_unsilence},
    {"GET", V1 "/audit", SESSION_VIEWER, ROUTE_DB, api_audit_list},
    {"GET", V1 "/audit/{id}", SESSION_VIEWER, ROUTE_DB, api_audit_get},
    {"POST", V1 "/changes", SESSION_OPERATOR, ROUTE_DB, api_change_post},
    {"GET", V1 "/changes/{id}", SESSION_VIEWER, ROUTE_DB, api_change_state},
    {"GET", V1 "/alarm-targets", SESSION_VIEWER, ROUTE_DB, api_admin_targets},
    {"POST", V1 "/alarm-targets/{name*}", SESSION_OPERATOR, ROUTE_DB,
     api_admin_test_target},
    {"GET", V1 "/sessions", SESSION_ADMIN, ROUTE_DB, api_admin_sessions},
    {"DELETE", V1 "/sessions/{name*}", SESSION_ADMIN, ROUTE_DB, api_admin_end_sessions},
    {"GET", V1 "/wall-links", SESSION_ADMIN, ROUTE_DB, api_admin_links},
    {"POST", V1 "/wall-links", SESSION_ADMIN, ROUTE_DB, api_admin_link},
    {"DELETE", V1 "/wall-links", SESSION_ADMIN, ROUTE_DB, api_admin_end_links},
    {"DELETE", V1 "/agents/{name*}", SESSION_OPERATOR, ROUTE_DB, api_alarm_forget_agent},
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

const struct route *router_at(size_t i)
{
    return i < N_ROUTES ? &routes[i] : NULL;
}

/* A decimal number without a sign or leading zeros. */
static bool take_number(const char **path, uint64_t max, uint64_t *out)
{
    const char *p = *path;
    char *end;

    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    errno = 0;
    *out = strtoull(p, &end, 10);
    *path = end;
    return errno == 0 && *out <= max;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;

    return at && c > ' ' ? (int)(at - digits) : -1;
}

/* Decode <n> bytes with %XX; false: a '%' without two digits, or a zero byte. */
static bool decode(char *to, const char *from, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        int high = 0, low = 0;

        if (from[i] != '%') {
            *to++ = from[i];
            continue;
        }
        high = i + 3 <= n ? hex_digit(from[i + 1]) : -1;
        low = i + 3 <= n ? hex_digit(from[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *to = '\0';
    return true;
}

/* A name is all of the path but the <n_after> bytes that the pattern has after it.  Only
 * here is anything decoded: a browser has no other way to send a name in Chinese. */
static bool take_name(struct request *q, const char **path, size_t n_after)
{
    size_t n = strlen(*path);

    if (n <= n_after || !decode(q->name, *path, n - n_after))
        return false;
    *path += n - n_after;
    return utf8_is_whole(q->name);
}

/* One {...} of the pattern; both move behind it. */
static bool take_value(struct request *q, const char **pattern, const char **path)
{
    size_t n = strcspn(*pattern, "}") + 1;
    const char *name = *pattern;
    uint64_t v = 0;

    *pattern += n;
    if (strncmp(name, "{name*}", n) == 0)
        return take_name(q, path, strlen(*pattern));
    if (strncmp(name, "{id}", n) == 0)
        return take_number(path, INT64_MAX, &q->id);
    if (!take_number(path, UINT32_MAX, &v))
        return false;
    *(name[1] == 'm' ? &q->m : &q->c) = (uint32_t)v;
    return true;
}

static bool fits(struct request *q, const char *pattern)
{
    const char *path = q->path;

    while (*pattern)
        if (*pattern == '{') {
            if (!take_value(q, &pattern, &path))
                return false;
        } else if (*pattern++ != *path++)
            return false;
    return *path == '\0';
}

const struct route *router_find(struct request *q)
{
    bool is_path_known = false;
    size_t i;

    for (i = 0; i < N_ROUTES; i++) {
        if (!fits(q, routes[i].path))
            continue;
        if (strcmp(routes[i].method, q->method) == 0)
            return &routes[i];
        is_path_known = true;
    }
    reply_problem(&q->reply, is_path_known ? 405 : 404,
                  is_path_known ? "method_not_allowed" : "not_found", NULL, NULL);
    return NULL;
}
