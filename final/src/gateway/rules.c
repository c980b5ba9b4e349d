/* The rules are sorted when they are read: those for one host before those for all, and
 * longer paths first, so that the first rule that fits is the right one.  At most
 * RULES_MAX of them are compared one by one.
 * Rejected: a tree of paths.  A site has a handful of rules. */
#include "gateway/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/lars_retry.h"
#include "base/ini_file.h"
#include "base/module_id.h"
#include "http/http_path.h"

struct rules {
    unsigned n, n_modules;
    struct rule rule[RULES_MAX];
    struct rules_module module[RULES_MAX];
};

struct reading {
    struct rules *r;
    char err[CONF_ERR_MAX - 160];
};

static bool fail(struct reading *in, const char *what, const char *value)
{
    snprintf(in->err, sizeof(in->err), what, value);
    return false;
}

static struct rule *rule_named(struct reading *in, const char *name)
{
    struct rules *r = in->r;
    struct rule *rule;
    unsigned i;

    for (i = 0; i < r->n; i++)
        if (strcmp(r->rule[i].name, name) == 0)
            return &r->rule[i];
    if (r->n == RULES_MAX || strlen(name) >= sizeof(rule->name) || !name[0])
        return NULL;
    rule = &r->rule[r->n++];
    memset(rule, 0, sizeof(*rule));
    memcpy(rule->name, name, strlen(name) + 1);
    snprintf(rule->host, sizeof(rule->host), "*");
    snprintf(rule->path, sizeof(rule->path), "/");
    rule->retries = 2;
    rule->cache_ms = 1000;
    rule->stale_s = 10;
    rule->stale_error_s = 600;
    return rule;
}

