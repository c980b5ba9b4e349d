/* The words of run are kept as one text and cut when a node is started; what replaces a
 * {name} is put in after that, so that it can never become two words or another {name}.
 * Rejected: a shell, in which a file that is wrong does something else, and which stands
 * between lars-slotd and the process that it watches. */
#include "slot/slot_modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/ini_file.h"
#include "net/probe.h"

#define RUN_MAX 2048
#define CHECK_MAX 100
#define BLANKS " \t"

struct module {
    struct module_id id;
    char run[RUN_MAX], check[CHECK_MAX];
};

struct slot_modules {
    unsigned n;
    struct module module[SLOT_MODULES_MAX];
};

struct reading {
    struct slot_modules *m;
    char err[CONF_ERR_MAX - 160];
};

static const char *const names[] = {"address", "port", "slot", "modid", "cmdid"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* --- the file ----------------------------------------------------------------------- */

static bool fail(struct reading *in, const char *what, const char *value)
{
    snprintf(in->err, sizeof(in->err), what, value);
    return false;
}

static struct module *module_of(const struct slot_modules *m, struct module_id id)
{
    unsigned i;

    for (i = 0; i < m->n; i++)
        if (m->module[i].id.modid == id.modid && m->module[i].id.cmdid == id.cmdid)
            return (struct module *)&m->module[i];
    return NULL;
}

/* "module 20/1".  Returns NULL with the sentence in in->err. */
static struct module *section(struct reading *in, const char *text)
{
    struct module_id id = {0};
    struct module *m;
    char extra;

    if (strncmp(text, "module ", 7) != 0 || text[7 + strspn(text + 7, "0123456789/")] ||
        sscanf(text + 7, "%9u/%9u%c", &id.modid, &id.cmdid, &extra) != 2 ||
        (id.modid | id.cmdid) == 0) {
        fail(in,
             "[%.80s] is not a section of a module; write [module MODID/CMDID], such "
             "as [module 20/1]",
             text);
        return NULL;
    }
    m = module_of(in->m, id);
    if (m)
        return m;
    if (in->m->n == SLOT_MODULES_MAX) {
        fail(in, "[%.80s] is module 257; a host has at most 256", text);
        return NULL;
    }
    m = &in->m->module[in->m->n++];
    m->id = id;
    return m;
}

/* The length of a {name} at <p>, braces and all, and its index; 0 = <p> has none. */
static size_t name_at(const char *p, size_t *which)
{
    size_t i, len;

    for (i = 0; p[0] == '{' && i < N_NAMES; i++) {
        len = strlen(names[i]);
        if (strncmp(p + 1, names[i], len) != 0 || p[1 + len] != '}')
            continue;
        *which = i;
        return len + 2;
    }
    return 0;
}

/* Is there a {word} that is none of the names? */
static bool has_unknown_name(const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    const char *p;
    size_t n, which;

    for (p = strchr(value, '{'); p; p = strchr(p + 1, '{')) {
        n = strspn(p + 1, letters);
        if (n > 0 && p[1 + n] == '}' && name_at(p, &which) == 0)
            return true;
    }
    return false;
}

static unsigned n_words(const char *text)
{
    unsigned n = 0;

    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        text += strcspn(text, BLANKS);
        n++;
    }
    return n;
}

static bool set_run(struct reading *in, struct module *m, const char *value)
{
    if (value[0] != '/')
        return fail(in,
                    "run = %.80s does not begin with the path of a program; write it "
                    "with all folders, such as /usr/sbin/showcase-node",
                    value);
    if (strpbrk(value, "\"'"))
        return fail(in,
                    "run has quotes, which have no meaning here%s; put a command "
                    "that needs them into a script, and run that",
                    "");
    if (has_unknown_name(value))
        return fail(in,
                    "run = %.120s has an unknown {name}; {address}, {port}, {slot}, "
                    "{modid} and {cmdid} are known",
                    value);
    if (n_words(value) > SLOT_MODULES_WORDS || strlen(value) >= RUN_MAX)
        return fail(in,
                    "run has more than 64 words or 2047 bytes%s; put the command "
                    "into a script, and run that",
                    "");
    memcpy(m->run, value, strlen(value) + 1);
    return true;
}

static bool set_check(struct reading *in, struct module *m, const char *value)
{
    if (value[0] && value[0] != '/' && strcmp(value, PROBE_ECHO) != 0)
        return fail(in,
                    "check = %.80s is no check; write the path of an HTTP request, "
                    "such as /healthz, or echo, or nothing for a TCP connection",
                    value);
    if (strlen(value) >= CHECK_MAX || strpbrk(value, BLANKS))
        return fail(in, "check = %.120s has blanks, or more than 99 bytes; remove them",
                    value);
    memcpy(m->check, value, strlen(value) + 1);
    return true;
}

