/* libcurl with everything switched off that a request to a gateway does not need: other
 * protocols, redirections, proxies of the environment, signals.  A new connection for
 * each call: commands are rare, and a gateway that was restarted has no old ones.
 *
 * What answers may be any program, so its bytes are bounded and become text without
 * control characters before a person sees them. */
#include "fleet/gateway_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mono.h"
#include "base/net_addr.h"

#define CONNECT_MS 1000L
#define EPOCH "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LATER_S 10 /* less than SIGNED_COMMAND_SKEW_S */
#define SAID_MAX 200 /* bytes of a refusal that are shown */

struct call {
    const char *at; /* as the caller names it */
    long timeout_ms;
    const struct signed_command *command; /* NULL = GET */
    struct curl_slist *fields;
    struct buf body;
    bool too_long;
    long status;
    CURLcode rc;
};

int gateway_client_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void gateway_client_fini(void)
{
    curl_global_cleanup();
}

/* --- the request -------------------------------------------------------------------- */

static size_t keep_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct call *c = arg;

    c->too_long = c->body.len + size * n > GATEWAY_CLIENT_MAX;
    if (c->too_long || buf_append(&c->body, p, size * n) < 0)
        return 0;
    return size * n;
}

static void set_options(CURL *h, struct call *c, const char *url)
{
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
                     c->timeout_ms < CONNECT_MS ? c->timeout_ms : CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, c->timeout_ms);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, keep_bytes);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
    if (c->fields)
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->fields);
    if (c->command) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)c->command->body_len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->command->body);
    }
}

static void perform(struct call *c, const char *url)
{
    CURL *h = curl_easy_init();

    c->rc = CURLE_OUT_OF_MEMORY;
    if (h) {
        set_options(h, c, url);
        c->rc = curl_easy_perform(h);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &c->status);
    }
    curl_easy_cleanup(h);
}

/* --- what it came to ---------------------------------------------------------------- */

/* The answer as one line that a terminal can show. */
static void copy_said(const struct call *c, char out[SAID_MAX])
{
    const unsigned char *p = (const unsigned char *)buf_bytes(&c->body);
    size_t i, n = c->body.len < SAID_MAX - 1 ? c->body.len : SAID_MAX - 1;

    while (n > 0 && isspace(p[n - 1]))
        n--;
    for (i = 0; i < n; i++)
        out[i] = p[i] >= ' ' && p[i] < 127 ? (char)p[i] : '?';
    out[n] = '\0';
}