static bool set_number(struct reading *in, const char *value, uint32_t most,
                       uint32_t *out)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end || n > most) {
        snprintf(in->err, sizeof(in->err), "\"%.80s\" is not a number from 0 to %u",
                 value, most);
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool set_module(struct reading *in, const char *value, struct rule *rule)
{
    char extra;

    if (value[strspn(value, "0123456789/")] || /* sscanf() takes signs and blanks */
        sscanf(value, "%9u/%9u%c", &rule->modid, &rule->cmdid, &extra) != 2 ||
        (rule->modid | rule->cmdid) == 0)
        return fail(in, "\"%.80s\" is not MODID/CMDID, such as 1/2", value);
    return true;
}

/* --- nodes -------------------------------------------------------------------------- */

static bool add_node(struct reading *in, const char *text, struct rule *rule)
{
    struct net_addr at = {0};
    unsigned i;

    if (net_addr_parse(&at, text) < 0 || at.port == 0)
        return fail(in, "\"%.80s\" is not ADDRESS:PORT, such as 10.0.1.7:8001", text);
    for (i = 0; i < rule->n_nodes; i++)
        if (net_addr_equal(&rule->node[i], &at))
            return fail(in, "nodes has %.80s twice; remove one of them", text);
    if (rule->n_nodes == RULES_NODES_MAX)
        return fail(in,
                    "nodes has more than 16 addresses; remove %.80s and those after it",
                    text);
    rule->node[rule->n_nodes++] = at;
    return true;
}

/* Addresses with blanks between them. */
static bool set_nodes(struct reading *in, const char *value, struct rule *rule)
{
    char text[INI_FILE_LINE_MAX + 2], *rest, *word;

    snprintf(text, sizeof(text), "%s", value);
    rule->n_nodes = 0;
    for (word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        if (!add_node(in, word, rule))
            return false;
    if (rule->n_nodes == 0)
        return fail(in, "nodes is empty%s; write ADDRESS:PORT, or remove the line", "");
    return true;
}

/* --- one spelling ------------------------------------------------------------------- */

/* Without ":PORT"; an IPv6 address is in brackets. */
static struct http_text without_port(struct http_text host)
{
    uint32_t i = host.len;

    while (i > 0 && host.at[i - 1] >= '0' && host.at[i - 1] <= '9')
        i--;
    if (i > 0 && host.at[i - 1] == ':')
        host.len = i - 1;
    return host;
}

#define SIX_MAX (INET6_ADDRSTRLEN + 2)

/* <host> in the spelling in which hosts are compared, in any case: without a port and
 * without the dot at the end of a full name; an IPv6 address as inet_ntop() writes it, in
 * <six>.  Empty when it is no address. */
static struct http_text plain_host(struct http_text host, char six[SIX_MAX])
{
    struct in6_addr ip;
    char text[SIX_MAX];

    host = without_port(host);
    if (host.len == 0 || host.at[0] != '[') {
        host.len -= host.len > 0 && host.at[host.len - 1] == '.';
        return host;
    }
    snprintf(text, sizeof(text), "%.*s", (int)host.len - 1, host.at + 1);
    text[strcspn(text, "]")] = 0;
    six[0] = '[';
    if (host.len > sizeof(text) || inet_pton(AF_INET6, text, &ip) != 1 ||
        !inet_ntop(AF_INET6, &ip, six + 1, SIX_MAX - 2))
        return (struct http_text){six, 0};
    host.len = (uint32_t)strlen(six);
    six[host.len] = ']';
    return (struct http_text){six, host.len + 1};
}

/* A host that no request can have would make a rule that is never used. */
static bool set_host(struct reading *in, const char *value, struct rule *rule)
{
    size_t len = strlen(value);
    bool six = value[0] == '[' && value[len - 1] == ']';
    char buf[SIX_MAX];
    struct http_text plain = plain_host((struct http_text){value, (uint32_t)len}, buf);

    if ((strcmp(value, "*") != 0 && strpbrk(value, six ? " \t/@,*" : " \t/@,*:[]")) ||
        (len > 0 && plain.len == 0))
        return fail(in,
                    "host \"%.80s\" is not a name without a port, an IPv6 address in "
                    "brackets, or *",
                    value);
    if (plain.len == 0 || plain.len >= sizeof(rule->host))
        return fail(in, "\"%.80s\" is empty or too long", value);
    memcpy(rule->host, plain.at, plain.len);
    rule->host[plain.len] = 0;
    return true;
}

static bool set_path(struct reading *in, const char *value, struct rule *rule)
{
    struct http_text path = {value, (uint32_t)strlen(value)};
    size_t len;

    if (value[0] != '/')
        return fail(in, "path \"%.80s\" does not begin with /", value);
    if (strpbrk(value, "?# \t"))
        return fail(in, "path \"%.80s\" has a blank, ? or #, which no path has", value);
    if (!http_path_is_clear(path))
        return fail(in,
                    "path \"%.80s\" has . or .. between slashes, an encoded slash or a "
                    "broken escape; requests for it are refused",
                    value);
    if (path.len >= sizeof(rule->path))
        return fail(in, "\"%.80s\" is empty or too long", value);
    len = http_path_normal(path, rule->path, sizeof(rule->path));
    rule->path[len] = 0;
    return true;
}

static bool set_key(struct reading *in, struct rule *rule, const char *name,
                    const char *value)
{
    if (strcmp(name, "host") == 0)
        return set_host(in, value, rule);
    if (strcmp(name, "path") == 0)
        return set_path(in, value, rule);
    if (strcmp(name, "module") == 0)
        return set_module(in, value, rule);
    if (strcmp(name, "retries") == 0)
        return set_number(in, value, LARS_RETRY_MAX - 1, &rule->retries);
    if (strcmp(name, "cache_ms") == 0)
        return set_number(in, value, 3600000, &rule->cache_ms);
    if (strcmp(name, "stale_s") == 0)
        return set_number(in, value, 86400, &rule->stale_s);
    if (strcmp(name, "stale_error_s") == 0)
        return set_number(in, value, 864000, &rule->stale_error_s);
    if (strcmp(name, "ignore_cookies") == 0)
        return set_number(in, value, 1, &rule->ignore_cookies);
    if (strcmp(name, "mirror") == 0)
        return set_number(in, value, 1, &rule->mirror);
    if (strcmp(name, "nodes") == 0)
        return set_nodes(in, value, rule);
    return fail(in,
                "unknown key %.40s; a rule has host, path, module, retries, cache_ms, "
                "stale_s, stale_error_s, ignore_cookies, mirror and nodes",
                name);
}

static bool on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *in = arg;
    struct rule *rule;

    if (strncmp(section, "rule ", 5) != 0)
        return fail(in, "section [%.40s] is not [rule NAME]", section);
    rule = rule_named(in, section + 5);
    if (!rule)
        return fail(in, "[%.60s]: the name is too long, or there are too many rules",
                    section);
    return set_key(in, rule, name, value);
}

static int in_order(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    bool any_x = strcmp(x->host, "*") == 0, any_y = strcmp(y->host, "*") == 0;

    if (any_x != any_y)
        return any_x ? 1 : -1;
    return (int)strlen(y->path) - (int)strlen(x->path);
}

static void add_module(struct rules *r, struct rule *rule)
{
    unsigned i;

    for (i = 0; i < r->n_modules; i++)
        if (r->module[i].modid == rule->modid && r->module[i].cmdid == rule->cmdid)
            break;
    if (i == r->n_modules) {
        r->module[i].modid = rule->modid;
        r->module[i].cmdid = rule->cmdid;
        r->n_modules++;
    }
    rule->nth = i;
    if (rule->n_nodes > 0)
        r->module[i].with_nodes = rule;
}

/* The nodes are those of a module: two lists would have to be the same. */
static bool each_has_nodes_once(const struct rules *r, const char *path,
                                char err[CONF_ERR_MAX])
{
    unsigned i, j;

    for (i = 1; i < r->n; i++)
        for (j = 0; j < i; j++) {
            const struct rule *a = &r->rule[j], *b = &r->rule[i];

            if (!a->n_nodes || !b->n_nodes || a->modid != b->modid ||
                a->cmdid != b->cmdid)
                continue;
            snprintf(
                err, CONF_ERR_MAX,
                "%.150s: [rule %s] and [rule %s] have nodes of the module %u/%u; one "
                "list is for all rules of a module, so remove one of them",
                path, a->name, b->name, a->modid, a->cmdid);
            return false;
        }
    return true;
}

/* Of two rules with one host and one path, the second would never be used. */
static bool each_is_reached(const struct rules *r, const char *path,
                            char err[CONF_ERR_MAX])
{
    unsigned i, j;

    for (i = 1; i < r->n; i++)
        for (j = 0; j < i; j++)
            if (strcasecmp(r->rule[i].host, r->rule[j].host) == 0 &&
                strcmp(r->rule[i].path, r->rule[j].path) == 0) {
                snprintf(err, CONF_ERR_MAX,
                         "%.150s: [rule %s] and [rule %s] have the same host and path; "
                         "remove one of them",
                         path, r->rule[j].name, r->rule[i].name);
                return false;
            }
    return true;
}

/* A gateway keeps the copy of one site. */
static bool one_is_mirrored(const struct rules *r, const char *path,
                            char err[CONF_ERR_MAX])
{
    const struct rule *first = NULL;
    unsigned i;

    for (i = 0; i < r->n; i++) {
        if (!r->rule[i].mirror)
            continue;
        if (first) {
            snprintf(err, CONF_ERR_MAX,
                     "%.150s: [rule %s] and [rule %s] have mirror = 1; a gateway keeps "
                     "the copy of one site, so remove one of them",
                     path, first->name, r->rule[i].name);
            return false;
        }
        first = &r->rule[i];
    }
    return true;
}

/* What holds for all rules together.  Returns 0 or -EINVAL. */
static int check_all(struct rules *r, const char *path, char err[CONF_ERR_MAX])
{
    unsigned i;

    if (r->n == 0) {
        snprintf(err, CONF_ERR_MAX,
                 "%.150s: it has no [rule NAME]; without a rule no "
                 "request can be served",
                 path);
        return -EINVAL;
    }
    for (i = 0; i < r->n; i++)
        if ((r->rule[i].modid | r->rule[i].cmdid) == 0) {
            snprintf(err, CONF_ERR_MAX,
                     "%.150s: [rule %s] has no module, such as "
                     "module = 1/2",
                     path, r->rule[i].name);
            return -EINVAL;
        }
    if (!each_is_reached(r, path, err) || !one_is_mirrored(r, path, err) ||
        !each_has_nodes_once(r, path, err))
        return -EINVAL;
    qsort(r->rule, r->n, sizeof(r->rule[0]), in_order);
    for (i = 0; i < r->n; i++)
        add_module(r, &r->rule[i]);
    return 0;
}

static int read_file(struct rules *r, const char *path, char err[CONF_ERR_MAX])
{
    struct reading in = {.r = r};
    const char *why = NULL;
    int line = 0, rc;
    FILE *f = fopen(path, "re");

    if (!f) {
        rc = -errno;
        snprintf(err, CONF_ERR_MAX, "%.150s: %s; [gateway] rules names it", path,
                 strerror(-rc));
        return rc;
    }
    rc = ini_file_read(f, on_key, &in, &line, &why);
    fclose(f);
    if (rc == -EIO)
        snprintf(err, CONF_ERR_MAX, "%.150s cannot be read; [gateway] rules names it",
                 path);
    else if (rc < 0)
        snprintf(err, CONF_ERR_MAX, "%.150s:%d: %s", path, line, why ? why : in.err);
    return rc < 0 ? rc : check_all(r, path, err);
}

int rules_create(struct rules **out, const char *path, char err[CONF_ERR_MAX])
{
    struct rules *r = calloc(1, sizeof(*r));
    int rc = r ? read_file(r, path, err) : -ENOMEM;

    if (rc < 0)
        rules_destroy(r);
    else
        *out = r;
    return rc;
}

void rules_destroy(struct rules *r)
{
    free(r);
}

/* The path, in its one spelling, begins with the rule's, up to a '/' of it. */
static bool path_fits(const struct rule *rule, struct http_text path)
{
    size_t len = strlen(rule->path);

    if (path.len < len || memcmp(path.at, rule->path, len) != 0)
        return false;
    return path.len == len || rule->path[len - 1] == '/' || path.at[len] == '/';
}

const struct rule *rules_find(const struct rules *r, struct http_text host,
                              struct http_text target)
{
    char six[SIX_MAX], buf[sizeof(r->rule[0].path) + 8];
    struct http_text name = plain_host(host, six), path = {buf, 0};
    unsigned i;

    path.len = (uint32_t)http_path_normal(target, buf, sizeof(buf));
    for (i = 0; i < r->n; i++) {
        const struct rule *rule = &r->rule[i];

        if ((rule->host[0] == '*' || http_head_text_is(name, rule->host)) &&
            path_fits(rule, path))
            return rule;
    }
    return NULL;
}

unsigned rules_n(const struct rules *r)
{
    return r->n;
}

const struct rule *rules_at(const struct rules *r, unsigned i)
{
    return &r->rule[i];
}

unsigned rules_n_modules(const struct rules *r)
{
    return r->n_modules;
}

const struct rules_module *rules_module(const struct rules *r, unsigned i)
{
    return &r->module[i];
}

void rules_set_slot(struct rules *r, unsigned i, unsigned slot)
{
    unsigned k;

    r->module[i].slot = slot;
    for (k = 0; k < r->n; k++)
        if (r->rule[k].nth == i)
            r->rule[k].slot = slot;
}
