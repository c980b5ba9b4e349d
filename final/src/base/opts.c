/* The options are collected first and applied after the file, one by one, each as a line
 * of a configuration file: so the file may stand anywhere on the command line, an option
 * is checked by the same code as its key, and an error names the option.
 *
 * getopt_long() gets its tables from ours.  An option without a letter has as its value a
 * number above every letter (enum).  Rejected: argp, which prints help in a form of its
 * own and exits by itself. */
#include "base/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opts_help.h"
#include "base/version.h"

#define FLAGS_MAX 24                  /* options of a program, beside the common ones */
#define GIVEN_MAX 64                  /* options on one command line */
#define LINE_SIZE 700

enum { CHECK = 1000, PRINT, DESCRIBE };

struct given {
    const struct opts_flag *flag;
    const char *value;
};

struct args {
    const struct opts_program *p;
    const char *file;                 /* of -c; NULL = none */
    int show;                         /* 'h', 'V', CHECK, PRINT, DESCRIBE; 0 = run */
    struct given given[GIVEN_MAX];
    size_t n;
};

const char *const opts_no_files[] = {NULL};

static void make_tables(const struct opts_program *p, char *letters, struct option *names)
{
    static const struct option common[] = {
        {"help", 0, NULL, 'h'},           {"version", 0, NULL, 'V'},
        {"describe", 0, NULL, DESCRIBE},  {"config", 1, NULL, 'c'},
        {"check-config", 0, NULL, CHECK}, {"print-config", 0, NULL, PRINT}};
    size_t i, n_common = p->files ? 6 : 3;
    const struct opts_flag *f;

    if (p->stop_at_operand)
        *letters++ = '+';
    *letters++ = ':'; /* a missing argument is ':', not '?' */
    *letters++ = 'h';
    *letters++ = 'V';
    if (p->files) {
        *letters++ = 'c';
        *letters++ = ':';
    }
    for (i = 0; i < n_common; i++)
        *names++ = common[i];
    for (f = p->flags, i = 0; f->letter && i < FLAGS_MAX; f++, i++) {
        *letters++ = f->letter;
        if (f->arg)
            *letters++ = ':';
        *names++ = (struct option){f->name, f->arg != NULL, NULL, f->letter};
    }
    *letters = '\0';
    *names = (struct option){0};
}

/* Returns 0, or -EINVAL with a sentence in <err>. */
static int take(struct args *a, int opt, char *err)
{
    const struct opts_flag *f = a->p->flags;

    if (opt == 'c' && a->p->files) {
        a->file = optarg;
        return 0;
    }
    if (opt == 'h' || opt == 'V' || opt >= CHECK) {
        a->show = opt;
        return 0;
    }
    while (f->letter && f->letter != opt)
        f++;
    if (a->n == GIVEN_MAX || !f->letter) {
        snprintf(err, CONF_ERR_MAX, "there are more than %d options", GIVEN_MAX);
        return -EINVAL;
    }
    a->given[a->n++] = (struct given){f, f->arg ? optarg : f->value};
    return 0;
}

/* getopt_long() has refused an option: name it.  Returns -EINVAL. */
static int refuse(const struct opts_program *p, int opt, char **argv, char *err)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *word = argv[optind - 1];

    if (optopt > 0 && optopt < CHECK && strncmp(word, "--", 2) != 0)
        word = letter;
    snprintf(err, CONF_ERR_MAX, "%.80s: %s; see %s --help", word,
             opt == ':'                        ? "this option needs an argument"
             : optopt > 0 && strchr(word, '=') ? "this option takes no argument"
                                               : "there is no such option",
             p->name);
    return -EINVAL;
}

static int parse(struct args *a, int argc, char **argv, char *err)
{
    char letters[2 * FLAGS_MAX + 8];
    struct option names[FLAGS_MAX + 7];
    int opt, n, rc = 0;

    make_tables(a->p, letters, names);
    opterr = 0;                       /* we print the one message */
    optind = 0; /* glibc: start anew, a test calls this repeatedly */
    while (rc == 0 && (opt = getopt_long(argc, argv, letters, names, NULL)) != -1)
        rc = opt == '?' || opt == ':' ? refuse(a->p, opt, argv, err) : take(a, opt, err);
    n = argc - optind;
    if (rc < 0 || a->show || (n >= a->p->min && (a->p->max < 0 || n <= a->p->max)))
        return rc;
    if (n > a->p->max && a->p->max == 0)
        snprintf(err, CONF_ERR_MAX, "%.80s: unexpected argument; see %s --help",
                 argv[optind], a->p->name);
    else
        snprintf(err, CONF_ERR_MAX,
                 "the arguments are %s, and %d were given; see %s --help", a->p->operands,
                 n, a->p->name);
    return -EINVAL;
}

