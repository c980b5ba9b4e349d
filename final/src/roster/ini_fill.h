/* ini_fill -- a complete configuration file with some of its values changed.  The
 * template has every key of the program with its explanation, so the result does, too.
 * Thread: any. */
#ifndef LARS_ROSTER_INI_FILL_H
#define LARS_ROSTER_INI_FILL_H

#include <stdbool.h>
#include <stddef.h>

#define INI_FILL_MAX 32 /* settings of a file */
#define INI_FILL_VALUE 1400 /* bytes of a value with its final 0 */

struct ini_fill_setting {
    const char *section, *key; /* static texts */
    bool optional; /* left out when the template has no such key */
    bool used;
    char value[INI_FILL_VALUE];
};

struct ini_fill {
    size_t n;
    bool overflow; /* a setting had no room, or a value was cut */
    struct ini_fill_setting at[INI_FILL_MAX];
};

void ini_fill_set(struct ini_fill *f, const char *section, const char *key,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void ini_fill_set_optional(struct ini_fill *f, const char *section, const char *key,
                           const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* <text> with the settings of <f>.  The caller frees *out.  Returns 0; -ENOENT: the
 * template lacks a key, and *lacks is that setting; -E2BIG: overflow, or a line is too
 * long; -ENOMEM. */
int ini_fill_text(struct ini_fill *f, const char *text, char **out,
                  const struct ini_fill_setting **lacks);

#endif
