/* One table has the words with their type and bounds. */
#include "ctl/capacity_words.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum type { TEXT, NUMBER, MS, REAL };

#define AT(field) offsetof(struct capacity_words, field)
static const struct word {
    const char *key;
    enum type type;
    bool set, measure; /* which command has it */
    size_t at;
    uint32_t min, max;
} words[] = {
    {"node", TEXT, false, true, AT(node), 0, 0},
    {"path", TEXT, false, true, AT(path), 0, 0},
    {"paths", TEXT, false, true, AT(paths), 0, 0},
    {"host", TEXT, false, true, AT(host), 0, 0},
    {"guard", TEXT, false, true, AT(guard), 0, 0},
    {"arrivals", TEXT, false, true, AT(arrivals), 0, 0},
    {"class", TEXT, true, true, AT(class), 0, 0},
    {"build", TEXT, true, true, AT(build), 0, 0},
    {"p99", MS, true, true, AT(p99_ms), 1, 3600000},
    {"target", MS, true, false, AT(target_ms), 1, 3600000},
    {"rps", REAL, true, false, AT(rps), 0, 10000000},
    {"inflight", REAL, true, false, AT(inflight), 0, 1000000},
    {"from", NUMBER, false, true, AT(from), 1, 100000},
    {"to", NUMBER, false, true, AT(to), 1, 100000},
    {"step_s", NUMBER, false, true, AT(step_s), 1, 600},
    {"settle_s", NUMBER, false, true, AT(settle_s), 0, 599},
    {"confirm_s", NUMBER, false, true, AT(confirm_s), 1, 3600},
    {"connections", NUMBER, false, true, AT(connections), 1, 20000},
    {"seed", NUMBER, false, true, AT(seed), 0, UINT32_MAX},
};

static const struct word *find(const char *key, size_t len, bool set)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].key) == len && memcmp(words[i].key, key, len) == 0 &&
            (set ? words[i].set : words[i].measure))
            return &words[i];
    return NULL;
}

static int take_number(const struct word *w, const char *value, void *to)
{
    char copy[20];
    size_t len = strlen(value);

    if (w->type == MS && len > 2 && len < sizeof(copy) &&
        strcmp(value + len - 2, "ms") == 0)
        len -= 2;
    if (len >= sizeof(copy))
        len = sizeof(copy) - 1;
    memcpy(copy, value, len);
    copy[len] = '\0';
    return ctl_range(copy, w->key, w->min, w->max, to);
}

static int take_real(const struct word *w, const char *value, void *to)
{
    char *end;
    double n = strtod(value, &end);

    if (end == value || *end || !(n > 0) || !(n <= w->max))
        return ctl_say(CTL_USAGE, "%s: \"%.40s\" is not a number above 0 and at most %u",
                       w->key, value, w->max);
    memcpy(to, &n, sizeof(n));
    return 0;
}

static int take(struct capacity_words *out, const struct word *w, const char *value)
{
    void *to = (char *)out + w->at;

    if (w->type == REAL)
        return take_real(w, value, to);
    if (w->type != TEXT)
        return take_number(w, value, to);
    memcpy(to, &value, sizeof(value));
    return 0;
}

/* The word argv[*i]; moves *i to the last one that was used. */
static int read_word(struct capacity_words *out, bool set, int argc, char **argv, int *i)
{
    const char *text = argv[*i], *value;
    const struct word *w;
    bool dashes = strncmp(text, "--", 2) == 0;
    size_t len;

    text += dashes ? 2 : 0;
    len = strcspn(text, "=");
    w = find(text, len, set);
    if (!w)
        return ctl_say(CTL_USAGE,
                       "\"%.60s\" is no KEY=VALUE of this command; see larsctl "
                       "help capacity",
                       argv[*i]);
    value = text[len] == '=' ? text + len + 1 : NULL;
    if (!value && dashes && *i + 1 < argc)
        value = argv[++*i];
    return value ? take(out, w, value)
                 : ctl_say(CTL_USAGE, "%s has no value; write %s=VALUE", w->key, w->key);
}

int capacity_words_read(struct capacity_words *out, bool set, int argc, char **argv)
{
    int i, rc = 0;

    *out = (struct capacity_words){.path = "/",
                                   .host = "",
                                   .build = "",
                                   .arrivals = "poisson",
                                   .from = 20,
                                   .to = 20000,
                                   .step_s = 5,
                                   .settle_s = 1,
                                   .confirm_s = 30,
                                   .connections = 1024,
                                   .seed = 1};
    for (i = 0; i < argc && rc == 0; i++)
        rc = read_word(out, set, argc, argv, &i);
    return rc;
}
