/* The functions of lars.h.  A node comes from one of three modules, which are asked in
 * this order: shm_client (shared memory), udp_client (the agent), fallback (the file that
 * the agent wrote).  Only the last two are guarded by the lock of the client; a call by
 * shared memory takes no lock.
 *
 * Rejected: trying shared memory only after the agent was found alive.  Everything that a
 * pick needs is in shared memory, so it is at least as good with the agent dead. */
#include "api/lars.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/fallback.h"
#include "api/lars_private.h"
#include "api/lars_strerror.h"
#include "api/shm_client.h"
#include "api/udp_client.h"
#include "base/ipv4.h"
#include "base/mono.h"
#include "base/version.h"

#define PORT "8888"
#define ADDRESS "127.0.0.1"
#define TIMEOUT_MS 200
#define REGISTER_MS 1000
#define REGISTER_GAP_NS (2 * 1000 * 1000) /* between two looks; it doubles up to: */
#define REGISTER_GAP_MAX_NS (50 * 1000 * 1000)

struct lars_client {
    struct shm_client *shm;           /* has locks of its own */
    pthread_mutex_t lock;             /* guards <fallback>, and the replies of <udp> */
    struct udp_client *udp;
    struct fallback *fallback;
};

/* A child that read the replies of its parent's sockets would take them from it, and the
 * parent's call logs are not mapped in the child: both are made anew.  Another thread of
 * the parent may have held the lock at fork(); it does not exist in the child. */
static void renew_after_fork(struct lars_client *c)
{
    shm_client_after_fork(c->shm);
    pthread_mutex_init(&c->lock, NULL);
    udp_client_after_fork(c->udp);
}

static bool is_valid(const struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    return c && (modid != 0 || cmdid != 0);
}

/* --- a node for a call -------------------------------------------------------------- */

static int errno_of(int32_t retcode)
{
    switch (retcode) {
    case MSG_RET_OK:
        return 0;
    case MSG_RET_OVERLOAD:
        return -EAGAIN;
    case MSG_RET_NONE:
        return -ENOENT;
    default:
        return -EIO;
    }
}

/* The agent, unless its heartbeat shows that it is dead; else its file.  The lock is
 * held. */
static int ask_agent_or_file(struct lars_client *c, const struct module_id *m,
                             struct msg_host *host)
{
    struct msg_host_reply reply;
    int rc = -ETIMEDOUT;

    if (!fallback_agent_is_dead(c->fallback, mono_ms()))
        rc = udp_client_get_host(c->udp, m, &reply);
    if (rc == 0) {
        *host = reply.host;
        return errno_of(reply.retcode);
    }
    return fallback_pick(c->fallback, m, host, mono_ms()) == 0 ? 1 : -ETIMEDOUT;
}

static struct lars_addr addr_of(const struct msg_host *host)
{
    struct net_addr a = ipv4_addr(host->ip, (uint16_t)host->port);

    return *(const struct lars_addr *)(const void *)&a;
}

static int get_slow(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                    struct lars_host *out)
{
    struct module_id m = {modid, cmdid};
    struct msg_host host;
    int rc;

    pthread_mutex_lock(&c->lock);
    rc = ask_agent_or_file(c, &m, &host);
    pthread_mutex_unlock(&c->lock);
    if (rc >= 0)
        *out = (struct lars_host){addr_of(&host), modid, cmdid, mono_us(), {0}};
    return rc;
}

int lars_get_with(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                  const struct lars_get_options *o, struct lars_host *out)
{
    int rc;

    if (!is_valid(c, modid, cmdid))
        return -EINVAL;
    if (shm_client_has_forked(c->shm))
        renew_after_fork(c);
    rc = shm_client_get(c->shm, modid, cmdid, key, o->avoid, o->n_avoid, out);
    if (rc == 0 || rc == -ENOENT)
        return rc;
    if (rc == -EBUSY)
        return -EAGAIN;
    return o->no_wait ? -EINPROGRESS : get_slow(c, modid, cmdid, out);
}

int lars_get_host_key(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                      struct lars_host *out)
{
    static const struct lars_get_options none = {.n_avoid = 0};

    return lars_get_with(c, modid, cmdid, key, &none, out);
}

int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out)
{
    return lars_get_host_key(c, modid, cmdid, 0, out);
}

bool lars_is_tracked(const struct lars_host *h)
{
    return shm_client_began(h);
}

/* --- its report --------------------------------------------------------------------- */

static int report_by_udp(struct lars_client *c, const struct lars_host *h, int retcode)
{
    const struct net_addr *a = (const struct net_addr *)(const void *)&h->addr;
    uint64_t cost_us = mono_us() - h->start_us;
    struct msg_call call = {.mod = {h->modid, h->cmdid}, .retcode = retcode != 0};

    if (a->family != AF_INET)
        return -EAFNOSUPPORT;
    call.host = (struct msg_host){ipv4_of(a), a->port};
    call.cost_us = cost_us > UINT32_MAX ? UINT32_MAX : (uint32_t)cost_us;
    return udp_client_report(c->udp, &call);
}