static int connection_failed(const struct call *c, char why[GATEWAY_CLIENT_WHY])
{
    if (c->too_long) {
        snprintf(why, GATEWAY_CLIENT_WHY,
                 "%s: the answer has more than %u bytes, so it is no gateway's; correct "
                 "[gateways] admin",
                 c->at, GATEWAY_CLIENT_MAX);
        return -EMSGSIZE;
    }
    if (c->rc == CURLE_COULDNT_CONNECT) {
        snprintf(
            why, GATEWAY_CLIENT_WHY,
            "%s: nothing listens there; start lars-gateway with [admin] listen = %s, "
            "or correct [gateways] admin",
            c->at, c->at);
        return -ECONNREFUSED;
    }
    if (c->rc == CURLE_OPERATION_TIMEDOUT) {
        snprintf(
            why, GATEWAY_CLIENT_WHY,
            "%s: no answer came within %ld ms; look whether the host and its network "
            "work, and whether [gateways] admin is right",
            c->at, c->timeout_ms);
        return -ETIMEDOUT;
    }
    snprintf(why, GATEWAY_CLIENT_WHY,
             "%s: the connection failed (%s); look whether [gateways] admin is right",
             c->at, curl_easy_strerror(c->rc));
    return c->rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

static int read_status(const struct call *c, const char *path,
                       char why[GATEWAY_CLIENT_WHY])
{
    char said[SAID_MAX];

    if (c->rc != CURLE_OK)
        return connection_failed(c, why);
    copy_said(c, said);
    if (c->status == 200) {
        snprintf(why, GATEWAY_CLIENT_WHY, "%s", said);
        return 0;
    }
    if (c->status == 401) {
        snprintf(why, GATEWAY_CLIENT_WHY, "%s: the gateway refused the command: %s",
                 c->at, said);
        return -EACCES;
    }
    if (c->status == 404)
        snprintf(
            why, GATEWAY_CLIENT_WHY,
            "%s: what answers there does not know %.60s, so it is no admin port of a "
            "gateway of this version; correct [gateways] admin",
            c->at, path);
    else
        snprintf(why, GATEWAY_CLIENT_WHY,
                 "%s: the gateway refused with HTTP status %ld: %s", c->at, c->status,
                 said);
    return -EPROTO;
}

/* Ask, and tell the outcome as gateway_client_get() does. */
static int ask(struct call *c, const char *path, char why[GATEWAY_CLIENT_WHY])
{
    struct net_addr addr;
    char text[NET_ADDR_STRLEN], url[NET_ADDR_STRLEN + 300];

    if (net_addr_parse(&addr, c->at) < 0 || addr.port == 0 || strlen(path) > 256) {
        snprintf(why, GATEWAY_CLIENT_WHY,
                 "\"%.60s\" is not ADDRESS:PORT, such as 127.0.0.1:9890; correct "
                 "[gateways] admin",
                 c->at);
        return -EINVAL;
    }
    snprintf(url, sizeof(url), "http://%s%s", net_addr_str(&addr, text), path);
    perform(c, url);
    return read_status(c, path, why);
}

static int read_json(const struct call *c, json_t **out, char why[GATEWAY_CLIENT_WHY])
{
    json_t *json = json_loadb(buf_bytes(&c->body), c->body.len, 0, NULL);

    if (json_is_object(json)) {
        *out = json;
        return 0;
    }
    snprintf(why, GATEWAY_CLIENT_WHY,
             "%s: the answer is no JSON object, so it is no gateway's; correct "
             "[gateways] admin",
             c->at);
    json_decref(json);
    return -EPROTO;
}

int gateway_client_get(const char *at, const char *path, uint32_t timeout_ms,
                       json_t **out, char why[GATEWAY_CLIENT_WHY])
{
    struct call c = {.at = at, .timeout_ms = (long)timeout_ms};
    int rc = ask(&c, path, why);

    if (rc == 0)
        rc = read_json(&c, out, why);
    buf_free(&c.body);
    return rc;
}

int gateway_client_ready(const char *at, uint32_t timeout_ms,
                         char why[GATEWAY_CLIENT_WHY])
{
    struct call c = {.at = at, .timeout_ms = (long)timeout_ms};
    int rc = ask(&c, "/ready", why);

    buf_free(&c.body);
    return rc;
}

/* --- commands ----------------------------------------------------------------------- */

static int add_field(struct call *c, const char *name, const char *value)
{
    char line[120];
    struct curl_slist *more;

    snprintf(line, sizeof(line), "%s: %s", name, value);
    more = curl_slist_append(c->fields, line);
    if (more)
        c->fields = more;
    return more ? 0 : -ENOMEM;
}

static int sign(struct call *c, const struct fleet_keys *k, uint64_t now_s)
{
    struct signed_command_fields f;
    int rc = signed_command_sign(k, c->command, now_s, &f);

    if (rc == 0)
        rc = add_field(c, SIGNED_COMMAND_TIME, f.time);
    if (rc == 0 && c->command->epoch)
        rc = add_field(c, SIGNED_COMMAND_GATEWAY, c->command->epoch);
    if (rc == 0)
        rc = add_field(c, SIGNED_COMMAND_SIGNATURE, f.signature);
    if (rc == 0)
        rc = add_field(c, "Content-Type", "text/plain");
    return rc < 0 ? rc : add_field(c, "Expect", "");
}

/* <out>: NULL = the answer is a sentence. */
static int send_signed(const char *at, const struct fleet_keys *k,
                       const struct signed_command *command, uint64_t now_s,
                       uint32_t timeout_ms, json_t **out, char why[GATEWAY_CLIENT_WHY])
{
    struct call c = {.at = at, .timeout_ms = (long)timeout_ms, .command = command};
    int rc = sign(&c, k, now_s);

    if (rc < 0)
        snprintf(why, GATEWAY_CLIENT_WHY, "%s: the command cannot be signed: %s", at,
                 rc == -EMSGSIZE ? "it is too long" : "out of memory");
    else
        rc = ask(&c, command->path, why);
    if (rc == 0 && out)
        rc = read_json(&c, out, why);
    curl_slist_free_all(c.fields);
    buf_free(&c.body);
    return rc;
}

/* The epoch of the gateway; "" = it is an older one, which has none. */
static int learn(const char *at, uint32_t timeout_ms, char epoch[GATEWAY_CLIENT_EPOCH],
                 char why[GATEWAY_CLIENT_WHY])
{
    json_t *o = NULL;
    int rc = gateway_client_get(at, "/gateway", timeout_ms, &o, why);
    const char *text = json_string_value(json_object_get(o, "epoch"));
    size_t n = text ? strlen(text) : 0;

    epoch[0] = '\0';
    if (rc == 0 && n > 0 && n < GATEWAY_CLIENT_EPOCH && strspn(text, EPOCH) == n)
        memcpy(epoch, text, n + 1);
    else if (rc == 0 && text) {
        snprintf(why, GATEWAY_CLIENT_WHY,
                 "%s: the epoch in GET /gateway has not 1 to 32 letters and digits, so "
                 "what answers is no gateway; correct [gateways] admin",
                 at);
        rc = -EPROTO;
    }
    json_decref(o);
    return rc;
}

static uint32_t left_ms(uint64_t end_ms)
{
    uint64_t now = mono_ms();

    return now < end_ms ? (uint32_t)(end_ms - now) : 1;
}

/* The same command twice in a second has one signature, which is accepted once: it is
 * signed for a later second then, as long as no clock is far off. */
int gateway_client_command(const char *at, const struct fleet_keys *k, const char *path,
                           const char *body, uint32_t timeout_ms,
                           char why[GATEWAY_CLIENT_WHY])
{
    char epoch[GATEWAY_CLIENT_EPOCH];
    uint64_t end_ms = mono_ms() + timeout_ms, now_s = (uint64_t)time(NULL), later;
    int rc = learn(at, timeout_ms, epoch, why);
    struct signed_command c = {epoch[0] ? epoch : NULL, "POST", path, body, strlen(body)};

    if (rc < 0)
        return rc;
    for (later = 0; later < LATER_S; later++) {
        rc = send_signed(at, k, &c, now_s + later, left_ms(end_ms), NULL, why);
        if (rc != -EACCES || !strstr(why, SIGNED_COMMAND_REPEATED))
            break;
    }
    return rc;
}

/* A gateway that was restarted has another epoch, and one that was upgraded has its
 * first: it is learned again, once. */
int gateway_client_ask(const char *at, const struct fleet_keys *k, const char *path,
                       const char *body, uint32_t timeout_ms,
                       char epoch[GATEWAY_CLIENT_EPOCH], json_t **out,
                       char why[GATEWAY_CLIENT_WHY])
{
    uint64_t end_ms = mono_ms() + timeout_ms;
    bool known = epoch[0] != '\0';
    int rc = known ? 0 : learn(at, timeout_ms, epoch, why);
    struct signed_command c = {NULL, "POST", path, body, strlen(body)};

    if (rc < 0)
        return rc;
    c.epoch = epoch[0] ? epoch : NULL;
    rc = send_signed(at, k, &c, (uint64_t)time(NULL), left_ms(end_ms), out, why);
    if (rc != -EACCES || !known || !strstr(why, SIGNED_COMMAND_OTHER))
        return rc;
    rc = learn(at, left_ms(end_ms), epoch, why);
    if (rc < 0)
        return rc;
    c.epoch = epoch[0] ? epoch : NULL;
    return send_signed(at, k, &c, (uint64_t)time(NULL), left_ms(end_ms), out, why);
}