/* A line of a configuration file can hold <value>: it has neither a line end nor what
 * begins a comment there. */
static bool fits_line(const char *value)
{
    return !strpbrk(value, "\r\n") && *value != ';' && !strstr(value, " ;") &&
           !strstr(value, "\t;");
}

static int apply(const struct args *a, void *values, char *err)
{
    char line[LINE_SIZE], why[CONF_ERR_MAX];
    const char *text;
    size_t i;
    int rc = 0;

    for (i = 0; i < a->n && rc == 0; i++) {
        const struct opts_flag *f = a->given[i].flag;
        const char *section = f->section ? f->section : "";

        if (f->given)
            *f->given = true;
        if (!f->key)
            continue;
        rc = snprintf(line, sizeof(line), "%s%s%s%s = %s\n", *section ? "[" : "", section,
                      *section ? "]\n" : "", f->key, a->given[i].value);
        if (rc >= LINE_SIZE || !fits_line(a->given[i].value)) {
            snprintf(err, CONF_ERR_MAX,
                     "-%c: its argument is too long, has a line end, or has a ; after a "
                     "blank",
                     f->letter);
            return -EINVAL;
        }
        rc = conf_load_text(a->p->keys, values, line, "", why);
        if (rc == 0)
            continue;
        text = strstr(why, ": ");     /* behind the number of the line */
        text = text ? text + 2 : why;
        text += strncmp(text, "[] ", 3) == 0 ? 3 : 0;
        snprintf(err, CONF_ERR_MAX, "option -%c: %.380s", f->letter, text);
    }
    return rc;
}

/* The file of -c, or the first there is of those to try; NULL = none. */
static const char *choose_file(const struct args *a)
{
    const char *const *f = a->p->files;

    if (a->file || !f)
        return a->file;
    for (; *f; f++) {
        const char *path = **f == '$' ? getenv(*f + 1) : *f;

        if (path && (**f == '$' || access(path, F_OK) == 0))
            return path;
    }
    return NULL;
}

static int print(const struct args *a, const void *values, const char *file)
{
    if (a->show == 'h')
        opts_help_print(a->p, stdout);
    else if (a->show == 'V')
        printf("%s %s\n", a->p->name, LARS_VERSION);
    else if (a->show == DESCRIBE)
        opts_help_describe(a->p, stdout);
    else if (a->show == PRINT)
        conf_print(a->p->keys, values, stdout);
    else
        printf("%s: ok\n", file ? file : "options");
    return 1;
}

int opts_read(const struct opts_program *p, int argc, char **argv, void *values,
              char err[CONF_ERR_MAX])
{
    struct args a = {.p = p};
    const char *file;
    int rc;

    conf_preset(p->keys, values);
    rc = parse(&a, argc, argv, err);
    if (rc < 0)
        return rc;
    if (a.show == 'h' || a.show == 'V' || a.show == DESCRIBE)
        return print(&a, values, NULL);
    file = choose_file(&a);
    if (file)
        rc = conf_load(p->keys, values, file, err);
    if (rc == 0)
        rc = apply(&a, values, err);
    if (rc == 0 && p->check)
        rc = p->check(values, err);
    if (rc == 0 && a.show == CHECK && p->try_start)
        rc = p->try_start(values, err);
    return rc < 0 || !a.show ? rc : print(&a, values, file);
}

int opts_main(const struct opts_program *p, int argc, char **argv, void *values)
{
    char err[CONF_ERR_MAX];
    int rc = opts_read(p, argc, argv, values, err);

    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", p->name, err);
        return 2;
    }
    if (rc > 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        fprintf(stderr, "%s: cannot write to standard output\n", p->name);
        return 1;
    }
    return rc == 0 ? OPTS_RUN : 0;
}

int opts_operand_u32(const struct opts_program *p, const char *name, const char *text,
                     uint32_t max, uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v > max) {
        fprintf(stderr, "%s: %s: \"%.60s\" is not a number from 0 to %u; see %s --help\n",
                p->name, name, text, max, p->name);
        return 2;
    }
    *out = (uint32_t)v;
    return 0;
}
