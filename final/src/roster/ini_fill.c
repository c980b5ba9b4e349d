/* The template is the file that the program itself has printed (make conf), so a program
 * that got a new key is configured completely by the next render, and a key that went
 * away is noticed: a setting that the template does not have is an error. */
#include "roster/ini_fill.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini_file.h"

static void add(struct ini_fill *f, bool optional, const char *section, const char *key,
                const char *fmt, va_list ap)
{
    struct ini_fill_setting *s;

    if (f->n == INI_FILL_MAX) {
        f->overflow = true;
        return;
    }
    s = &f->at[f->n++];
    s->section = section;
    s->key = key;
    s->optional = optional;
    s->used = false;
    if (vsnprintf(s->value, sizeof(s->value), fmt, ap) >= (int)sizeof(s->value))
        f->overflow = true;
}

void ini_fill_set(struct ini_fill *f, const char *section, const char *key,
                  const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(f, false, section, key, fmt, ap);
    va_end(ap);
}

void ini_fill_set_optional(struct ini_fill *f, const char *section, const char *key,
                           const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(f, true, section, key, fmt, ap);
    va_end(ap);
}

static struct ini_fill_setting *find(struct ini_fill *f, const char *section,
                                     const char *key)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (strcmp(f->at[i].section, section) == 0 && strcmp(f->at[i].key, key) == 0)
            return &f->at[i];
    return NULL;
}

/* "key = value" -> "key"; "[name]" -> the section.  Returns whether it is a key. */
static bool split(const char *line, char section[INI_FILE_LINE_MAX],
                  char key[INI_FILE_LINE_MAX])
{
    size_t len;

    line += strspn(line, " \t");
    if (*line == '[') {
        len = strcspn(line + 1, "]");
        memcpy(section, line + 1, len);
        section[len] = '\0';
        return false;
    }
    len = strcspn(line, "=:");
    if (strchr(";#", *line) || line[len] == '\0')
        return false; /* a comment, or an empty line */
    while (len > 0 && strchr(" \t", line[len - 1]))
        len--;
    memcpy(key, line, len);
    key[len] = '\0';
    return true;
}

static int fill_lines(struct ini_fill *f, const char *text, FILE *to)
{
    char line[INI_FILE_LINE_MAX], section[INI_FILE_LINE_MAX] = "";
    char key[INI_FILE_LINE_MAX];

    while (*text) {
        size_t len = strcspn(text, "\n");
        struct ini_fill_setting *s = NULL;

        if (len >= sizeof(line))
            return -E2BIG;
        memcpy(line, text, len);
        line[len] = '\0';
        if (split(line, section, key))
            s = find(f, section, key);
        if (s) {
            fprintf(to, "%s = %s\n", s->key, s->value);
            s->used = true;
        } else {
            fprintf(to, "%s\n", line);
        }
        text += len + (text[len] == '\n');
    }
    return 0;
}

int ini_fill_text(struct ini_fill *f, const char *text, char **out,
                  const struct ini_fill_setting **lacks)
{
    char *made = NULL;
    size_t len, i;
    FILE *to;
    int rc;

    if (f->overflow)
        return -E2BIG;
    to = open_memstream(&made, &len);
    if (!to)
        return -ENOMEM;
    rc = fill_lines(f, text, to);
    if (fclose(to) != 0 && rc == 0)
        rc = -ENOMEM;
    for (i = 0; i < f->n && rc == 0; i++) {
        if (f->at[i].used || f->at[i].optional)
            continue;
        *lacks = &f->at[i];
        rc = -ENOENT;
    }
    if (rc < 0) {
        free(made);
        return rc;
    }
    *out = made;
    return 0;
}
