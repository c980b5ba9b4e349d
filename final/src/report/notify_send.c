/* What the targets have in common is HTTP with a body of JSON and a bound; they differ in
 * the body and in what an answer means: a robot reports failure as "errcode" under HTTP
 * status 200.
 *
 * Rejected: system() and a shell for the program.  The texts of an alarm would have to be
 * quoted; as arguments of posix_spawn() they cannot be taken for commands. */
#include "report/notify_send.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "db/alarm_kinds.h"

#define EXEC_MS 10000
#define WEB_MS 5000L
#define LOOK_MS 20                    /* between two checks whether it has ended */
#define ANSWER_MAX 4096               /* bytes of an answer that are kept */
#define TEXT_MAX 1900                 /* bytes; WeCom takes 2048 */

extern char **environ;

struct stop {
    bool (*fn)(void *arg);
    void *arg;
};

const char *notify_send_name(enum notify_target t)
{
    static const char *const names[] = {"exec", "webhook", "wecom", "dingtalk"};

    return names[t];
}

static const char *place_of(enum notify_target t, const struct notify_config *cfg)
{
    const char *const place[] = {cfg->exec, cfg->webhook, cfg->wecom, cfg->dingtalk};

    return place[t];
}

bool notify_send_is_set(enum notify_target t, const struct notify_config *cfg)
{
    return place_of(t, cfg)[0] != '\0';
}

bool notify_send_is_robot(enum notify_target t)
{
    return t == NOTIFY_WECOM || t == NOTIFY_DINGTALK;
}

/* --- program ----------------------------------------------------------------------- */

/* Returns the exit status of the program; -EIO when a signal ended it; -ETIMEDOUT when it
 * ran too long and was killed; -EINTR when it is time to stop and it was killed. */
static int wait_for_program(pid_t pid, const struct stop *stop)
{
    uint64_t end_ms = mono_ms() + EXEC_MS;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        bool late = mono_ms() > end_ms;

        if (late || stop->fn(stop->arg)) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return late ? -ETIMEDOUT : -EINTR;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* The program gets our environment, but not our blocked signals: it could not be ended by
 * SIGTERM otherwise. */
static int run_program(const char *path, const struct notify_message *m,
                       const struct stop *stop)
{
    char *const argv[] = {(char *)(uintptr_t)path,
                          (char *)(uintptr_t)m->alarm.kind,
                          (char *)(uintptr_t)m->alarm.subject,
                          m->raised ? "raised" : "cleared",
                          (char *)(uintptr_t)m->alarm.detail,
                          NULL};
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
    rc = rc != 0 ? -rc : wait_for_program(pid, stop);
    if (rc != 0)
        LOG_WARN("alarm.exec", "program=%s status=%d err=%s", path, rc < 0 ? 0 : rc,
                 rc < 0 ? err_str(rc) : "0");
    return rc == 0 ? 0 : -EIO;
}

/* --- HTTP -------------------------------------------------------------------------- */

struct answer {
    size_t n;
    char text[ANSWER_MAX + 1];
};

static size_t keep_answer(char *p, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    size_t len = size * n, room = ANSWER_MAX - a->n;

    memcpy(a->text + a->n, p, len < room ? len : room);
    a->n += len < room ? len : room;
    a->text[a->n] = '\0';
    return len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct stop *stop = arg;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return stop->fn(stop->arg);       /* anything but 0 ends the transfer */
}

static CURLcode post_json(const char *url, const char *body, struct answer *answer,
                          const struct stop *stop)
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
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep_answer);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, (void *)(uintptr_t)stop);
        rc = curl_easy_perform(c);
    }
    curl_slist_free_all(head);
    curl_easy_cleanup(c);
    return rc;
}

/* Takes <o>, NULL: out of memory. */
static int post_object(enum notify_target t, const char *url, json_t *o,
                       struct answer *answer, const struct stop *stop)
{
    char *body = o ? json_dumps(o, 0) : NULL;
    CURLcode rc = body ? post_json(url, body, answer, stop) : CURLE_OUT_OF_MEMORY;

    free(body);
    json_decref(o);
    if (rc != CURLE_OK)
        LOG_WARN("alarm.webhook", "target=%s err=%s", notify_send_name(t),
                 curl_easy_strerror(rc));
    return rc == CURLE_OK ? 0 : -EIO;
}

