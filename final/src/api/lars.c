/* The functions of lars.h.  A node comes from one of three modules, which are asked in
 * this order: shm_client (shared memory), udp_client (the agent), fallback (the file that
 * the agent wrote).  Only the last two are guarded by locks of the client; a call by
 * shared memory takes none.  Who waits for the agent holds the first lock, so each thread
 * waits for that lock until its own end and then takes the file, under the second.
 *
 * Rejected: trying shared memory only after the agent was found alive.  Everything that a
 * pick needs is in shared memory, so it is at least as good with the agent dead. */
#include "api/lars.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/client.h"
#include "api/fallback.h"
#include "api/lars_strerror.h"
#include "api/last_error.h"
#include "api/shm_client.h"
#include "api/status.h"
#include "api/udp_client.h"
#include "base/ipv4.h"
#include "base/mono.h"
#include "base/version.h"

#define REGISTER_MS 1000
#define REGISTER_GAP_NS (2 * 1000 * 1000) /* between two looks; it doubles up to: */
#define REGISTER_GAP_MAX_NS (50 * 1000 * 1000)

/* --- wrong arguments ---------------------------------------------------------------- */

/* Each function that returns -EINVAL names the wrong argument in lars_last_error(), so
 * the text is always that of the latest -EINVAL. */
static int __attribute__((cold))
name_wrong_call(const struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    if (!client_is_open(c))
        return last_error_set("c: the client is %s", c ? "closed" : "NULL");
    if (modid == 0 && cmdid == 0)
        return last_error_set("modid, cmdid: 0/0 is no module");
    return last_error_set("out: it is NULL");
}

static int __attribute__((cold))
name_wrong_end(const struct lars_client *c, const struct lars_host *h,
               enum lars_outcome outcome)
{
    if (!client_is_open(c))
        return last_error_set("c: the client is %s", c ? "closed" : "NULL");
    if ((unsigned)outcome >= LARS_OUTCOMES)
        return last_error_set("outcome: %d is not from 0 to %d", (int)outcome,
                              LARS_OUTCOMES - 1);
    return last_error_set("h: it is %s", h ? "no call of lars_get_host()" : "NULL");
}

static bool is_valid(const struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    return client_is_open(c) && (modid != 0 || cmdid != 0);
}

/* --- the agent and its file --------------------------------------------------------- */

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

static bool agent_is_dead(struct lars_client *c)
{
    bool dead;

    pthread_mutex_lock(&c->file_lock);
    dead = fallback_agent_is_dead(c->fallback, mono_ms());
    pthread_mutex_unlock(&c->file_lock);
    return dead;
}

/* The right to ask the agent.  False: other threads had it until <end_ms>. */
static bool lock_until(pthread_mutex_t *lock, uint64_t end_ms)
{
    struct timespec end = {(time_t)(end_ms / 1000), (long)(end_ms % 1000) * 1000 * 1000};

#ifdef __SANITIZE_THREAD__ /* that of gcc 12 does not know pthread_mutex_clocklock() */
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += end_ms > mono_ms() ? (time_t)(end_ms - mono_ms()) / 1000 + 1 : 0;
    return pthread_mutex_timedlock(lock, &end) == 0;
#else
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &end) == 0;
#endif
}

/* A signal handler ran while this thread waited: does the wait continue? */
static bool is_continued(const struct lars_client *c)
{
    return c->hooks.interrupted && c->hooks.interrupted(c->hooks.arg) == 0;
}

/* Returns 0 and the agent's reply; -EINTR; another error: ask the file. */
static int ask_agent(struct lars_client *c, const struct module_id *m,
                     const struct udp_wait *w, struct msg_host_reply *reply)
{
    int rc;

    do {
        if (agent_is_dead(c) || !lock_until(&c->ask_lock, w->end_ms))
            return -ETIMEDOUT;
        rc = udp_client_get_host(c->udp, m, w, reply);
        pthread_mutex_unlock(&c->ask_lock);
    } while (rc == -EINTR && is_continued(c));
    return rc;
}

static int ask_agent_or_file(struct lars_client *c, const struct module_id *m,
                             const struct udp_wait *w, struct msg_host *host)
{
    struct msg_host_reply reply;
    int rc = ask_agent(c, m, w, &reply);

    if (rc == 0)
        *host = reply.host;
    if (rc == 0 || rc == -EINTR)
        return rc == 0 ? errno_of(reply.retcode) : rc;
    pthread_mutex_lock(&c->file_lock);
    rc = fallback_pick(c->fallback, m, host, mono_ms()) == 0 ? 1 : -ETIMEDOUT;
    pthread_mutex_unlock(&c->file_lock);
    return rc;
}

