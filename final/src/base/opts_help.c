/* Both outputs walk the same rows in the same order; only how a row is written differs. A
 * default is shown where the preset of the key says something that a reader needs: an
 * empty text has none. */
#include "base/opts_help.h"

#include <string.h>

#include "base/version.h"

#define COLUMNS 80
#define TEXT_AT 26                    /* column where the texts of options begin */

static const struct opts_flag file_flag = {
    'c', "config", "FILE", NULL, NULL, NULL, "Read the configuration from this file."};

/* Options without a letter, or whose letter is common to all programs. */
static const struct {
    const char *letter, *name, *help;
    bool with_file;                   /* only for a program that has a configuration */
} common[] = {
    {"", "check-config", "Check the configuration and the options, and exit.", true},
    {"", "print-config",
     "Print the configuration in force as a complete, commented file, and exit.", true},
    {"-h", "help", "Print this help and exit.", false},
    {"-V", "version", "Print the name and the version of the program and exit.", false}};

#define N_COMMON (sizeof(common) / sizeof(common[0]))

void opts_help_wrap(FILE *to, const char *text, size_t at, size_t indent)
{
    size_t col = at;

    while (*text) {
        size_t word = strcspn(text, " \n"), used = col > indent ? col + 1 : indent;

        if (col > indent && used + word > COLUMNS) {
            fputc('\n', to);
            col = 0;
            used = indent;
        }
        fprintf(to, "%*s%.*s", (int)(used - col), "", (int)word, text);
        col = used + word;
        text += word;
        text += strspn(text, " \n");
    }
    fputc('\n', to);
}

static const struct conf_key *key_of(const struct opts_program *p,
                                     const struct opts_flag *f)
{
    const struct conf_key *k = p->keys;

    while (f->key && k->section &&
           (strcmp(k->section, f->section ? f->section : "") != 0 ||
            strcmp(k->name, f->key) != 0))
        k++;
    return f->key && k->section ? k : NULL;
}

/* The default of an option with an argument; "" = none. */
static const char *default_of(const struct opts_program *p, const struct opts_flag *f)
{
    const struct conf_key *k = f->arg ? key_of(p, f) : NULL;

    return k && k->preset ? k->preset : "";
}

static const char *help_of(const struct opts_program *p, const struct opts_flag *f)
{
    const struct conf_key *k = key_of(p, f);

    if (f->help)
        return f->help;
    return k ? k->help : "";
}

static void print_option(const char *letter, const char *name, const char *arg,
                         const char *text, FILE *to)
{
    char head[80];
    int n = snprintf(head, sizeof(head), "  %2s%s --%s%s%s", letter, *letter ? "," : " ",
                     name, *arg ? " " : "", arg);

    fputs(head, to);
    if (n >= TEXT_AT)
        fputc('\n', to);
    opts_help_wrap(to, text, n >= TEXT_AT ? 0 : (size_t)n, TEXT_AT);
}

static void print_flag(const struct opts_program *p, const struct opts_flag *f, FILE *to)
{
    const char *preset = default_of(p, f);
    char letter[3] = {'-', f->letter, '\0'}, text[600];

    snprintf(text, sizeof(text), "%s%s%s%s", help_of(p, f),
             *preset ? " The default is " : "", preset, *preset ? "." : "");
    print_option(letter, f->name, f->arg ? f->arg : "", text, to);
}

static void print_options(const struct opts_program *p, FILE *to)
{
    const struct opts_flag *f;
    size_t i;

    fputs("\nOptions:\n", to);
    if (p->files)
        print_flag(p, &file_flag, to);
    for (f = p->flags; f->letter; f++)
        print_flag(p, f, to);
    for (i = 0; i < N_COMMON; i++)
        if (p->files || !common[i].with_file)
            print_option(common[i].letter, common[i].name, "", common[i].help, to);
}

/* Calls <fn> with each line of <text>, without its line end. */
static void each_line(const char *text, void (*fn)(const char *line, int len, FILE *to),
                      FILE *to)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");

        fn(text, (int)n, to);
        text += n;
        text += *text == '\n';
    }
}

