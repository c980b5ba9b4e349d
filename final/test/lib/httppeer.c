/* A client and a server of HTTP with plain sockets, so that no test of the HTTP port uses
 * the library that the port itself uses.  The check of Prometheus text follows the
 * definition of the format and shares no code with obs/metrics. */
#include "httppeer.h"

#include <ctype.h>
#include <sys/prctl.h>

#include "net/sock.h"

void httppeer_ask(int fd, const char *method, const char *path)
{
    char q[300];

    peer_send(fd, q,
              (size_t)snprintf(q, sizeof(q),
                               "%s %s HTTP/1.1\r\nHost: x\r\n"
                               "Connection: close\r\n\r\n",
                               method, path));
}

pid_t httppeer_serve(int *port, const _Atomic int *status)
{
    struct net_addr at;
    int lfd, fd;
    char in[2000];
    pid_t pid;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 16, 0);
    if (lfd < 0)
        fail_msg("cannot listen on 127.0.0.1: %s", strerror(-lfd));
    sock_local_addr(lfd, &at);
    *port = at.port;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while ((fd = accept(lfd, NULL, NULL)) >= 0) {
            if (read(fd, in, sizeof(in)) > 0)
                dprintf(fd,
                        "HTTP/1.1 %d x\r\nContent-Length: 6\r\nConnection: close\r\n"
                        "\r\nhello\n",
                        status ? *status : 200);
            close(fd);
        }
        _exit(0);
    }
    close(lfd);
    return pid;
}

void httppeer_read(int fd, struct httpreply *r)
{
    size_t n = 0;
    ssize_t got;

    while ((got = recv(fd, r->text + n, sizeof(r->text) - 1 - n, 0)) > 0)
        n += (size_t)got;
    r->text[n] = '\0';
    if (sscanf(r->text, "HTTP/1.1 %d", &r->status) != 1)
        fail_msg("no HTTP reply: %.100s", r->text);
    r->body = strstr(r->text, "\r\n\r\n");
    assert_non_null(r->body);
    r->body += 4;
    r->len = n - (size_t)(r->body - r->text);
}

void httppeer_get(int port, const char *path, struct httpreply *r)
{
    int fd = peer_connect(port);

    httppeer_ask(fd, "GET", path);
    httppeer_read(fd, r);
    close(fd);
}

double httppeer_value(const struct httpreply *r, const char *name)
{
    char want[120];
    const char *at;

    snprintf(want, sizeof(want), "\n%s ", name);
    at = strstr(r->body, want);
    if (!at)
        fail_msg("no metric %s", name);
    return atof(at + strlen(want));
}

static bool is_metric_name(const char *s)
{
    if (!isalpha((unsigned char)*s))
        return false;
    while (isalnum((unsigned char)*s) || *s == '_')
        s++;
    return *s == '\0';
}

/* Is <s> the metric <name>, without a label or with some: NAME{LABEL="VALUE",...}? */
static bool is_sample_of(const char *s, const char *name)
{
    char label[60], value[60];
    size_t n = strlen(name);
    const char *at = s + n;
    char before = '{';
    int used;

    if (strncmp(s, name, n) != 0)
        return false;
    if (*at == '\0')
        return true;
    for (; *at == before; at += used, before = ',') {
        used = 0;
        if (sscanf(at + 1, "%59[a-z_]=\"%59[a-z0-9_/]\"%n", label, value, &used) != 2 ||
            used++ == 0)
            return false;
    }
    return strcmp(at, "}") == 0;
}

/* Moves <*text> behind the samples of <name>: one, or one for each value of its label. */
static void skip_samples(const char **text, const char *name)
{
    char sample[120], seen[2048] = " ", key[130];
    double v;
    int used, n = 0;

    for (; **text && **text != '#'; *text += used + 1, n++) {
        used = 0;
        if (sscanf(*text, "%119s %lf%n", sample, &v, &used) != 2 ||
            (*text)[used] != '\n' || !is_sample_of(sample, name))
            fail_msg("not a sample of %s: %.80s", name, *text);
        snprintf(key, sizeof(key), " %s ", sample);
        assert_null(strstr(seen, key));
        strncat(seen, key + 1, sizeof(seen) - strlen(seen) - 1);
    }
    assert_true(n > 0);
}

int httppeer_check_text(const char *text)
{
    char name[2][120], type[20], seen[8192] = " ", key[130];
    int n = 0, used;

    for (; *text; n++) {
        bool total;

        used = 0;
        if (sscanf(text, "# HELP %119s %*[^\n]\n# TYPE %119s %19s%n", name[0], name[1],
                   type, &used) != 3 ||
            text[used] != '\n')
            fail_msg("not HELP and TYPE: %.80s", text);
        text += used + 1;
        assert_string_equal(name[0], name[1]);
        assert_true(is_metric_name(name[0]));
        total = strlen(name[0]) > 6 && !strcmp(name[0] + strlen(name[0]) - 6, "_total");
        assert_string_equal(type, total ? "counter" : "gauge");
        snprintf(key, sizeof(key), " %s ", name[0]);
        assert_null(strstr(seen, key));
        strncat(seen, key + 1, sizeof(seen) - strlen(seen) - 1);
        skip_samples(&text, name[0]);
    }
    return n;
}
