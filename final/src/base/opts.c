#include "base/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 40
#define TEXT_MAX 1000                 /* of all options together */

struct args {
    const char *file;                 /* -c; NULL = none */
    int show;                         /* 'C' or 'P' when asked for, else 0 */
    char text[TEXT_MAX];              /* the options as lines of a file */
    size_t len;
};

static const struct option longs[] = {{"check-config", 0, NULL, 'C'},
                                      {"print-config", 0, NULL, 'P'},
                                      {0}};

static void spell(const struct opts_flag *f, char *letters)
{
    char *p = letters;

    *p++ = 'c';
    *p++ = ':';
    for (; f->letter && p < letters + LETTERS - 3; f++) {
        *p++ = f->letter;
        if (!f->value)
            *p++ = ':';
    }
    *p = '\0';
}

/* Returns false when nobody knows this option, or there are too many. */
static bool take(struct args *a, const struct opts_flag *f, int opt)
{
    int n;

    if (opt == 'C' || opt == 'P')
        a->show = opt;
    if (opt == 'c')
        a->file = optarg;
    if (opt == 'C' || opt == 'P' || opt == 'c')
        return true;
    while (f->letter && f->letter != opt)
        f++;
    if (!f->letter)
        return false;
    n = snprintf(a->text + a->len, TEXT_MAX - a->len, "[%s]\n%s = %s\n", f->section,
                 f->name, f->value ? f->value : optarg);
    if (n < 0 || (size_t)n >= TEXT_MAX - a->len)
        return false;
    a->len += (size_t)n;
    return true;
}

int opts_read(int argc, char **argv, const struct opts_flag *flags,
              const struct conf_key *keys, void *values, char err[CONF_ERR_MAX])
{
    struct args a = {0};
    char letters[LETTERS];
    int opt, rc = 0;

    spell(flags, letters);
    conf_preset(keys, values);
    opterr = 0;                       /* one message, ours */
    optind = 0;                       /* start again: glibc's way */
    while (rc == 0 && (opt = getopt_long(argc, argv, letters, longs, NULL)) != -1)
        rc = take(&a, flags, opt) ? 0 : -EINVAL;
    if (rc < 0 || optind < argc) {
        snprintf(err, CONF_ERR_MAX, "%.80s: unknown option, or no argument to it",
                 argv[rc < 0 ? optind - 1 : optind]);
        return -EINVAL;
    }
    if (a.file)
        rc = conf_load(keys, values, a.file, err);
    if (rc == 0)
        rc = conf_load_text(keys, values, a.text, "option", err);
    if (rc < 0 || !a.show)
        return rc;
    if (a.show == 'P')
        conf_print(keys, values, stdout);
    else
        printf("%s: ok\n", a.file ? a.file : "options");
    return 1;
}