static void print_paragraph(const char *line, int len, FILE *to)
{
    char text[1000];

    snprintf(text, sizeof(text), "%.*s", len, line);
    fputc('\n', to);
    opts_help_wrap(to, text, 0, 0);
}

static void print_exit(const char *line, int len, FILE *to)
{
    char text[300];

    snprintf(text, sizeof(text), "%.*s", len, line);
    opts_help_wrap(to, text, 0, 2);
}

void opts_help_print(const struct opts_program *p, FILE *to)
{
    const char *const *f;
    char text[400];

    fprintf(to, "Usage: %s [OPTION]...%s%s\n", p->name, *p->operands ? " " : "",
            p->operands);
    snprintf(text, sizeof(text), "%s - %s.", p->name, p->summary);
    opts_help_wrap(to, text, 0, 0);
    each_line(p->about, print_paragraph, to);
    print_options(p, to);
    if (p->more)
        p->more(to, false);
    if (p->files && *p->files) {
        fputs("\nWithout -c the first of these files that exists is read:\n", to);
        for (f = p->files; *f; f++)
            fprintf(to, "  %s\n", *f);
    }
    fputs("\nExit status:\n", to);
    each_line(p->exits, print_exit, to);
}

/* --- as lines of words ------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);

    return n >= k && strcmp(s + n - k, end) == 0;
}

static const char *unit_of(const struct conf_key *k)
{
    if (k->type != CONF_U32)
        return "";
    if (ends_with(k->name, "_ms"))
        return "ms";
    if (ends_with(k->name, "_s") || ends_with(k->name, "_timeout") ||
        strcmp(k->name, "seconds") == 0)
        return "s";
    return ends_with(k->name, "_percent") ? "percent" : "";
}

static void describe_key(const struct conf_key *k, FILE *to)
{
    fprintf(to, "config\t%s\t%s\t", k->section, k->name);
    if (k->type == CONF_TEXT)
        fprintf(to, "text\t0\t%u", k->max - 1);
    else if (k->type == CONF_RATE)
        fprintf(to, "rate\t%u.%03u\t%u.%03u", k->min / 1000, k->min % 1000, k->max / 1000,
                k->max % 1000);
    else
        fprintf(to, "number\t%u\t%u", k->min, k->max);
    fprintf(to, "\t%s\t%s\t%s\n", k->preset, unit_of(k), k->help);
}

static void describe_paragraph(const char *line, int len, FILE *to)
{
    fprintf(to, "about\t%.*s\n", len, line);
}

static void describe_exit(const char *line, int len, FILE *to)
{
    int n = (int)strcspn(line, " ");

    fprintf(to, "exit\t%.*s\t%.*s\n", n, line, len - n - 1, line + n + 1);
}

static void describe_flag(const struct opts_program *p, const struct opts_flag *f,
                          FILE *to)
{
    fprintf(to, "option\t-%c\t--%s\t%s\t%s\t%s\n", f->letter, f->name,
            f->arg ? f->arg : "", default_of(p, f), help_of(p, f));
}

void opts_help_describe(const struct opts_program *p, FILE *to)
{
    const struct opts_flag *f;
    const struct conf_key *k;
    const char *const *file;
    size_t i;

    fprintf(to, "program\t%s\t%s\t%s\t%s\n", p->name, LARS_VERSION, p->summary,
            p->operands);
    each_line(p->about, describe_paragraph, to);
    if (p->files)
        describe_flag(p, &file_flag, to);
    for (f = p->flags; f->letter; f++)
        describe_flag(p, f, to);
    for (i = 0; i < N_COMMON; i++)
        if (p->files || !common[i].with_file)
            fprintf(to, "option\t%s\t--%s\t\t\t%s\n", common[i].letter, common[i].name,
                    common[i].help);
    for (file = p->files; file && *file; file++)
        fprintf(to, "file\t%s\n", *file);
    for (k = p->keys; p->files && k->section; k++)
        if (k->preset)
            describe_key(k, to);
    if (p->more)
        p->more(to, true);
    each_line(p->exits, describe_exit, to);
}
