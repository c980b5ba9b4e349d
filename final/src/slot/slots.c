/* The orders, kept in a file, and the status of the slots; what a slot does is in
 * slot_step.c.  Slots above the configured number exist as long as processes of an
 * earlier configuration run in them: they get no order, and end with the first orders.
 * Rejected: to forget them, because their nodes would run without an owner. */
#include "slot/slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "slot/slot_step.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000

/* --- orders ------------------------------------------------------------------------- */

static void set_wanted(struct slot *s, struct module_id wanted)
{
    if (slots_is_same(s->wanted, wanted))
        return;
    LOG_INFO("slot.order", "slot=%u module=%u/%u was=%u/%u", s->nth, wanted.modid,
             wanted.cmdid, s->wanted.modid, s->wanted.cmdid);
    s->wanted = wanted;
    s->starts = 0;
    s->retry_ms = 0;
    backoff_reset(&s->backoff);
}

static void follow_orders(struct slots *all)
{
    struct module_id wanted[SLOT_MAX + 1] = {{0, 0}};
    const struct slot_order *o = all->orders.order;
    size_t i;
    uint32_t k;

    for (i = 0; i < all->orders.n; i++)
        wanted[o[i].slot] = (struct module_id){o[i].modid, o[i].cmdid};
    for (k = 0; k < all->n; k++) {
        set_wanted(&all->slot[k], wanted[k + 1]);
        slot_step_soon(&all->slot[k]);
    }
}

static int check_orders(const struct slots *all, const struct slot_order *o, size_t n)
{
    bool seen[SLOT_MAX + 1] = {false};
    size_t i;

    for (i = 0; i < n; i++) {
        if (o[i].slot < 1 || o[i].slot > all->cfg.n || seen[o[i].slot] ||
            (o[i].modid | o[i].cmdid) == 0)
            return -EINVAL;
        seen[o[i].slot] = true;
    }
    return 0;
}

/* They are obeyed also when they cannot be kept: only this program's next start needs
 * them. */
static void keep_orders(struct slots *all)
{
    all->stat.keep_rc = orders_file_save(&all->orders, all->orders_path);
    if (all->stat.keep_rc < 0)
        LOG_EVERY(60000, LOG_LEVEL_ERROR, "slot.keep",
                  "path=%s err=%s: the orders are obeyed, and are not known after a "
                  "restart; give the folder room",
                  all->orders_path, err_str(all->stat.keep_rc));
}

int slots_order(struct slots *all, uint64_t fence, const struct slot_order *o, size_t n)
{
    bool is_new;

    if (fence < all->orders.fence) {
        all->stat.n_stale++;
        LOG_EVERY(10000, LOG_LEVEL_WARN, "slot.stale",
                  "fence=%llu highest=%llu: orders of a former leader are refused; when "
                  "the database is a new or a restored one: larsctl host adopt",
                  (unsigned long long)fence, (unsigned long long)all->orders.fence);
        return -ESTALE;
    }
    if (check_orders(all, o, n) < 0)
        return -EINVAL;
    all->stat.n_orders++;
    is_new = fence != all->orders.fence || n != all->orders.n ||
             (n > 0 && memcmp(o, all->orders.order, n * sizeof(*o)) != 0);
    if (is_new) {
        all->orders.fence = all->stat.fence = fence;
        all->orders.n = n;
        memcpy(all->orders.order, o ? o : all->orders.order, n * sizeof(*o));
    }
    if (is_new || all->stat.keep_rc < 0)
        keep_orders(all);
    if (is_new || !all->is_known) {
        all->is_known = true;
        follow_orders(all);
    }
    return 0;
}

void slots_stop_all(struct slots *all)
{
    uint32_t k;

    all->is_known = true; /* what the file has stays for the next start */
    for (k = 0; k < all->n; k++) {
        set_wanted(&all->slot[k], (struct module_id){0, 0});
        slot_step_soon(&all->slot[k]);
    }
}

void slots_set_modules(struct slots *all, struct slot_modules *m)
{
    uint32_t k;

    slot_modules_destroy(all->modules);
    all->modules = m;
    for (k = 0; k < all->n; k++) {
        all->slot[k].retry_ms = 0;
        backoff_reset(&all->slot[k].backoff);
        slot_step_soon(&all->slot[k]);
    }
}

/* --- what is seen from outside ------------------------------------------------------ */

