/* Header lines and body of an answer go to web_reply as they are on the wire, but decoded
 * from TLS and chunks.
 *
 * Rejected: a client of TLS written for the tests.  Whether a browser accepts the console
 * is what they ask, and libcurl is as strict as one. */
#include "askclient.h"

int ask_port;
char ask_ca[160];
CURLcode ask_result;

static size_t n_got;
static const char *until;

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    (void)arg;
    assert_true(n_got + size * n < sizeof(web_reply.text));
    memcpy(web_reply.text + n_got, bytes, size * n);
    n_got += size * n;
    web_reply.text[n_got] = '\0';
    return until && strstr(web_reply.text, until) ? 0 : size * n;
}

static struct curl_slist *headers_of(const struct ask *a, const char *base)
{
    char origin[200];
    struct curl_slist *l = curl_slist_append(NULL, "Content-Type: application/json");
    int i;

    snprintf(origin, sizeof(origin), "Origin: %s", a->origin ? a->origin : base);
    l = curl_slist_append(l, origin);
    for (i = 0; i < 6 && a->headers[i]; i++)
        l = curl_slist_append(l, a->headers[i]);
    return l;
}

int ask(struct ask a)
{
    CURL *c = curl_easy_init();
    char base[60], url[200];
    struct curl_slist *l;

    assert_non_null(c);
    snprintf(base, sizeof(base), "%s://127.0.0.1:%d", a.scheme ? a.scheme : "https",
             ask_port);
    snprintf(url, sizeof(url), "%s%s", base, a.path);
    l = headers_of(&a, base);
    n_got = 0;
    until = a.until;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, a.method);
    if (a.body)
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, a.body);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, l);
    curl_easy_setopt(c, CURLOPT_HEADER, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CAINFO, ask_ca);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, a.version);
    curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
    curl_easy_setopt(c, CURLOPT_INTERFACE, a.from);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)T_DEADLINE_MS);
    ask_result = curl_easy_perform(c);
    curl_slist_free_all(l);
    curl_easy_cleanup(c);
    return web_take(n_got);
}

const char *ask_cookie(void)
{
    static char line[200];
    const char *set = web_header("Set-Cookie");

    snprintf(line, sizeof(line), "Cookie: %.*s", (int)strcspn(set, ";"), set);
    return line;
}
