/* Alarms are few, and the leader's thread may wait, so both notifications run one after
 * the other in it, each with its own bound.
 *
 * Rejected: system() and a shell.  The texts of an alarm would have to be quoted; as
 * arguments of posix_spawn() they cannot be taken for commands. */
#include "report/notifier.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"

#define EXEC_MS 10000
#define WEB_MS 5000L
#define LOOK_MS 20                    /* between two checks whether it has ended */

extern char **environ;

int notifier_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void notifier_fini(void)
{
    curl_global_cleanup();
}

/* Returns the exit status of the program; -EIO when a signal ended it; -ETIMEDOUT when it
 * ran too long and was killed. */
static int wait_for_program(pid_t pid)
{
    uint64_t end_ms = mono_ms() + EXEC_MS;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (mono_ms() > end_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* The program gets our environment, but not our blocked signals: it could not be ended by
 * SIGTERM otherwise. */
static int run_program(const char *path, const struct alarm *al, bool raised)
{
    char *const argv[] = {(char *)path,        (char *)al->kind,
                          (char *)al->subject, raised ? "raised" : "cleared",
                          (char *)al->detail,  NULL};
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    int rc;

    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawn(&pid, path, NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    rc = rc != 0 ? -rc : wait_for_program(pid);
    if (rc != 0)
        LOG_WARN("alarm.exec", "program=%s status=%d err=%s", path, rc < 0 ? 0 : rc,
                 rc < 0 ? err_str(rc) : "0");
    return rc;
}

static size_t ignore_answer(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    (void)arg;
    return size * n;
}

static int post_json(const char *url, const char *body)
{
    CURL *c = curl_easy_init();
    struct curl_slist *head = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc = c && head ? CURLE_OK : CURLE_OUT_OF_MEMORY;

    if (rc == CURLE_OK) {
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, head);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, WEB_MS);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore_answer);
        rc = curl_easy_perform(c);
    }
    curl_slist_free_all(head);
    curl_easy_cleanup(c);
    if (rc != CURLE_OK)
        LOG_WARN("alarm.webhook", "url=%s err=%s", url, curl_easy_strerror(rc));
    return rc == CURLE_OK ? 0 : -EIO;
}

static int call_webhook(const char *url, const struct alarm *al, bool raised)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s}", "kind", al->kind, "subject", al->subject,
                  "state", raised ? "raised" : "cleared", "detail", al->detail);
    char *body = o ? json_dumps(o, 0) : NULL;
    int rc = body ? post_json(url, body) : -ENOMEM;

    free(body);
    json_decref(o);
    return rc;
}

int notifier_tell(const struct notifier_config *cfg, const struct alarm *al, bool raised)
{
    int failed = 0;

    if (cfg->exec[0])
        failed += run_program(cfg->exec, al, raised) != 0;
    if (cfg->webhook[0])
        failed += call_webhook(cfg->webhook, al, raised) != 0;
    return failed;
}
