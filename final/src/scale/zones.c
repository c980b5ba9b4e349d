/* A zone is as young as the host that was heard last.  A zone that is lost counts no
 * more, so what the others need grows; when it comes back, what they need shrinks, and
 * the nodes of the others stay until it has proved itself.
 *
 * Rejected: a list of zones in the configuration.  Hosts say where they are, and two
 * lists would differ one day. */
#include "scale/zones.h"

#include <stdio.h>
#include <string.h>

#include "scale/node_life.h"

static struct zone_view *view_of(struct zones *z, const char *name)
{
    size_t i;

    for (i = 0; i < z->n; i++)
        if (strcmp(z->at[i].name, name) == 0)
            return &z->at[i];
    if (z->n == ZONES_MAX)
        return NULL;
    z->at[z->n] = (struct zone_view){.suspect = true};
    snprintf(z->at[z->n].name, SNAPSHOT_ZONE, "%s", name);
    return &z->at[z->n++];
}

static struct zone_memory *memory_of(struct zones *z, const char *name)
{
    size_t i;

    for (i = 0; i < z->n_memory; i++)
        if (strcmp(z->memory[i].name, name) == 0)
            return &z->memory[i];
    if (z->n_memory == ZONES_MAX)
        return NULL;
    z->memory[z->n_memory] = (struct zone_memory){.lost = false};
    snprintf(z->memory[z->n_memory].name, SNAPSHOT_ZONE, "%s", name);
    return &z->memory[z->n_memory++];
}

static void look_at_host(struct zones *z, const struct snapshot_host *h)
{
    struct zone_view *v = view_of(z, h->zone);

    if (!v || h->age_ms >= NODE_LIFE_LOST_MS)
        return;
    if (!h->in_use || h->slots == 0) {
        v->emptied = true;
        return;
    }
    v->usable = true;
    if (h->age_ms <= NODE_LIFE_FRESH_MS)
        v->suspect = false;
}

static bool is_out(const struct snapshot *s, const char *name)
{
    size_t i = 0;

    while (i < s->n_zone_out && strcmp(s->zone_out[i].name, name) != 0)
        i++;
    return i < s->n_zone_out;
}

static void remember(struct zones *z, struct zone_view *v, uint64_t now_ms,
                     uint64_t hold_ms)
{
    struct zone_memory *m = memory_of(z, v->name);

    if (!m)
        return;
    if (m->lost && v->usable)
        m->back_ms = now_ms;
    m->lost = !v->usable && !v->emptied && !v->is_out;
    if (v->usable && m->back_ms > 0 && now_ms < m->back_ms + hold_ms)
        v->suspect = true;
}

void zones_look(struct zones *z, const struct snapshot *s, uint64_t now_ms,
                uint64_t hold_ms)
{
    size_t i;

    z->n = 0;
    z->n_usable = 0;
    z->suspect = false;
    for (i = 0; i < s->n_host; i++)
        look_at_host(z, &s->host[i]);
    for (i = 0; i < z->n; i++) {
        struct zone_view *v = &z->at[i];

        v->is_out = is_out(s, v->name);
        v->usable &= !v->is_out;
        v->emptied &= !v->usable && !v->is_out;
        remember(z, v, now_ms, hold_ms);
        v->suspect &= v->usable;
        z->n_usable += v->usable;
        z->suspect |= v->suspect;
    }
}