int lars_report(struct lars_client *c, const struct lars_host *h, int retcode)
{
    int rc;

    if (!h || !is_valid(c, h->modid, h->cmdid))
        return -EINVAL;
    if (shm_client_has_forked(c->shm))
        renew_after_fork(c);
    if (shm_client_began(h)) {
        rc = shm_client_report(c->shm, h, retcode == 0);
        if (rc != -ESTALE)            /* of a segment that no log is open in: by UDP */
            return rc;
    }
    return report_by_udp(c, h, retcode);
}

/* --- all nodes of a module ---------------------------------------------------------- */

/* Into <host>, which has room for MSG_MAX_HOSTS.  Returns 0; -ETIMEDOUT. */
static int route_of(struct lars_client *c, const struct module_id *m,
                    struct msg_host *host, size_t *n)
{
    int rc = -ETIMEDOUT;

    pthread_mutex_lock(&c->lock);
    if (!fallback_agent_is_dead(c->fallback, mono_ms()))
        rc = udp_client_get_route(c->udp, m, host, n);
    if (rc < 0)
        rc = fallback_route(c->fallback, m, host, MSG_MAX_HOSTS, n, mono_ms());
    pthread_mutex_unlock(&c->lock);
    return rc < 0 ? -ETIMEDOUT : 0;
}

static int get_route_slow(struct lars_client *c, const struct module_id *m,
                          struct lars_addr *out, unsigned max)
{
    struct msg_host *host = malloc(MSG_MAX_HOSTS * sizeof(*host));
    size_t i, n = 0;
    int rc = host ? route_of(c, m, host, &n) : -ENOMEM;

    if (rc == 0 && n == 0)
        rc = -ENOENT;
    else if (rc == 0 && n > max)
        rc = -E2BIG;
    else if (rc == 0)
        rc = (int)n;
    for (i = 0; rc > 0 && i < n; i++)
        out[i] = addr_of(&host[i]);
    free(host);
    return rc;
}

int lars_get_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                   struct lars_addr *out, unsigned max)
{
    struct module_id m = {modid, cmdid};
    int rc;

    if (!is_valid(c, modid, cmdid))
        return -EINVAL;
    if (shm_client_has_forked(c->shm))
        renew_after_fork(c);
    rc = shm_client_route(c->shm, modid, cmdid, out, max);
    if (rc >= 0 || rc == -E2BIG || rc == -ENOENT)
        return rc;
    return get_route_slow(c, &m, out, max);
}

/* The agent loads a module when it is first asked for it, so ask until it has it. */
int lars_register(struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    uint64_t end = mono_ms() + REGISTER_MS;
    struct timespec gap = {.tv_nsec = REGISTER_GAP_NS};
    struct lars_addr one;
    int rc;

    for (;;) {
        rc = lars_get_route(c, modid, cmdid, &one, 1);
        if (rc >= 0 || rc == -E2BIG)
            return 0;
        if (rc != -ENOENT || mono_ms() >= end)
            return rc;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
        if (gap.tv_nsec < REGISTER_GAP_MAX_NS)
            gap.tv_nsec *= 2;
    }
}

/* --- open and close ----------------------------------------------------------------- */

static const char *or_env(const char *value, const char *name, const char *preset)
{
    const char *env = value ? value : getenv(name);

    return env && *env ? env : preset;
}

/* Where the agent's first port is.  Returns 0 or -EINVAL. */
static int agent_addr(const struct lars_options *o, struct net_addr *out)
{
    const char *address = or_env(o->address, "LARS_ADDRESS", ADDRESS);
    int port = o->port ? o->port : net_addr_parse_port(or_env(NULL, "LARS_PORT", PORT));

    if (port < 1 || port > UINT16_MAX - UDP_CLIENT_PORTS + 1)
        return -EINVAL;
    return net_addr_set(out, address, (uint16_t)port) < 0 ? -EINVAL : 0;
}

int lars_open(struct lars_client **out, const struct lars_options *opt)
{
    struct lars_options o = {0};
    struct lars_client *c = calloc(1, sizeof(*c));
    struct net_addr agent;
    const char *dir;
    int rc;

    if (!c)
        return -ENOMEM;
    if (opt) /* a program that was built with an older lars.h has a shorter struct */
        memcpy(&o, opt, opt->size && opt->size < sizeof(o) ? opt->size : sizeof(o));
    dir = or_env(o.dir, "LARS_DIR", FALLBACK_DIR);
    pthread_mutex_init(&c->lock, NULL);
    rc = agent_addr(&o, &agent);
    if (rc == 0)
        rc = udp_client_create(&c->udp, &agent, o.timeout_ms ? o.timeout_ms : TIMEOUT_MS);
    if (rc == 0)
        rc = fallback_create(&c->fallback, dir);
    if (rc == 0)
        rc = shm_client_create(&c->shm, dir);
    if (rc < 0)
        lars_close(c);
    else
        *out = c;
    return rc;
}

void lars_close(struct lars_client *c)
{
    if (!c)
        return;
    udp_client_destroy(c->udp);
    fallback_destroy(c->fallback);
    shm_client_destroy(c->shm);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const char *lars_strerror(int rc)
{
    return lars_strerror_of(rc);
}

const char *lars_version(void)
{
    return LARS_VERSION;
}
