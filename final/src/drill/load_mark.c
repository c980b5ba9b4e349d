#include "drill/load_mark.h"

#include <stdio.h>

void load_mark_renew(struct load_mark *m, uint64_t now_s)
{
    char mark[DRILL_MARK_LEN + 1];

    if (!m->keys || now_s < m->renew_s)
        return;
    drill_mark_make(m->keys, now_s, mark);
    snprintf(m->fields, sizeof(m->fields), DRILL_MARK_FIELD ": %s\r\n", mark);
    m->renew_s = now_s + DRILL_MARK_LIFE_S / 2;
}

int load_mark_init(struct load_mark *m, const char *key_file, uint64_t now_s,
                   char err[CONF_ERR_MAX])
{
    int rc;

    *m = (struct load_mark){0};
    if (!key_file || !key_file[0])
        return 0;
    rc = fleet_keys_create(&m->keys, key_file, "[gateways] key_file", err);
    load_mark_renew(m, now_s);
    return rc;
}

void load_mark_fini(struct load_mark *m)
{
    fleet_keys_destroy(m->keys);
    m->keys = NULL;
}
