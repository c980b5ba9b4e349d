/* fuzz_load_input -- checks for any bytes what lars-load reads from others: a line of an
 * access log becomes a path that can be requested or is counted as skipped; a cookie
 * stays within its jar. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "load/cookie_jar.h"
#include "load/log_replay.h"
#include "load/path_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text)
{
    struct log_replay log = {0};
    char *line = strdup(text);

    if (!line || log_replay_add(&log, line) < 0 || log.n + log.n_skipped != 1)
        abort();
    if (log.n == 1 && (!path_list_is_path(log.at[0].path) || log.at[0].visitor == 0))
        abort();
    log_replay_free(&log);
    free(line);
}

/* Each part of the input that '\n' ends is a field Set-Cookie. */
static void check_cookies(const char *p)
{
    char jar[COOKIE_JAR] = "";
    size_t len;

    for (; *p; p += len + (p[len] == '\n')) {
        len = strcspn(p, "\n");
        cookie_jar_set(jar, (struct http_text){p, (uint32_t)len});
        if (strlen(jar) >= COOKIE_JAR)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_line(text);
    check_cookies(text);
    free(text);
    return 0;
}
