/* Nothing here is in the way of a call, except the comparison of the path in lars.c, so
 * everything is looked at anew each time.
 *
 * Invariant: the log hook is called at most once in LOG_GAP_MS, and a change that fell
 * into the gap is reported by a later call.
 * Rejected: a thread that watches the way, in the process of the business code. */
#include "api/status.h"

#include <stdio.h>
#include <string.h>

#include "api/fallback.h"
#include "api/shm_client.h"
#include "api/shm_doctor.h"
#include "base/heartbeat.h"
#include "base/mono.h"

#define LOG_GAP_MS 1000

static int agent_alive(const struct lars_client *c)
{
    char path[PATH_MAX + sizeof(FALLBACK_HEARTBEAT) + 1];
    struct heartbeat *h;
    int alive;

    snprintf(path, sizeof(path), "%s/" FALLBACK_HEARTBEAT, c->dir);
    if (heartbeat_open(&h, path) < 0)
        return -1;
    alive = heartbeat_is_alive(h, mono_ms());
    heartbeat_close(h);
    return alive;
}

void status_read(struct lars_client *c, struct lars_status *out)
{
    struct lars_status s = {.size = sizeof(s)};

    s.shm_error = shm_client_try(c->shm);
    s.agent_alive = agent_alive(c);
    s.path = s.shm_error == 0    ? LARS_PATH_SHM
             : s.agent_alive == 0 ? LARS_PATH_FILE
                                  : LARS_PATH_UDP;
    if (s.shm_error < 0)
        shm_doctor_explain(c->dir, s.shm_error, s.shm_file, sizeof(s.shm_file), s.shm_why,
                           sizeof(s.shm_why));
    shm_client_sum(c->shm, &s);
    s.size = out->size < sizeof(s) ? out->size : sizeof(s);
    memcpy(out, &s, s.size);
}

/* --- the log hook ------------------------------------------------------------------- */

/* Has this thread the right to log now? */
static bool may_log(struct lars_client *c)
{
    uint64_t now_ms = mono_ms(), last = atomic_load(&c->logged_ms);

    return (last == 0 || now_ms - last >= LOG_GAP_MS) &&
           atomic_compare_exchange_strong(&c->logged_ms, &last, now_ms);
}

void status_log_path(struct lars_client *c, enum lars_path path)
{
    char file[256], why[256], text[400];
    int error = path == LARS_PATH_SHM ? 0 : shm_client_error(c->shm);

    if (path == LARS_PATH_UDP && error == 0)
        return;                       /* the module is not in shared memory yet */
    if (!may_log(c))
        return;
    atomic_store(&c->path, path);
    if (path == LARS_PATH_SHM) {
        c->hooks.log(c->hooks.arg, LARS_LEVEL_INFO,
                     "calls go through shared memory again");
        return;
    }
    shm_doctor_explain(c->dir, error, file, sizeof(file), why, sizeof(why));
    snprintf(text, sizeof(text), "calls take %s instead of shared memory: %s",
             path == LARS_PATH_UDP ? "UDP" : "the file of routes, as no agent answers,",
             error < 0 ? why : "the module is not in it");
    c->hooks.log(c->hooks.arg, LARS_LEVEL_WARNING, text);
}
