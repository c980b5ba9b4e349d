/* The log is read from its begin to its end, a line at a time, so that a file of any size
 * takes a bounded memory.  A line that does not have all columns is none.
 *
 * What visitors have sent, the host and the target, is printed without control
 * characters. */
#include "ctl/request_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/table.h"

#define ID_LEN 16

/* --- finding ------------------------------------------------------------------------ */

static bool is_id(const char *id)
{
    return strlen(id) == ID_LEN && strspn(id, "0123456789abcdef") == ID_LEN;
}

static bool split(struct request_log_entry *e)
{
    char *at = e->line, *save = NULL;
    unsigned i;

    for (i = 0; i < REQUEST_LOG_COLUMNS; i++) {
        e->column[i] = strtok_r(i ? NULL : at, " \n", &save);
        if (!e->column[i])
            return false;
    }
    return true;
}

static bool find_in(FILE *f, const char *id, struct request_log_entry *e)
{
    while (fgets(e->line, sizeof(e->line), f)) {
        const char *second = strchr(e->line, ' ');

        if (second && strncmp(second + 1, id, ID_LEN) == 0 && second[1 + ID_LEN] == ' ' &&
            split(e))
            return true;
    }
    return false;
}

/* Returns 0, -ESRCH when the file has no such line, or -errno of fopen(). */
static int find_at(const char *path, const char *id, struct request_log_entry *e)
{
    FILE *f = fopen(path, "re");
    bool found;

    if (!f)
        return -errno;
    found = find_in(f, id, e);
    fclose(f);
    return found ? 0 : -ESRCH;
}

int request_log_find(const char *path, const char *id, struct request_log_entry *out,
                     char err[REQUEST_LOG_ERR])
{
    char older[300];
    int rc;

    if (!is_id(id)) {
        snprintf(err, REQUEST_LOG_ERR,
                 "\"%.40s\" is no request id: it has 16 digits of 0-9 and a-f, as in the "
                 "field X-Request-Id of the response",
                 id);
        return -EINVAL;
    }
    rc = find_at(path, id, out);
    snprintf(older, sizeof(older), "%.290s.1", path);
    if (rc == -ESRCH && find_at(older, id, out) == 0)
        rc = 0;
    if (rc == -ESRCH)
        snprintf(err, REQUEST_LOG_ERR,
                 "%.200s has no request %s: look on the host of the gateway that "
                 "answered; [log] sample may leave requests without an error out",
                 path, id);
    else if (rc < 0)
        snprintf(err, REQUEST_LOG_ERR,
                 "cannot read %.200s: %s; give the file of [log] path of the gateway",
                 path, strerror(-rc));
    return rc == -ESRCH ? -ENOENT : rc;
}

/* --- explaining --------------------------------------------------------------------- */

struct word {
    const char *word, *sentence;
};

static const char *sentence_of(const struct word *all, const char *word)
{
    for (; all->word; all++)
        if (strcmp(all->word, word) == 0)
            return all->sentence;
    return NULL;
}

static const struct word cache_words[] = {
    {"hit", "The response came from the memory of the gateway; no node was asked."},
    {"miss", "The gateway had no copy of the response, so it asked a node."},
    {"stale", "The response came from the memory of the gateway, although it was no "
              "longer fresh: it was being fetched anew, or no node answered."},
    {"wait", "The request waited for another one that was fetching the same response."},
    {"confirmed",
     "The gateway had a copy that was no longer fresh; the node confirmed it, "
     "and the copy was the response."},
    {"pass", "The response may not be kept, so a node was asked."},
    {"static", "The response came from the copy of the site: no node answered, or an "
               "operator has switched the copy on."},
    {NULL, NULL}};

static const struct word class_words[] = {
    {"new", "The visitor was new."},
    {"waiting", "The visitor had seen the waiting page before."},
    {"inside", "The visitor had been admitted before, and so went before new ones."},
    {NULL, NULL}};

static const struct word why_words[] = {
    {"stale", "its connection had been closed by the node"},
    {"connect", "the node could not be connected to in time"},
    {"reset", "the node closed the connection before its response"},
    {"timeout", "the node did not begin its response within try_ms"},
    {"bad_answer", "the response of the node broke the rules of HTTP"},
    {"status", "the node answered with 502, 503 or 504"},
    {"rejected", "the node was over its own limit and refused the request"},
    {"own", "the gateway had no descriptor or no memory for the connection"},
    {NULL, NULL}};

static void print_ms(FILE *to, const char *us)
{
    fprintf(to, "%.3f ms", strtod(us, NULL) / 1000);
}

