/* get MODID CMDID PATH -- GET a path from a node of a module and print the answer; when a
 * node fails, another one is tried.  The same program in C, C++, Python and Java. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lars.h"
#include "lars_retry.h"

static struct lars_budget budget;     /* of the module, for the whole run */

/* Returns 0; -1 when there was no answer; the HTTP status of a failure. */
static long ask(CURL *curl, const struct lars_addr *a, const char *path, long ms)
{
    char url[300];
    long status = 0;

    snprintf(url, sizeof(url), "http://%u.%u.%u.%u:%u%s", a->ip[0], a->ip[1], a->ip[2],
             a->ip[3], a->port, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (curl_easy_perform(curl) != CURLE_OK)
        return -1;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status < 500 ? 0 : status; /* 404 is an answer; 503 is a failing node */
}

/* A decimal number from 0 to 4294967295.  Returns 0, or 2 after a line on standard error.
 */
static int number(const char *name, const char *text, uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v > UINT32_MAX)
        return fprintf(stderr, "get: %s: \"%s\" is not a number from 0 to 4294967295\n",
                       name, text),
               2;
    *out = (uint32_t)v;
    return 0;
}

/* The argument that is wrong, when it is one; else what the result means. */
static const char *why(int rc)
{
    return rc == -EINVAL && lars_last_error()[0] ? lars_last_error() : lars_strerror(rc);
}

/* Returns the exit code of the program. */
static int get(CURL *curl, struct lars_retry *r, const char *path)
{
    struct lars_client *c;
    struct lars_host h;
    long failed = 1;
    int rc = lars_open(&c, NULL), sent;

    if (rc < 0)
        return fprintf(stderr, "get: cannot open a client: %s\n", why(rc)), 1;
    while (failed && (rc = lars_retry_next(c, r, &h)) >= 0) {
        failed = ask(curl, &h.addr, path, r->left_ms);
        sent = lars_report(c, &h, (int)failed);
        if (sent < 0)
            fprintf(stderr, "get: the report is lost: %s\n", lars_strerror(sent));
    }
    if (failed)
        fprintf(stderr, "get: %u attempts, %s\n", r->n, why(rc));
    lars_close(c);
    return failed != 0;
}

int main(int argc, char **argv)
{
    struct lars_retry r = {.idempotent = 1, .timeout_ms = 2000, .budget = &budget};
    CURL *curl;
    int code;

    if (argc != 4)
        return fprintf(stderr, "usage: get MODID CMDID PATH\n"), 2;
    if (number("MODID", argv[1], &r.modid) != 0 || number("CMDID", argv[2], &r.cmdid) != 0)
        return 2;
    curl = curl_easy_init();
    if (!curl)
        return fprintf(stderr, "get: libcurl cannot be initialised\n"), 1;
    code = get(curl, &r, argv[3]);
    curl_easy_cleanup(curl);
    return code;
}