static int call_webhook(const char *url, const struct notify_message *m,
                        const struct stop *stop)
{
    struct answer answer = {0};
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "kind", m->alarm.kind, "subject",
                          m->alarm.subject, "state", m->raised ? "raised" : "cleared",
                          "detail", m->alarm.detail);

    return post_object(NOTIFY_WEBHOOK, url, o, &answer, stop);
}

/* --- robots ------------------------------------------------------------------------ */

/* One line for each message, and what a raised alarm means; what does not fit is counted.
 * The robots belong to Chinese services, so the meaning is in Chinese. */
static void fill_text(char *out, const struct notify_message *m, size_t n)
{
    size_t i, len = 0;

    out[0] = '\0';
    for (i = 0; i < n; i++) {
        const struct alarm_kind *k = alarm_kinds_find(m[i].alarm.kind);
        char line[1200];
        int more = snprintf(line, sizeof(line), "[lars] %s %s %s\n%s\n",
                            m[i].raised ? "raised" : "cleared", m[i].alarm.kind,
                            m[i].alarm.subject, m[i].raised ? m[i].alarm.detail : "");

        if (m[i].raised && k && n == 1)
            more += snprintf(line + more, sizeof(line) - (size_t)more, "%s\n",
                             k->means[ALARM_ZH]);
        if (len + (size_t)more + 40 > TEXT_MAX)
            break;
        memcpy(out + len, line, (size_t)more + 1);
        len += (size_t)more;
    }
    if (i < n)
        snprintf(out + len, TEXT_MAX - len, "+ %zu: larsctl alarm list\n", n - i);
}

int notify_send_sign(const char *secret, uint64_t ms, char *out, size_t room)
{
    unsigned char mac[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    char text[200];
    size_t n, i;
    int len = snprintf(text, sizeof(text), "%llu\n%s", (unsigned long long)ms, secret);

    if (len >= (int)sizeof(text) ||
        !HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text,
              (size_t)len, mac, &mac_len))
        return -ENOBUFS;
    EVP_EncodeBlock(base64, mac, (int)mac_len);
    n = (size_t)snprintf(out, room, "&timestamp=%llu&sign=", (unsigned long long)ms);
    for (i = 0; base64[i] && n < room; i++)
        n += (size_t)snprintf(out + n, room - n,
                              strchr("+/=", base64[i]) ? "%%%02X" : "%c", base64[i]);
    return n < room ? 0 : -ENOBUFS;
}

/* Did the robot's service take the message? */
static int check_errcode(enum notify_target t, const struct answer *answer)
{
    json_t *o = json_loads(answer->text, 0, NULL);
    json_t *code = json_object_get(o, "errcode"); /* NULL for NULL */
    const char *why = json_string_value(json_object_get(o, "errmsg"));
    int rc = json_is_integer(code) && json_integer_value(code) == 0 ? 0 : -EIO;

    if (rc < 0)
        LOG_WARN("alarm.robot", "target=%s errcode=%lld errmsg=\"%.100s\"",
                 notify_send_name(t), (long long)json_integer_value(code),
                 why ? why : "");
    json_decref(o);
    return rc;
}

static int call_robot(enum notify_target t, const struct notify_config *cfg,
                      const struct notify_message *m, size_t n, const struct stop *stop)
{
    char url[NOTIFY_URL_MAX + 200], sign[200] = "", text[TEXT_MAX];
    struct answer answer = {0};
    struct timespec now;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    if (t == NOTIFY_DINGTALK && cfg->dingtalk_secret[0])
        rc = notify_send_sign(cfg->dingtalk_secret,
                              (uint64_t)now.tv_sec * 1000 +
                                  (uint64_t)now.tv_nsec / 1000000,
                              sign, sizeof(sign));
    snprintf(url, sizeof(url), "%s%s", place_of(t, cfg), sign);
    fill_text(text, m, n);
    if (rc == 0)
        rc = post_object(t, url,
                         json_pack("{s:s, s:{s:s}}", "msgtype", "text", "text", "content",
                                   text),
                         &answer, stop);
    return rc < 0 ? rc : check_errcode(t, &answer);
}

int notify_send_all(enum notify_target t, const struct notify_config *cfg,
                    const struct notify_message *m, size_t n, bool (*stop)(void *arg),
                    void *arg)
{
    const struct stop s = {stop, arg};

    if (t == NOTIFY_EXEC)
        return run_program(cfg->exec, m, &s);
    return t == NOTIFY_WEBHOOK ? call_webhook(cfg->webhook, m, &s)
                               : call_robot(t, cfg, m, n, &s);
}
