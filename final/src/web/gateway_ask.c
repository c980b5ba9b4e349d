/* One request over a connection of its own, which ends after GATEWAY_ASK_MS whatever the
 * other side does, and takes no more than GATEWAY_ANSWER_BYTES.
 *
 * A proxy of the environment is not used and a redirection is not followed: the address
 * of the configuration is asked and no other. */
#include "web/gateway_ask.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int gateway_ask_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void gateway_ask_fini(void)
{
    curl_global_cleanup();
}

const char *gateway_ask_fault_name(enum gateway_ask_fault f)
{
    static const char *const names[] = {"",        "refused",    "timeout",
                                        "network", "no_gateway", "no_memory"};

    return names[f];
}

/* Anything but size * n ends the transfer. */
static size_t keep(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;

    if (b->len + size * n > GATEWAY_ANSWER_BYTES || buf_append(b, p, size * n) < 0)
        return 0;
    return size * n;
}

static CURLcode get(const char *address, struct buf *body, long *status)
{
    CURL *c = curl_easy_init();
    char url[120];
    CURLcode rc;

    if (!c)
        return CURLE_OUT_OF_MEMORY;
    snprintf(url, sizeof(url), "http://%s/gateway", address);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)GATEWAY_ASK_MS);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(c);
    return rc;
}

static enum gateway_ask_fault fault_of(CURLcode rc)
{
    switch (rc) {
    case CURLE_COULDNT_CONNECT:
        return GATEWAY_ASK_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return GATEWAY_ASK_TIMEOUT;
    case CURLE_WRITE_ERROR: /* too long */
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return GATEWAY_ASK_NO_GATEWAY;
    case CURLE_OUT_OF_MEMORY:
        return GATEWAY_ASK_MEMORY;
    default:
        return GATEWAY_ASK_NETWORK;
    }
}

static enum gateway_ask_fault read_body(const struct buf *b, long status,
                                        struct gateway_answer *out,
                                        char why[GATEWAY_ASK_WHY])
{
    int rc;

    if (status != 200) {
        snprintf(why, GATEWAY_ASK_WHY, "HTTP status %ld", status);
        return GATEWAY_ASK_NO_GATEWAY;
    }
    rc = gateway_answer_parse(out, buf_bytes(b), b->len);
    if (rc < 0)
        snprintf(why, GATEWAY_ASK_WHY,
                 rc == -ENOMEM ? "out of memory"
                               : "the body is not that of GET "
                                 "/gateway");
    return rc == 0         ? GATEWAY_ASK_NONE
           : rc == -ENOMEM ? GATEWAY_ASK_MEMORY
                           : GATEWAY_ASK_NO_GATEWAY;
}

enum gateway_ask_fault gateway_ask_now(const char *address, struct gateway_answer *out,
                                       char why[GATEWAY_ASK_WHY])
{
    struct buf body = {0};
    long status = 0;
    CURLcode rc = get(address, &body, &status);
    enum gateway_ask_fault f;

    why[0] = '\0';
    if (rc == CURLE_OK) {
        f = read_body(&body, status, out, why);
    } else {
        f = fault_of(rc);
        snprintf(why, GATEWAY_ASK_WHY, "%s",
                 rc == CURLE_WRITE_ERROR ? "the answer is longer than 256 KiB"
                                         : curl_easy_strerror(rc));
    }
    buf_free(&body);
    return f;
}
