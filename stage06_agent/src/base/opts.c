/* Each option is written as a line of a configuration file into a text, which
 * conf_load_text() reads after the file.  So an option passes the same checks as a key
 * and gives the same error messages, and it overrides the file wherever it stands on the
 * command line.
 * Invariant: no option is stored in <values> except through the table of keys.
 * Rejected: parsing options into variables, because then each limit and each message
 * would exist twice. */
#include "base/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 40
#define TEXT_MAX 1000                 /* length of all options as lines */

struct args {
    const char *file;                 /* -c; NULL = none */
    int show;                         /* 'C' or 'P': --check-config or --print-config */
    char text[TEXT_MAX];              /* the options as lines of a file */
    size_t len;
};

static const struct option longs[] = {{"check-config", 0, NULL, 'C'},
                                      {"print-config", 0, NULL, 'P'},
                                      {0}};

/* Build the string of option letters for getopt_long(). */
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

/* Record one option.  Returns false when it is unknown or the text is full. */
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
    opterr = 0;                       /* getopt_long() prints no message of its own */
    optind = 0;                       /* 0 makes glibc scan from the start */
    while (rc == 0 && (opt = getopt_long(argc, argv, letters, longs, NULL)) != -1)
        rc = take(&a, flags, opt) ? 0 : -EINVAL;
    if (rc < 0 || optind < argc) {
        snprintf(err, CONF_ERR_MAX, "%.80s: unknown option, or its argument is missing",
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