static void explain_request(const struct request_log_entry *e, FILE *to)
{
    const char *const *c = e->column;
    bool is_request = strcmp(c[REQUEST_LOG_METHOD], "-") != 0;

    fprintf(to, "At %s a visitor at %s ", c[REQUEST_LOG_TIME], c[REQUEST_LOG_IP]);
    if (is_request) {
        fputs("sent ", to);
        table_print_safe(c[REQUEST_LOG_METHOD], to);
        fputc(' ', to);
        table_print_safe(c[REQUEST_LOG_TARGET], to);
        fputs(" for the host ", to);
        table_print_safe(c[REQUEST_LOG_HOST], to);
    } else {
        fputs("sent what is no request that the gateway accepts", to);
    }
    fprintf(to, ".\nThe answer was %s with %s bytes, ", c[REQUEST_LOG_STATUS],
            c[REQUEST_LOG_BYTES]);
    print_ms(to, c[REQUEST_LOG_TOTAL_US]);
    fputs(" after the request began.\n", to);
}

static void explain_admission(const struct request_log_entry *e, FILE *to)
{
    const char *class = sentence_of(class_words, e->column[REQUEST_LOG_CLASS]);

    if (!class)
        return;
    fprintf(to, "%s", class);
    if (strcmp(e->column[REQUEST_LOG_QUEUE_US], "0") != 0) {
        fputs("  The request waited ", to);
        print_ms(to, e->column[REQUEST_LOG_QUEUE_US]);
        fputs(" for its admission.", to);
    }
    fputc('\n', to);
}

static void explain_failure(const struct request_log_entry *e, FILE *to)
{
    const char *why = sentence_of(why_words, e->column[REQUEST_LOG_WHY]);
    bool answered = strcmp(e->column[REQUEST_LOG_FIRST_US], "0") != 0;

    if (!why)
        return;
    fprintf(to, "The last attempt that failed did so because %s.%s\n", why,
            answered ? "" : "  No node has answered.");
}

static void explain_node(const struct request_log_entry *e, FILE *to)
{
    const char *const *c = e->column;
    unsigned long n = strtoul(c[REQUEST_LOG_TRIES], NULL, 10);

    if (n == 0) {
        if (strcmp(c[REQUEST_LOG_CACHE], "hit") != 0 &&
            strcmp(c[REQUEST_LOG_CACHE], "stale") != 0)
            fputs("No node was asked.\n", to);
        return;
    }
    fprintf(to, "The node %s of the module %s was asked, ", c[REQUEST_LOG_NODE],
            c[REQUEST_LOG_MODULE]);
    if (n == 1)
        fputs("in the only attempt.\n", to);
    else
        fprintf(to, "in attempt %lu.\n", n);
    if (strcmp(c[REQUEST_LOG_CONNECT_US], "0") != 0) {
        fputs("A new connection to it took ", to);
        print_ms(to, c[REQUEST_LOG_CONNECT_US]);
        fputs(" from the first attempt on.\n", to);
    }
    if (strcmp(c[REQUEST_LOG_FIRST_US], "0") != 0) {
        fputs("Its response began ", to);
        print_ms(to, c[REQUEST_LOG_FIRST_US]);
        fputs(" after the first attempt.\n", to);
    }
    explain_failure(e, to);
}

static void explain_status(const struct request_log_entry *e, FILE *to)
{
    static const struct word status[] = {
        {"421", "No rule has this host: see the file of [gateway] rules."},
        {"408", "The request did not arrive in time."},
        {"413", "The body was larger than [gateway] body_kib."},
        {"502", "The nodes that were asked failed."},
        {"504", "No node began its response in time."},
        {NULL, NULL}};
    const char *why = sentence_of(status, e->column[REQUEST_LOG_STATUS]);

    if (why)
        fprintf(to, "%s\n", why);
    else if (strcmp(e->column[REQUEST_LOG_STATUS], "503") == 0)
        fputs(
            strcmp(e->column[REQUEST_LOG_TRIES], "0") == 0
                ? "503 without an attempt: the limit of the module was reached and the "
                  "visitor got the waiting page, or no node of it was usable.\n"
                : "503 after an attempt: the nodes refused the request because of their "
                  "load, or one of them answered so.\n",
            to);
}

void request_log_explain(const struct request_log_entry *e, FILE *to)
{
    const char *cache = sentence_of(cache_words, e->column[REQUEST_LOG_CACHE]);

    explain_request(e, to);
    explain_admission(e, to);
    if (cache)
        fprintf(to, "%s\n", cache);
    explain_node(e, to);
    explain_status(e, to);
}
