/* rules -- which requests go to which module.  A rule names a host, the beginning of a
 * path and a module; of the rules that fit a request, one with the request's host wins
 * over one for all hosts, and then the one with the longest path.  Spellings of one host,
 * or of one path (http_path.h), are one.  Rules do not change after rules_create(), so
 * that all loops share them: a reload makes new ones.
 *
 *     [rule site]
 *     host = expo.example.edu       without a port; * = every host
 *     path = /
 *     module = 1/2
 *     nodes = 10.0.1.7:8001 10.0.2.7:8001      while the agent has no route of it
 *
 * Thread: any, after creation. */
#ifndef LARS_GATEWAY_RULES_H
#define LARS_GATEWAY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/net_addr.h"
#include "http/http_head.h"

#define RULES_MAX 64
#define RULES_NODES_MAX 16

struct rule {
    char name[32], host[256], path[256];
    uint32_t modid, cmdid;
    uint32_t retries;                     /* attempts after the first: 0 to 3 */
    uint32_t cache_ms;                    /* how long a response without a word about it
                                           * is fresh; 0 = it is not kept */
    uint32_t stale_s, stale_error_s;      /* how long a response that is no longer fresh
                                           * serves: while it is fetched; on errors */
    uint32_t ignore_cookies;              /* 1: the module answers as if visitors had no
                                           * cookies, so copies serve all of them */
    uint32_t mirror;                      /* 1: the copy of the site serves when no node
                                           * does; at most one rule has it */
    uint32_t n_nodes;                     /* of <node>, which serve while the agent has
                                           * no route; at most one rule of a module has
                                           * them */
    struct net_addr node[RULES_NODES_MAX];
    unsigned nth;                         /* its module: rules_module() */
    unsigned slot;                        /* of its module: modules_take() */
};

/* One for each module that the rules name. */
struct rules_module {
    uint32_t modid, cmdid;
    unsigned slot;                        /* 0 before rules_set_slot() */
    const struct rule *with_nodes;        /* NULL = no rule names nodes of it */
};

struct rules;

/* Read the sections [rule NAME] of the file <path>; it has no others.  Returns
 * 0; -ENOENT ...; -EINVAL with a sentence in <err> that names the line; -ENOMEM.
 * Thread: init. */
int rules_create(struct rules **out, const char *path, char err[CONF_ERR_MAX]);
void rules_destroy(struct rules *r);      /* NULL is fine */

/* The rule for this host, with or without a port, and this target; NULL = none. */
const struct rule *rules_find(const struct rules *r, struct http_text host,
                              struct http_text target);

unsigned rules_n(const struct rules *r);
const struct rule *rules_at(const struct rules *r, unsigned i);
unsigned rules_n_modules(const struct rules *r);
const struct rules_module *rules_module(const struct rules *r, unsigned i);

/* The module <i> has this slot: set it in the rules that name the module.  Thread: the
 * creator, before others use the rules. */
void rules_set_slot(struct rules *r, unsigned i, unsigned slot);

#endif