static bool on_key(void *arg, const char *sec, const char *name, const char *value)
{
    struct reading *in = arg;
    struct module *m = section(in, sec);

    if (!m)
        return false;
    if (strcmp(name, "run") == 0)
        return set_run(in, m, value);
    if (strcmp(name, "check") == 0)
        return set_check(in, m, value);
    return fail(in, "%.80s is no key of a module; there are run and check", name);
}

/* Returns 0, or -EINVAL. */
static int check_all(const struct slot_modules *m, const char *path,
                     char err[CONF_ERR_MAX])
{
    unsigned i;

    for (i = 0; i < m->n; i++)
        if (!m->module[i].run[0]) {
            snprintf(err, CONF_ERR_MAX,
                     "%.150s: [module %u/%u] has no run; add the path of its program and "
                     "the arguments",
                     path, m->module[i].id.modid, m->module[i].id.cmdid);
            return -EINVAL;
        }
    return 0;
}

int slot_modules_create(struct slot_modules **out, const char *path,
                        char err[CONF_ERR_MAX])
{
    struct reading in = {.m = calloc(1, sizeof(*in.m))};
    FILE *f = in.m ? fopen(path, "re") : NULL;
    const char *why;
    int line, rc = in.m ? 0 : -ENOMEM;

    if (rc == 0 && !f)
        rc = -errno;
    if (rc < 0)
        snprintf(err, CONF_ERR_MAX,
                 "%.150s: cannot be read: %s; it is the file with the "
                 "modules, [slots] modules",
                 path, err_text(rc));
    if (f) {
        rc = ini_file_read(f, on_key, &in, &line, &why);
        if (rc < 0)
            snprintf(err, CONF_ERR_MAX, "%.150s:%d: %s", path, line,
                     why             ? why
                     : rc == -EINVAL ? in.err
                                     : err_text(rc));
        fclose(f);
    }
    if (rc == 0)
        rc = check_all(in.m, path, err);
    if (rc < 0)
        free(in.m);
    else
        *out = in.m;
    return rc;
}

void slot_modules_destroy(struct slot_modules *m)
{
    free(m);
}

unsigned slot_modules_n(const struct slot_modules *m)
{
    return m->n;
}

const char *slot_modules_check(const struct slot_modules *m, struct module_id id)
{
    const struct module *found = module_of(m, id);

    return found ? found->check : NULL;
}

/* --- the words ---------------------------------------------------------------------- */

/* Copies the word <from> of <len> bytes with its {name}s replaced.  Returns the bytes
 * that it takes with its 0 byte, or 0: there is no room. */
static size_t put_word(char *to, size_t size, const char *from, size_t len,
                       const struct slot_modules_place *at)
{
    const char *end = from + len;
    char value[N_NAMES][60];
    size_t n = 0, skip, which;

    snprintf(value[0], sizeof(value[0]), "%s", at->address);
    snprintf(value[1], sizeof(value[1]), "%u", at->port);
    snprintf(value[2], sizeof(value[2]), "%u", at->slot);
    snprintf(value[3], sizeof(value[3]), "%u", at->module.modid);
    snprintf(value[4], sizeof(value[4]), "%u", at->module.cmdid);
    while (from < end && n < size) {
        skip = name_at(from, &which);
        if (skip > 0)
            n += (size_t)snprintf(to + n, size - n, "%s", value[which]);
        else
            to[n++] = *from;
        from += skip > 0 ? skip : 1;
    }
    if (n >= size)
        return 0;
    to[n] = '\0';
    return n + 1;
}

int slot_modules_argv(const struct slot_modules *m, const struct slot_modules_place *at,
                      struct slot_modules_argv *out)
{
    const struct module *found = module_of(m, at->module);
    const char *p;
    size_t used = 0, n, len;
    unsigned i = 0;

    if (!found)
        return -ENOENT;
    for (p = found->run + strspn(found->run, BLANKS); *p; p += strspn(p, BLANKS)) {
        len = strcspn(p, BLANKS);
        n = put_word(out->text + used, sizeof(out->text) - used, p, len, at);
        if (n == 0 || i == SLOT_MODULES_WORDS)
            return -E2BIG;
        out->argv[i++] = out->text + used;
        used += n;
        p += len;
    }
    out->argv[i] = NULL;
    return 0;
}