size_t slots_status(const struct slots *all, struct slot_status *out, size_t max)
{
    const struct slot *s;
    struct module_id id;
    size_t n = 0;
    uint32_t k;

    for (k = 0; k < all->cfg.n && n < max; k++) {
        s = &all->slot[k];
        if (s->state == SLOT_EMPTY)
            continue;
        id = s->wanted;
        if (child_pid(s->child) != 0 || s->state == SLOT_STOPPING)
            id = child_module(s->child); /* that of the process, also if it has ended */
        if (!slots_is_module(id))
            continue; /* its process has ended in this turn */
        out[n] =
            (struct slot_status){.slot = s->nth,
                                 .modid = id.modid,
                                 .cmdid = id.cmdid,
                                 .port = child_pid(s->child) ? child_port(s->child)
                                                             : all->cfg.first_port + k,
                                 .pid = (uint32_t)child_pid(s->child),
                                 .state = s->state,
                                 .starts = s->starts,
                                 .since_ms = s->since_ms};
        memcpy(out[n].build, s->build, SLOT_BUILD);
        memcpy(out[n++].note, s->note, SLOT_NOTE);
    }
    return n;
}

unsigned slots_n_running(const struct slots *all)
{
    unsigned n = 0;
    uint32_t k;

    for (k = 0; k < all->n; k++)
        n += child_pid(all->slot[k].child) != 0;
    return n;
}

void slots_stat(const struct slots *all, struct slots_stat *out)
{
    *out = all->stat;
}

/* --- creation ----------------------------------------------------------------------- */

/* The number of the last slot that has a file. */
static uint32_t last_slot(const struct slots_config *c)
{
    char path[PATH_MAX];
    uint32_t k;

    for (k = SLOT_MAX; k > c->n; k--) {
        snprintf(path, sizeof(path), "%s/%u.lock", c->dir, k);
        if (access(path, F_OK) == 0)
            break;
    }
    return k;
}

static int create_slot(struct slots *all, uint32_t k)
{
    struct slot *s = &all->slot[k];
    int rc =
        child_create(&s->child, all->cfg.loop, all->cfg.dir, k + 1, slot_step_on_end, s);

    if (rc < 0)
        return rc;
    s->all = all;
    s->nth = k + 1;
    s->held_ms = all->created_ms;
    s->backoff = (struct backoff){BACKOFF_MIN_MS, BACKOFF_MAX_MS, 0};
    return 0;
}

/* A file that is damaged is reported, and the next orders replace it. */
static void remember(struct slots *all)
{
    int rc = orders_file_load(&all->orders, all->orders_path);
    size_t i, n = 0;

    if (rc < 0)
        LOG_ERROR("slot.remember",
                  "path=%s err=%s: the last orders are not known; nodes that run keep "
                  "running, and the next orders replace the file",
                  all->orders_path, err_str(rc));
    for (i = 0; i < all->orders.n; i++)
        if (all->orders.order[i].slot <= all->cfg.n)
            all->orders.order[n++] = all->orders.order[i];
    all->orders.n = n;
    all->stat.fence = all->orders.fence;
}

/* Returns 0, or -errno. */
static int create_all(struct slots *all)
{
    uint32_t k;
    int rc = 0;

    remember(all);
    rc = orders_file_save(&all->orders, all->orders_path);
    for (k = 0; rc == 0 && k < all->n; k++)
        rc = create_slot(all, k);
    if (rc == 0)
        rc = probe_create(&all->prober, all->cfg.loop, all->cfg.check_ms * 2,
                          slot_step_on_probe, all);
    if (rc == 0)
        rc = program_build_create(&all->builds, all->cfg.loop, slot_step_on_build, all);
    return rc;
}

int slots_create(struct slots **out, const struct slots_config *c, struct slot_modules *m,
                 char err[CONF_ERR_MAX])
{
    struct slots *all = calloc(1, sizeof(*all));
    uint32_t k;
    int rc = all ? 0 : -ENOMEM;

    if (rc == 0) {
        all->cfg = *c;
        all->n = last_slot(c);
        all->created_ms = evloop_now_ms(c->loop);
        rnd_init_any(&all->rnd);
        snprintf(all->orders_path, sizeof(all->orders_path), "%s/orders", c->dir);
        rc = create_all(all);
    }
    if (rc < 0) {
        snprintf(err, CONF_ERR_MAX,
                 "cannot write the files of the slots in %.150s, [slots] state_dir",
                 c->dir);
        slots_destroy(all);
        slot_modules_destroy(m);
        return rc;
    }
    all->modules = m;
    follow_orders(all);
    for (k = 0; k < all->n; k++)
        slot_step_now(&all->slot[k]);
    *out = all;
    return 0;
}

void slots_destroy(struct slots *all)
{
    uint32_t k;

    if (!all)
        return;
    probe_destroy(all->prober);
    program_build_destroy(all->builds);
    for (k = 0; k < all->n; k++) {
        evloop_clear_timer(all->cfg.loop, &all->slot[k].timer);
        child_destroy(all->slot[k].child);
    }
    evloop_undefer(all->cfg.loop, &all->changed);
    slot_modules_destroy(all->modules);
    free(all);
}
