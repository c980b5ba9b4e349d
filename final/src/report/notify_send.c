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
#define LOOK_MS 20 /* between two checks whether it has ended */
#define ANSWER_MAX 4096 /* bytes of an answer that are kept */
#define TEXT_MAX 1900 /* bytes; WeCom takes 2048 */

extern char **environ;

struct stop {
    bool (*fn)(void *arg);
    void *arg;
    char *why; /* NOTIFY_WHY bytes: the reason of a failure */
};

static const char *state_name(const struct notify_message *m)
{
    static const char *const names[] = {"raised", "cleared", "test"};

    return names[m->state];
}

const char *notify_send_name(enum notify_target t)
{
    static const char *const names[] = {"program", "webhook", "wecom", "dingtalk"};

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

static void explain_program(int rc, char why[NOTIFY_WHY])
{
    if (rc > 0)
        snprintf(why, NOTIFY_WHY, "exit status %d", rc);
    else if (rc == -ETIMEDOUT)
        snprintf(why, NOTIFY_WHY, "ran for more than %d s and was killed",
                 EXEC_MS / 1000);
    else if (rc == -EIO)
        snprintf(why, NOTIFY_WHY, "ended by a signal");
    else
        snprintf(why, NOTIFY_WHY, "cannot be run: %s", err_str(rc));
}

/* The program gets our environment, but not our blocked signals: it could not be ended by
 * SIGTERM otherwise. */
static int run_program(const char *path, const struct notify_message *m,
                       const struct stop *stop)
{
    char *const argv[] = {(char *)(uintptr_t)path,
                          (char *)(uintptr_t)m->alarm.kind,
                          (char *)(uintptr_t)m->alarm.subject,
                          (char *)(uintptr_t)state_name(m),
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
    if (rc == 0)
        return 0;
    explain_program(rc, stop->why);
    LOG_WARN("alarm.exec", "program=%s err=\"%s\"", path, stop->why);
    return -EIO;
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
    return stop->fn(stop->arg); /* anything but 0 ends the transfer */
}

/* The address is a credential, and is in none of these texts. */
static void explain_http(CURL *c, CURLcode rc, char why[NOTIFY_WHY])
{
    long status = 0;

    if (rc == CURLE_HTTP_RETURNED_ERROR)
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (status)
        snprintf(why, NOTIFY_WHY, "HTTP status %ld", status);
    else
        snprintf(why, NOTIFY_WHY, "%s", curl_easy_strerror(rc));
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
    if (rc != CURLE_OK)
        explain_http(c, rc, stop->why);
    curl_slist_free_all(head);
    curl_easy_cleanup(c);
    return rc;
}

/* Takes <o>, NULL: out of memory. */
static int post_object(enum notify_target t, const char *url, json_t *o,
                       struct answer *answer, const struct stop *stop)
{
    char *body = o ? json_dumps(o, 0) : NULL;
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    snprintf(stop->why, NOTIFY_WHY, "out of memory");
    if (body)
        rc = post_json(url, body, answer, stop);
    free(body);
    json_decref(o);
    if (rc != CURLE_OK)
        LOG_WARN("alarm.webhook", "target=%s err=\"%s\"", notify_send_name(t), stop->why);
    return rc == CURLE_OK ? 0 : -EIO;
}

static int call_webhook(const char *url, const struct notify_message *m,
                        const struct stop *stop)
{
    struct answer answer = {0};
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s}", "kind", m->alarm.kind, "subject",
                  m->alarm.subject, "state", state_name(m), "detail", m->alarm.detail);

    return post_object(NOTIFY_WEBHOOK, url, o, &answer, stop);
}

/* --- robots ------------------------------------------------------------------------ */

/* What is added in Chinese, because the robots belong to Chinese services. */
static const char *meaning(const struct notify_message *m)
{
    const struct alarm_kind *k = alarm_kinds_find(m->alarm.kind);

    if (m->state == NOTIFY_TEST)
        return "\xe8\xbf\x99\xe6\x98\xaf\xe6\xb5\x8b\xe8\xaf\x95\xe6\xb6\x88"
               "\xe6\x81\xaf\xef\xbc\x8c\xe6\xb2\xa1\xe6\x9c\x89\xe6\x95\x85"
               "\xe9\x9a\x9c\xe3\x80\x82"; /* this is a test, nothing is wrong */
    return k && m->state == NOTIFY_RAISED ? k->means[ALARM_ZH] : NULL;
}

/* One line for each message, and what a raised alarm means; what does not fit is
 * counted, so that any number of messages is one text. */
static void fill_text(char *out, const struct notify_message *m, size_t n)
{
    size_t i, len = 0;

    out[0] = '\0';
    for (i = 0; i < n; i++) {
        const char *zh = meaning(&m[i]);
        char line[1200];
        int more = snprintf(line, sizeof(line), "[lars] %s %s %s\n%s\n",
                            state_name(&m[i]), m[i].alarm.kind, m[i].alarm.subject,
                            m[i].state == NOTIFY_CLEARED ? "" : m[i].alarm.detail);

        if (zh && n == 1)
            more += snprintf(line + more, sizeof(line) - (size_t)more, "%s\n", zh);
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
static int check_errcode(enum notify_target t, const struct answer *answer,
                         char why[NOTIFY_WHY])
{
    json_t *o = json_loads(answer->text, 0, NULL);
    json_t *code = json_object_get(o, "errcode"); /* NULL for NULL */
    const char *text = json_string_value(json_object_get(o, "errmsg"));
    int rc = json_is_integer(code) && json_integer_value(code) == 0 ? 0 : -EIO;

    if (!json_is_integer(code))
        snprintf(why, NOTIFY_WHY, "the answer has no errcode: the address is no robot's");
    else if (rc < 0)
        snprintf(why, NOTIFY_WHY, "errcode %lld: %s", (long long)json_integer_value(code),
                 text ? text : "");
    if (rc < 0)
        LOG_WARN("alarm.robot", "target=%s err=\"%s\"", notify_send_name(t), why);
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
    if (rc < 0)
        snprintf(stop->why, NOTIFY_WHY, "cannot sign with [alarm] dingtalk_secret: %s",
                 err_str(rc));
    snprintf(url, sizeof(url), "%s%s", place_of(t, cfg), sign);
    fill_text(text, m, n);
    if (rc == 0)
        rc = post_object(t, url,
                         json_pack("{s:s, s:{s:s}}", "msgtype", "text", "text", "content",
                                   text),
                         &answer, stop);
    return rc < 0 ? rc : check_errcode(t, &answer, stop->why);
}

int notify_send_all(enum notify_target t, const struct notify_config *cfg,
                    const struct notify_message *m, size_t n, bool (*stop)(void *arg),
                    void *arg, char why[NOTIFY_WHY])
{
    const struct stop s = {stop, arg, why};

    why[0] = '\0';
    if (t == NOTIFY_EXEC)
        return run_program(cfg->exec, m, &s);
    return t == NOTIFY_WEBHOOK ? call_webhook(cfg->webhook, m, &s)
                               : call_robot(t, cfg, m, n, &s);
}
