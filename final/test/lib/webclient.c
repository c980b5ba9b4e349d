/* Requests are text, and replies are read to the end of the connection.
 *
 * Rejected: libcurl for all of it.  It repairs what these tests have to send. */
#include "webclient.h"

#include <strings.h>
#include <sys/time.h>

struct httpreply web_reply;
json_t *web_json;

void web_forget(void)
{
    json_decref(web_json);
    web_json = NULL;
}

static void send_some(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, bytes, n, MSG_NOSIGNAL);

        if (k <= 0)
            return; /* refused before its end */
        bytes += k;
        n -= (size_t)k;
    }
}

int web_take(size_t n)
{
    const char *body;

    web_forget();
    web_reply.text[n] = '\0';
    web_reply.status = 0;
    sscanf(web_reply.text, "HTTP/1.1 %d", &web_reply.status);
    body = strstr(web_reply.text, "\r\n\r\n");
    web_reply.body = body ? body + 4 : "";
    web_reply.len = strlen(web_reply.body);
    if (web_reply.body[0] == '{')
        web_json = json_loads(web_reply.body, 0, NULL);
    return web_reply.status;
}

int web_raw(int port, const char *bytes, size_t n)
{
    int fd = peer_connect(port);
    size_t have = 0;
    ssize_t k;

    send_some(fd, bytes, n);
    while (have + 1 < sizeof(web_reply.text) &&
           (k = recv(fd, web_reply.text + have, sizeof(web_reply.text) - 1 - have, 0)) >
               0)
        have += (size_t)k;
    close(fd);
    return web_take(have);
}

static size_t write_request(char *to, size_t size, const char *method, const char *path,
                            const char *headers, const char *body)
{
    int n = snprintf(to, size,
                     "%s %s HTTP/1.1\r\n%sConnection: close\r\nContent-Length: %zu\r\n"
                     "\r\n%s",
                     method, path, headers, body ? strlen(body) : 0, body ? body : "");

    assert_in_range(n, 1, size - 1);
    return (size_t)n;
}

static void write_headers(char to[1000], const struct webclient *c)
{
    snprintf(to, 1000,
             "Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nContent-Type: "
             "application/json\r\nCookie: lars=%s\r\nX-Lars-CSRF: %s\r\n",
             c->port, c->port, c->token, c->csrf);
}

int web_with(const struct webclient *c, const char *method, const char *path,
             const char *headers, const char *body)
{
    static char text[1 << 20];

    return web_raw(c->port, text,
                   write_request(text, sizeof(text), method, path, headers, body));
}

int web(const struct webclient *c, const char *method, const char *path, const char *body)
{
    char headers[1000];

    write_headers(headers, c);
    return web_with(c, method, path, headers, body);
}

/* Reads up to the empty line. */
static int read_head(int fd, char *to, size_t size)
{
    int status = 0;
    size_t n = 0;

    while (n + 1 < size && recv(fd, to + n, 1, 0) == 1) {
        to[++n] = '\0';
        if (n >= 4 && strcmp(to + n - 4, "\r\n\r\n") == 0)
            break;
    }
    sscanf(to, "HTTP/1.1 %d", &status);
    return status;
}

static int begin(const struct webclient *c, const char *method, const char *path,
                 const char *body, int *status)
{
    char headers[1000], text[4000] = "";
    int fd = peer_connect(c->port);

    write_headers(headers, c);
    send_some(fd, text, write_request(text, sizeof(text), method, path, headers, body));
    *status = read_head(fd, text, sizeof(text));
    return fd;
}

int web_status(const struct webclient *c, const char *method, const char *path,
               const char *body)
{
    int status;

    close(begin(c, method, path, body, &status));
    return status;
}

int web_stream(const struct webclient *c, const char *path)
{
    int status, fd = begin(c, "GET", path, NULL, &status);

    assert_int_equal(status, 200);
    return fd;
}

const char *web_header(const char *name)
{
    static char value[1000];
    const char *at = web_reply.text, *end = strstr(at, "\r\n\r\n");
    size_t n = strlen(name);

    value[0] = '\0';
    while (end && (at = strstr(at, "\r\n")) && at < end) {
        at += 2;
        if (strncasecmp(at, name, n) == 0 && at[n] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + n + 2, "\r"),
                     at + n + 2);
            break;
        }
    }
    return value;
}

const char *web_text(const char *member)
{
    const char *text = json_string_value(json_object_get(web_json, member));

    return text ? text : "";
}

long long web_number(const char *member)
{
    return json_integer_value(json_object_get(web_json, member));
}

int web_login(struct webclient *c, const char *user, const char *password)
{
    char *text;
    json_t *j = json_pack("{s:s,s:s}", "user", user, "password", password);
    int status;

    assert_non_null(j);
    text = json_dumps(j, 0);
    json_decref(j);
    status = web(c, "POST", "/api/v1/session", text);
    free(text);
    if (status == 200) {
        const char *cookie = web_header("Set-Cookie");

        assert_int_equal(strncmp(cookie, "lars=", 5), 0);
        snprintf(c->token, sizeof(c->token), "%.*s", (int)strcspn(cookie + 5, ";"),
                 cookie + 5);
        snprintf(c->csrf, sizeof(c->csrf), "%s", web_text("csrf"));
    }
    return status;
}
