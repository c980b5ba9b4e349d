/* Keys are few and are compared one by one: pages are written when an edition is
 * published, and results of a search have a dozen texts.
 *
 * Invariant: each key has a text in each language, so a page never lacks a word.
 * Rejected: gettext, whose compiled files an operator could not edit. */
#include "site/site_texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX 262144
#define KEYS_MAX 200u

static const char *const files[CATALOGUE_LANGUAGES] = {"texts.zh", "texts.en"};

struct site_texts {
    char *file[CATALOGUE_LANGUAGES]; /* what the pairs point into */
    struct {
        const char *key, *text;
    } at[CATALOGUE_LANGUAGES][KEYS_MAX];
    size_t n[CATALOGUE_LANGUAGES];
};

int site_texts_read_file(const char *dir, const char *file, char **out, size_t *len,
                         char err[SITE_TEXTS_ERROR_MAX])
{
    char path[300];
    struct stat st;
    ssize_t n = -1;
    int fd, rc = 0;

    snprintf(path, sizeof(path), "%.200s/%.80s", dir, file);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
        rc = -EFBIG;
    *out = rc == 0 ? calloc(1, (size_t)st.st_size + 1) : NULL;
    if (*out)
        n = read(fd, *out, (size_t)st.st_size);
    if (rc == 0 && (!*out || n != st.st_size))
        rc = *out ? -EIO : -ENOMEM;
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        free(*out);
        *out = NULL;
        snprintf(err, SITE_TEXTS_ERROR_MAX,
                 "%.200s cannot be read: %s; set [site] pages to the folder of the pages",
                 path, strerror(-rc));
        return rc;
    }
    *len = (size_t)n;
    return 0;
}

static int wrong(char *err, const char *dir, size_t lang, size_t line, const char *what)
{
    snprintf(err, SITE_TEXTS_ERROR_MAX, "%.150s/%s, line %zu: %s", dir, files[lang], line,
             what);
    return -EINVAL;
}

static char *trim(char *text)
{
    size_t n;

    text += strspn(text, " ");
    n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\r'))
        text[--n] = '\0';
    return text;
}

static int parse(struct site_texts *t, size_t lang, const char *dir, char *err)
{
    char *line = t->file[lang], *next;
    size_t number = 1;

    for (; line; line = next, number++) {
        char *equals;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line = trim(line);
        if (line[0] == '\0' || line[0] == '#')
            continue;
        equals = strchr(line, '=');
        if (!equals)
            return wrong(err, dir, lang, number, "write KEY = TEXT");
        if (t->n[lang] == KEYS_MAX)
            return wrong(err, dir, lang, number, "there are too many texts");
        *equals = '\0';
        t->at[lang][t->n[lang]].key = trim(line);
        t->at[lang][t->n[lang]++].text = trim(equals + 1);
    }
    return 0;
}

/* The first key of one language that another one lacks. */
static int compare(const struct site_texts *t, const char *dir, char *err)
{
    size_t lang, i;

    for (lang = 0; lang < CATALOGUE_LANGUAGES; lang++)
        for (i = 0; i < t->n[lang]; i++) {
            if (site_texts_get(t, lang ? CATALOGUE_ZH : CATALOGUE_EN, t->at[lang][i].key))
                continue;
            snprintf(err, SITE_TEXTS_ERROR_MAX, "%.150s/%s lacks the text \"%.50s\"", dir,
                     files[!lang], t->at[lang][i].key);
            return -EINVAL;
        }
    return 0;
}

int site_texts_load(struct site_texts **out, const char *dir,
                    char err[SITE_TEXTS_ERROR_MAX])
{
    struct site_texts *t = calloc(1, sizeof(*t));
    size_t lang, len;
    int rc = t ? 0 : -ENOMEM;

    if (!t)
        snprintf(err, SITE_TEXTS_ERROR_MAX, "out of memory");
    for (lang = 0; rc == 0 && lang < CATALOGUE_LANGUAGES; lang++) {
        rc = site_texts_read_file(dir, files[lang], &t->file[lang], &len, err);
        if (rc == 0)
            rc = parse(t, lang, dir, err);
    }
    if (rc == 0)
        rc = compare(t, dir, err);
    if (rc < 0)
        site_texts_destroy(t);
    else
        *out = t;
    return rc;
}

void site_texts_destroy(struct site_texts *t)
{
    size_t i;

    for (i = 0; t && i < CATALOGUE_LANGUAGES; i++)
        free(t->file[i]);
    free(t);
}

const char *site_texts_get(const struct site_texts *t, enum catalogue_language lang,
                           const char *key)
{
    size_t i;

    for (i = 0; i < t->n[lang]; i++)
        if (strcmp(t->at[lang][i].key, key) == 0)
            return t->at[lang][i].text;
    return NULL;
}
