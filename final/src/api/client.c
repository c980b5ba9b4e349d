/* Options, the environment, and the memory of clients.
 *
 * The memory of a closed client is kept for the next one that is opened, so a guard
 * object that outlives its client finds out that the client is closed.  There are not
 * more such pieces than clients were open at once.
 *
 * Rejected: a count of the calls that use the client, which all threads would write. */
#include "api/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/fallback.h"
#include "api/last_error.h"
#include "api/shm_client.h"
#include "api/udp_client.h"

#define PORT "8888"
#define ADDRESS "127.0.0.1"
#define TIMEOUT_MS 200

/* --- options ------------------------------------------------------------------------ */

static const char *or_env(const char *value, const char *name, const char *preset)
{
    const char *env = value ? value : getenv(name);

    return env && *env ? env : preset;
}

/* Where the agent's first port is.  Returns 0 or -EINVAL. */
static int agent_addr(const struct lars_options *o, struct net_addr *out)
{
    const char *address = or_env(o->address, "LARS_ADDRESS", ADDRESS);
    const char *text = or_env(NULL, "LARS_PORT", PORT);
    int port = o->port ? o->port : net_addr_parse_port(text);

    if (o->port > UINT16_MAX - UDP_CLIENT_PORTS + 1)
        return last_error_set("port: %u is not from 1 to %d", o->port,
                              UINT16_MAX - UDP_CLIENT_PORTS + 1);
    if (port < 1 || port > UINT16_MAX - UDP_CLIENT_PORTS + 1)
        return last_error_set("LARS_PORT: \"%.40s\" is not a number from 1 to %d", text,
                              UINT16_MAX - UDP_CLIENT_PORTS + 1);
    if (net_addr_set(out, address, (uint16_t)port) < 0)
        return last_error_set("%s: \"%.60s\" is not an address such as 127.0.0.1 or ::1; "
                              "names are not resolved",
                              o->address ? "address" : "LARS_ADDRESS", address);
    return 0;
}

/* A program that was built with an older lars.h has a shorter struct. */
static int read_options(struct lars_options *o, const struct lars_options *opt)
{
    const size_t first = offsetof(struct lars_options, hooks); /* of version 1.1 */
    size_t size = opt && opt->size ? opt->size : first;

    memset(o, 0, sizeof(*o));
    if (opt)
        memcpy(o, opt, size < sizeof(*o) ? size : sizeof(*o));
    if (size < first + sizeof(o->hooks))
        o->hooks = NULL;              /* a part of a pointer is none */
    if (o->timeout_ms > LARS_TIMEOUT_MAX_MS)
        return last_error_set("timeout_ms: %u is more than %d", o->timeout_ms,
                              LARS_TIMEOUT_MAX_MS);
    if (o->hooks && o->hooks->size != sizeof(*o->hooks))
        return last_error_set("hooks->size: %u is not sizeof(struct lars_hooks), %zu",
                              o->hooks->size, sizeof(*o->hooks));
    return 0;
}

/* --- memory ------------------------------------------------------------------------- */

/* Closed clients.  Their memory is used again, and freed at the end of the library. */
static struct {
    pthread_mutex_t lock;
    struct lars_client *first;
} closed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct lars_client *new_client(void)
{
    struct lars_client *c;

    pthread_mutex_lock(&closed.lock);
    c = closed.first;
    if (c)
        closed.first = c->next;
    pthread_mutex_unlock(&closed.lock);
    if (c)
        memset(c, 0, sizeof(*c));
    return c ? c : calloc(1, sizeof(*c));
}

static void free_client(struct lars_client *c)
{
    udp_client_destroy(c->udp);
    fallback_destroy(c->fallback);
    shm_client_destroy(c->shm);
    pthread_mutex_destroy(&c->ask_lock);
    pthread_mutex_destroy(&c->file_lock);
    pthread_mutex_lock(&closed.lock);
    c->next = closed.first;
    closed.first = c;
    pthread_mutex_unlock(&closed.lock);
}

static void __attribute__((destructor)) free_closed(void)
{
    struct lars_client *c;

    while ((c = closed.first)) {
        closed.first = c->next;
        free(c);
    }
}

/* --- open and close ----------------------------------------------------------------- */

static int open_parts(struct lars_client *c, const struct lars_options *o)
{
    const char *dir = or_env(o->dir, "LARS_DIR", FALLBACK_DIR);
    struct net_addr agent;
    int rc;

    if (snprintf(c->dir, sizeof(c->dir), "%s", dir) >= (int)sizeof(c->dir))
        return -ENAMETOOLONG;
    c->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    c->path = LARS_PATH_SHM;          /* a change is logged */
    if (o->hooks)
        memcpy(&c->hooks, o->hooks, o->hooks->size);
    rc = agent_addr(o, &agent);
    if (rc == 0)
        rc = udp_client_create(&c->udp, &agent);
    if (rc == 0)
        rc = fallback_create(&c->fallback, dir);
    if (rc == 0)
        rc = shm_client_create(&c->shm, dir);
    return rc;
}

int client_open(struct lars_client **out, const struct lars_options *opt)
{
    struct lars_options o;
    struct lars_client *c;
    int rc;

    last_error_clear();
    if (!out)
        return last_error_set("out: it is NULL");
    rc = read_options(&o, opt);
    if (rc < 0)
        return rc;
    c = new_client();
    if (!c)
        return -ENOMEM;
    pthread_mutex_init(&c->ask_lock, NULL);
    pthread_mutex_init(&c->file_lock, NULL);
    rc = open_parts(c, &o);
    if (rc < 0) {
        free_client(c);
        return rc;
    }
    atomic_store_explicit(&c->is_open, true, memory_order_release);
    *out = c;
    return 0;
}

void client_close(struct lars_client *c)
{
    if (c && atomic_exchange(&c->is_open, false))
        free_client(c);
}

/* A child that read the replies of its parent's sockets would take them from it, and the
 * parent's call logs are not mapped in the child: both are made anew.  Another thread of
 * the parent may have held a lock at fork(); it does not exist in the child. */
void client_renew_after_fork(struct lars_client *c)
{
    if (!shm_client_begin_renewal(c->shm))
        return;
    shm_client_after_fork(c->shm);
    pthread_mutex_init(&c->ask_lock, NULL);
    pthread_mutex_init(&c->file_lock, NULL);
    udp_client_after_fork(c->udp);
    shm_client_end_renewal(c->shm);
}
