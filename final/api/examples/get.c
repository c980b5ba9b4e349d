/* get MODID CMDID PATH -- GET a path from a node of a module and print the answer; when a
 * node fails, another one is tried.  The same program in C, C++, Python and Java. */
#include <curl/curl.h>
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

int main(int argc, char **argv)
{
    struct lars_retry r = {.idempotent = 1, .timeout_ms = 2000, .budget = &budget};
    struct lars_client *c = NULL;
    CURL *curl = curl_easy_init();
    struct lars_host h;
    long failed = 1;
    int rc = argc == 4 && curl ? lars_open(&c, NULL) : -1;

    if (rc < 0)
        return fprintf(stderr, "usage: get MODID CMDID PATH\n"), 2;
    r.modid = (uint32_t)atoi(argv[1]);
    r.cmdid = (uint32_t)atoi(argv[2]);
    while (failed && (rc = lars_retry_next(c, &r, &h)) >= 0) {
        failed = ask(curl, &h.addr, argv[3], r.left_ms);
        lars_report(c, &h, (int)failed);
    }
    if (failed)
        fprintf(stderr, "get: %u attempts, %s\n", r.n, lars_strerror(rc));
    lars_close(c);
    curl_easy_cleanup(curl);
    return failed != 0;
}
