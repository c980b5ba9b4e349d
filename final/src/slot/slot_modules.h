/* slot_modules -- how lars-slotd starts and checks a node of each module, from a file:
 *
 *     [module 20/1]
 *     run = /usr/sbin/showcase-node --config /etc/lars/node.ini --listen {address}:{port}
 *     check = /healthz
 *
 * run      the path of a program and its arguments, with blanks between them.  No shell
 *          sees them; quotes have no meaning.  {address} {port} {slot} {modid} {cmdid}
 *          are replaced.
 * check    what is asked to see whether the node is ready: the path of an HTTP request;
 *          echo; empty: a TCP connection (net/probe.h).
 * Thread: any, after creation. */
#ifndef LARS_SLOT_SLOT_MODULES_H
#define LARS_SLOT_SLOT_MODULES_H

#include "base/conf.h"
#include "base/module_id.h"

#define SLOT_MODULES_MAX 256
#define SLOT_MODULES_WORDS 64 /* of run */
#define SLOT_MODULES_ARGS 4096 /* bytes of them, with a final 0 each */

struct slot_modules;

/* Read the file <path>.  Returns 0; -ENOENT ...; -EINVAL with a sentence in <err> that
 * names the line and how to mend it; -ENOMEM.  A file without sections is right. */
int slot_modules_create(struct slot_modules **out, const char *path,
                        char err[CONF_ERR_MAX]);
void slot_modules_destroy(struct slot_modules *m); /* NULL is fine */

unsigned slot_modules_n(const struct slot_modules *m);

/* The check of <id>, borrowed; NULL = the file does not name the module. */
const char *slot_modules_check(const struct slot_modules *m, struct module_id id);

struct slot_modules_place { /* the node that is to run */
    struct module_id module;
    const char *address;
    uint32_t port, slot;
};

struct slot_modules_argv {
    char *argv[SLOT_MODULES_WORDS + 1]; /* into <text>; NULL at the end */
    char text[SLOT_MODULES_ARGS];
};

/* The words of run for this node.  Returns 0; -ENOENT when the file does not name the
 * module; -E2BIG when the words are too long with what was put into them. */
int slot_modules_argv(const struct slot_modules *m, const struct slot_modules_place *at,
                      struct slot_modules_argv *out);

#endif