static struct lars_addr addr_of(const struct msg_host *host)
{
    struct net_addr a = ipv4_addr(host->ip, (uint16_t)host->port);

    return *(const struct lars_addr *)(const void *)&a;
}

/* --- a node for a call -------------------------------------------------------------- */

static inline void note_path(struct lars_client *c, enum lars_path path)
{
    if (atomic_load_explicit(&c->path, memory_order_relaxed) != path && c->hooks.log)
        status_log_path(c, path);
}

/* Counts a call that has not begun in shared memory. */
static int begun(struct lars_client *c, int rc)
{
    enum lars_path path = rc == 0   ? LARS_PATH_UDP
                          : rc == 1 ? LARS_PATH_FILE
                                    : LARS_PATH_NONE;
    struct counts *n = shm_client_counts(c->shm);

    if (n)
        counts_add(&n->begun[path]);
    if (path != LARS_PATH_NONE)
        note_path(c, path);
    return rc;
}

static int get_slow(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                    const struct lars_get_options *o, struct lars_host *out)
{
    struct udp_wait w = {mono_ms() + (o->timeout_ms ? o->timeout_ms : c->timeout_ms),
                         o->flags & LARS_GET_EINTR || c->hooks.interrupted};
    struct module_id m = {modid, cmdid};
    struct msg_host host;
    int rc = ask_agent_or_file(c, &m, &w, &host);

    if (rc >= 0)
        *out = (struct lars_host){addr_of(&host), modid, cmdid, mono_us(), {0}};
    return rc;
}

static int get(struct lars_client *c, uint32_t modid, uint32_t cmdid,
               const struct lars_get_options *o, struct lars_host *out)
{
    int rc;

    if (!is_valid(c, modid, cmdid) || !out)
        return name_wrong_call(c, modid, cmdid);
    if (shm_client_has_forked(c->shm))
        client_renew_after_fork(c);
    rc = shm_client_get(c->shm, modid, cmdid, o->key, o->avoid, o->n_avoid, out);
    if (rc == 0) {
        note_path(c, LARS_PATH_SHM);
        return 0;
    }
    if (rc == -EBUSY)
        rc = -EAGAIN;
    else if (o->flags & LARS_GET_NOWAIT && rc != -ENOENT)
        return rc == -ENOTCONN ? rc : -EINPROGRESS; /* the caller asks again, with time */
    else if (rc != -ENOENT)
        rc = get_slow(c, modid, cmdid, o, out);
    return begun(c, rc);
}

int lars_get_host_opt(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                      const struct lars_get_options *opt, struct lars_host *out)
{
    static const struct lars_get_options none;
    const struct lars_get_options *o = opt ? opt : &none;

    last_error_clear();
    if (o->size != 0 && o->size != sizeof(*o))
        return last_error_set("size: %u is not sizeof(struct lars_get_options), %zu",
                              o->size, sizeof(*o));
    if (o->flags & ~(LARS_GET_NOWAIT | LARS_GET_EINTR))
        return last_error_set("flags: %#x has a flag that does not exist", o->flags);
    if (o->timeout_ms > LARS_TIMEOUT_MAX_MS)
        return last_error_set("timeout_ms: %u is more than %d", o->timeout_ms,
                              LARS_TIMEOUT_MAX_MS);
    if (o->n_avoid > 0 && !o->avoid)
        return last_error_set("avoid: it is NULL, and n_avoid is %u", o->n_avoid);
    return get(c, modid, cmdid, o, out);
}

int lars_get_host_key(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                      struct lars_host *out)
{
    const struct lars_get_options o = {.key = key};

    return get(c, modid, cmdid, &o, out);
}

int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out)
{
    return lars_get_host_key(c, modid, cmdid, 0, out);
}

/* Source: G. Fowler, L. C. Noll, K.-P. Vo, FNV-1a. */
uint64_t lars_key(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; len > 0; len--, p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h;
}

/* --- the end of a call -------------------------------------------------------------- */

static int report_by_udp(struct lars_client *c, const struct lars_host *h,
                         enum lars_outcome outcome, uint64_t took_us)
{
    const struct net_addr *a = (const struct net_addr *)(const void *)&h->addr;
    struct msg_call call = {.mod = {h->modid, h->cmdid},
                            .retcode = outcome == LARS_FAILED};

    if (outcome == LARS_CANCELLED)
        return 0;
    if (a->family != AF_INET)
        return -EAFNOSUPPORT;
    call.host = (struct msg_host){ipv4_of(a), a->port};
    call.cost_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
    return udp_client_report(c->udp, &call);
}

static int end_by_udp(struct lars_client *c, const struct lars_host *h,
                      enum lars_outcome outcome, uint64_t *took_us)
{
    struct counts *n = shm_client_counts(c->shm);
    uint64_t now_us = mono_us();
    int rc;

