#include "db/alarm_kinds.h"

#include <string.h>

#define KIND(name, raise, clear, en, en_steps, zh, zh_steps)                             \
    {name, raise, clear, {en, zh}, {en_steps, zh_steps}},

static const struct alarm_kind kinds[] = {
#include "db/alarm_texts.inc"
};

const struct alarm_kind *alarm_kinds_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}

const struct alarm_kind *alarm_kinds_find(const char *name)
{
    const struct alarm_kind *k;
    size_t i;

    for (i = 0; (k = alarm_kinds_at(i)); i++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}
