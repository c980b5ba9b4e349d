/* A line for the fence and one for each order, of which the last is "end", so that a file
 * that was cut is not taken for one with fewer orders. */
#include "slot/orders_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/new_file.h"

#define LINE_MAX_LEN 48

static bool is_new_slot(const struct orders_file *o, uint32_t slot)
{
    size_t i;

    for (i = 0; i < o->n; i++)
        if (o->order[i].slot == slot)
            return false;
    return slot >= 1 && slot <= SLOT_MAX;
}

static int read_orders(struct orders_file *out, FILE *f)
{
    struct slot_order *o;
    unsigned long long fence;

    if (fscanf(f, "fence %llu\n", &fence) != 1)
        return -EINVAL;
    out->fence = fence;
    while (out->n < SLOT_MAX) {
        o = &out->order[out->n];
        if (fscanf(f, "slot %u module %u/%u\n", &o->slot, &o->modid, &o->cmdid) != 3)
            break;
        if (!is_new_slot(out, o->slot) || (o->modid | o->cmdid) == 0)
            return -EINVAL;
        out->n++;
    }
    return 0;
}

int orders_file_load(struct orders_file *out, const char *path)
{
    FILE *f = fopen(path, "re");
    char end[4] = "";
    int rc;

    memset(out, 0, sizeof(*out));
    if (!f)
        return errno == ENOENT ? 0 : -errno;
    rc = read_orders(out, f);
    if (rc == 0 && (fscanf(f, "%3s", end) != 1 || strcmp(end, "end") != 0))
        rc = -EINVAL;
    fclose(f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

int orders_file_save(const struct orders_file *o, const char *path)
{
    char text[(SLOT_MAX + 2) * LINE_MAX_LEN], beside[PATH_MAX];
    struct new_file_part part = {text, 0};
    size_t i;
    int rc;

    part.len = (size_t)snprintf(text, LINE_MAX_LEN, "fence %llu\n",
                                (unsigned long long)o->fence);
    for (i = 0; i < o->n; i++)
        part.len +=
            (size_t)snprintf(text + part.len, LINE_MAX_LEN, "slot %u module %u/%u\n",
                             o->order[i].slot, o->order[i].modid, o->order[i].cmdid);
    part.len += (size_t)snprintf(text + part.len, LINE_MAX_LEN, "end\n");
    rc = new_file_write(beside, path, 0640, &part, 1);
    return rc < 0 ? rc : new_file_use(beside, path);
}