    *took_us = now_us > h->start_us ? now_us - h->start_us : 0;
    rc = report_by_udp(c, h, outcome, *took_us);
    if (rc == 0 && n)
        counts_ended(n, outcome, *took_us);
    return rc;
}

int lars_end(struct lars_client *c, const struct lars_host *h, enum lars_outcome outcome)
{
    enum lars_path path = LARS_PATH_SHM;
    uint64_t took_us = 0;
    int rc = -ESTALE;

    if (!h || !is_valid(c, h->modid, h->cmdid) || (unsigned)outcome >= LARS_OUTCOMES)
        return name_wrong_end(c, h, outcome);
    if (shm_client_has_forked(c->shm))
        client_renew_after_fork(c);
    if (shm_client_began(h))
        rc = shm_client_end(c->shm, h, outcome, &took_us);
    if (rc == -ESTALE) { /* not of a segment in which a log is open */
        path = LARS_PATH_UDP;
        rc = end_by_udp(c, h, outcome, &took_us);
    }
    if (rc == -EINVAL)
        return name_wrong_end(c, h, outcome);
    if (rc == 0 && c->hooks.ended) {
        const struct lars_ended e = {h, took_us, outcome, path};

        c->hooks.ended(c->hooks.arg, &e);
    }
    return rc;
}

int lars_report(struct lars_client *c, const struct lars_host *h, int retcode)
{
    return lars_end(c, h, retcode == 0 ? LARS_WELL : LARS_FAILED);
}

int lars_cancel(struct lars_client *c, const struct lars_host *h)
{
    return lars_end(c, h, LARS_CANCELLED);
}

/* --- all nodes of a module ---------------------------------------------------------- */

/* As ask_agent(). */
static int ask_route(struct lars_client *c, const struct module_id *m,
                     struct msg_host *host, size_t *n)
{
    const struct udp_wait w = {mono_ms() + c->timeout_ms, c->hooks.interrupted != NULL};
    int rc;

    do {
        if (agent_is_dead(c) || !lock_until(&c->ask_lock, w.end_ms))
            return -ETIMEDOUT;
        rc = udp_client_get_route(c->udp, m, &w, host, n);
        pthread_mutex_unlock(&c->ask_lock);
    } while (rc == -EINTR && is_continued(c));
    return rc;
}

/* Into <host>, which has room for MSG_MAX_HOSTS.  Returns 0; -EINTR; -ETIMEDOUT. */
static int route_of(struct lars_client *c, const struct module_id *m,
                    struct msg_host *host, size_t *n)
{
    int rc = ask_route(c, m, host, n);

    if (rc == 0 || rc == -EINTR)
        return rc;
    pthread_mutex_lock(&c->file_lock);
    rc = fallback_route(c->fallback, m, host, MSG_MAX_HOSTS, n, mono_ms());
    pthread_mutex_unlock(&c->file_lock);
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

    if (!is_valid(c, modid, cmdid) || (!out && max > 0))
        return name_wrong_call(c, modid, cmdid);
    if (shm_client_has_forked(c->shm))
        client_renew_after_fork(c);
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
        if (clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL) == EINTR &&
            c->hooks.interrupted && !is_continued(c))
            return -EINTR;
        if (gap.tv_nsec < REGISTER_GAP_MAX_NS)
            gap.tv_nsec *= 2;
    }
}

/* --- open, close, status ------------------------------------------------------------ */

int lars_open(struct lars_client **out, const struct lars_options *opt)
{
    return client_open(out, opt);
}

void lars_close(struct lars_client *c)
{
    client_close(c);
}

int lars_status(struct lars_client *c, struct lars_status *out)
{
    if (!client_is_open(c) || !out)
        return name_wrong_call(c, 1, 1);
    if (out->size == 0)
        return last_error_set("out->size: 0 is not sizeof(struct lars_status), %zu",
                              sizeof(*out));
    if (shm_client_has_forked(c->shm))
        client_renew_after_fork(c);
    status_read(c, out);
    return 0;
}

/* --- texts -------------------------------------------------------------------------- */

const char *lars_strerror(int rc)
{
    return lars_strerror_of(rc);
}

const char *lars_path_name(enum lars_path path)
{
    static const char *const name[] = {[LARS_PATH_NONE] = "none",
                                       [LARS_PATH_SHM] = "shm",
                                       [LARS_PATH_UDP] = "udp",
                                       [LARS_PATH_FILE] = "file"};

    return (unsigned)path < LARS_PATHS ? name[path] : "none";
}

const char *lars_last_error(void)
{
    return last_error_text();
}

const char *lars_version(void)
{
    return LARS_VERSION;
}
