/* Each slot has one step, which looks at what is there (a process, its check, the order)
 * and does the next thing; every event, an order, the end of a process, a check, a timer,
 * leads to it.  So nothing depends on the order in which events arrive.
 *
 * Invariant: a process is started only by child_start(), which refuses a slot that is not
 * free; what is written here about processes can be wrong without running a node twice.
 * Rejected: to start a node anew after its first failed check.  A host that is busy fails
 * checks, and starts make it busier. */
#include "slot/slot_step.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

#define REMEMBERED_MS 5000 /* before nodes of remembered orders are started */
#define FREE_MS 20 /* between two looks whether a slot is free */
#define HELD_MS 2000 /* then the note tells that it is not */
#define LOOK_MS 200
#define SICK_CHECKS 3
#define STEADY_MS 60000 /* a node that was ready so long failed anew */

static void step(void *arg);

/* --- small parts -------------------------------------------------------------------- */

static uint64_t now_of(const struct slot *s)
{
    return evloop_now_ms(s->all->cfg.loop);
}

static void wait_ms(struct slot *s, uint64_t ms)
{
    evloop_set_timer(s->all->cfg.loop, &s->timer, ms < 600000 ? (uint32_t)ms : 600000,
                     step, s);
}

static void on_changed(void *arg)
{
    struct slots *all = arg;

    if (all->cfg.on_change)
        all->cfg.on_change(all->cfg.arg);
}

static void tell(struct slot *s)
{
    evloop_defer(s->all->cfg.loop, &s->all->changed, on_changed, s->all);
}

static void set_state(struct slot *s, enum slot_state state, const char *note)
{
    if (s->state == state && strcmp(s->note, note) == 0)
        return;
    if (s->state != state) {
        s->since_ms = now_of(s);
        LOG_INFO("slot.state", "slot=%u module=%u/%u pid=%d state=%s %s", s->nth,
                 s->wanted.modid, s->wanted.cmdid, (int)child_pid(s->child),
                 slot_state_name(state), note);
    }
    s->state = state;
    snprintf(s->note, sizeof(s->note), "%s", note);
    tell(s);
}

static void plan_retry(struct slot *s)
{
    s->retry_ms = now_of(s) + backoff_next(&s->backoff, rnd_u32(&s->all->rnd));
    s->all->stat.n_failed++;
}

/* Until SIGKILL is due, and not too long: where the kernel has no pidfd_open(2), the end
 * of the process is only seen by looking. */
static uint64_t ms_to_look(const struct slot *s)
{
    uint64_t now = now_of(s), left = s->kill_ms > now ? s->kill_ms - now : 0;

    return left < LOOK_MS ? left : LOOK_MS;
}

/* The process is to end; <state> is failed or stopping. */
static void end_node(struct slot *s, enum slot_state state, const char *note)
{
    s->kill_ms = now_of(s) + s->all->cfg.drain_ms;
    if (s->kill_ms == 0)
        s->kill_ms = 1;
    set_state(s, state, note);
    child_kill(s->child, SIGTERM);
    wait_ms(s, ms_to_look(s));
}

/* --- without a process -------------------------------------------------------------- */

static void fail_start(struct slot *s, const char *note)
{
    plan_retry(s);
    set_state(s, SLOT_FAILED, note);
    wait_ms(s, s->retry_ms - now_of(s));
}

/* Is the port of the slot free?  Another program there would pass the check. */
static int try_port(const struct slot *s, uint16_t port)
{
    struct net_addr at;
    int fd, rc = net_addr_set(&at, s->all->cfg.address, port);

    if (rc < 0)
        return rc;
    fd = sock_listen(&at, 1, SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

static void start_process(struct slot *s, struct slot_modules_argv *words, uint16_t port)
{
    struct child_start start = {s->wanted, port, words->argv};
    char note[SLOT_NOTE];
    int rc = child_start(s->child, &start);

    if (rc == -EBUSY) { /* it has come since the last look */
        s->held_ms = now_of(s);
        wait_ms(s, FREE_MS);
        return;
    }
    s->starts++;
    s->all->stat.n_starts++;
    if (rc < 0) {
        snprintf(note, sizeof(note), "cannot start %.60s: %s", words->argv[0],
                 err_text(rc));
        fail_start(s, note);
        return;
    }
    s->n_bad = 0;
    set_state(s, SLOT_STARTING, "");
    wait_ms(s, s->all->cfg.check_ms < 100 ? s->all->cfg.check_ms : 100);
}

static void start_node(struct slot *s)
{
    struct slots *all = s->all;
    uint16_t port = (uint16_t)(all->cfg.first_port + s->nth - 1);
    struct slot_modules_place place = {s->wanted, all->cfg.address, port, s->nth};
    struct slot_modules_argv words;
    char note[SLOT_NOTE];
    int rc = slot_modules_argv(all->modules, &place, &words);

    if (rc == -ENOENT) {
        snprintf(note, sizeof(note),
                 "there is no [module %u/%u] in the file [slots] modules; add it and "
                 "send SIGHUP",
                 s->wanted.modid, s->wanted.cmdid);
        set_state(s, SLOT_FAILED, note);
        return; /* until the file is read again */
    }
    if (rc == 0)
        rc = try_port(s, port);
    if (rc < 0) {
        s->starts++;
        snprintf(note, sizeof(note), "cannot use %s:%u: %s; is another program there?",
                 all->cfg.address, port, err_text(rc));
        fail_start(s, note);
        return;
    }
    start_process(s, &words, port);
}

/* Whether the slot is free is not known.  Returns true when there is nothing more to do
 * now. */
static bool look(struct slot *s)
{
    char note[SLOT_NOTE];

    switch (child_look(s->child)) {
    case CHILD_NONE:
        s->held_ms = 0;
        return false;
    case CHILD_FOUND:
        s->held_ms = 0;
        s->all->stat.n_adopted++;
        if (!s->all->is_known && !slots_is_module(s->wanted) && s->nth <= s->all->cfg.n)
            s->wanted = child_module(s->child);
        LOG_INFO("slot.found", "slot=%u pid=%d: it runs, and is watched from now on",
                 s->nth, (int)child_pid(s->child));
        set_state(s, child_is_ready(s->child) ? SLOT_READY : SLOT_STARTING, "");
        s->ready_ms = s->since_ms;
        wait_ms(s, 0);
        return true;
    case CHILD_HELD:
        break;
    }
    if (now_of(s) - s->held_ms >= HELD_MS && slots_is_module(s->wanted)) {
        snprintf(note, sizeof(note),
                 "a process that the last node left holds %u.lock; find it by "
                 "`fuser DIR/%u.lock` and end it",
                 s->nth, s->nth);
        set_state(s, SLOT_FAILED, note);
    }
    wait_ms(s, now_of(s) - s->held_ms >= HELD_MS ? 500 : FREE_MS);
    return true;
}

static void step_without_process(struct slot *s)
{
    uint64_t now = now_of(s), from = s->retry_ms;

    if (s->held_ms != 0 && look(s))
        return;
    if (!slots_is_module(s->wanted)) {
        set_state(s, SLOT_EMPTY, "");
        return;
    }
    if (!s->all->is_known && from < s->all->created_ms + REMEMBERED_MS)
        from = s->all->created_ms + REMEMBERED_MS;
    if (now < from)
        wait_ms(s, from - now);
    else
        start_node(s);
}

/* The process has ended. */
void slot_step_on_end(const char *how, void *arg)
{
    struct slot *s = arg;
    bool was_told = s->kill_ms != 0;

    LOG_INFO("slot.end", "slot=%u %s", s->nth, how);
    s->kill_ms = 0;
    s->probe = 0;
    s->build[0] = '\0';
    s->build_rc = 0;
    s->held_ms = now_of(s);
    if (s->held_ms == 0)
        s->held_ms = 1;
    if (!was_told) {
        if (s->state != SLOT_STARTING && now_of(s) - s->ready_ms >= STEADY_MS)
            backoff_reset(&s->backoff);
        plan_retry(s);
        set_state(s, SLOT_FAILED, how);
    }
    tell(s); /* the number of its process has changed */
    wait_ms(s, 0);
}

/* --- with a process ----------------------------------------------------------------- */

static bool may_restart(const struct slot *s)
{
    const struct slots *all = s->all;
    uint32_t i;

    for (i = 0; i < all->n; i++)
        if (&all->slot[i] != s &&
            (all->slot[i].state == SLOT_STARTING || all->slot[i].kill_ms != 0))
            return false;
    return true;
}

/* Ends a node that has not passed its check for too long.  Returns true when it did. */
static bool give_up(struct slot *s)
{
    const struct slots_config *c = &s->all->cfg;
    char note[SLOT_NOTE];

    if (now_of(s) - s->since_ms < c->start_ms)
        return false;
    if (s->state == SLOT_STARTING)
        snprintf(note, sizeof(note), "did not pass its check within %u ms of its start",
                 c->start_ms);
    else if (s->state == SLOT_SICK && may_restart(s))
        snprintf(note, sizeof(note), "has not passed its check for %u ms", c->start_ms);
    else
        return false;
    plan_retry(s);
    end_node(s, SLOT_FAILED, note);
    return true;
}

static void begin_check(struct slot *s)
{
    const char *check = slot_modules_check(s->all->modules, child_module(s->child));
    struct net_addr at;
    int rc = net_addr_set(&at, s->all->cfg.address, child_port(s->child));

    s->probe = ++s->all->n_probes;
    if (rc == 0)
        rc = probe_start(s->all->prober, s->probe, &at, check ? check : "");
    if (rc == 0)
        return;
    s->probe = 0; /* this host lacks something: no fault of the node */
    LOG_EVERY(10000, LOG_LEVEL_WARN, "slot.check",
              "err=%s: checks are not made; raise the limit of descriptors", err_str(rc));
}

static void step_with_process(struct slot *s)
{
    bool is_wanted = slots_is_same(s->wanted, child_module(s->child));

    child_poll(s->child);
    if (child_pid(s->child) == 0)
        return; /* slot_step_on_end() has planned the next step */
    if (s->kill_ms != 0) {
        if (now_of(s) >= s->kill_ms) {
            s->all->stat.n_kills++;
            LOG_WARN("slot.kill", "slot=%u pid=%d: it has not ended in %u ms", s->nth,
                     (int)child_pid(s->child), s->all->cfg.drain_ms);
            child_kill(s->child, SIGKILL);
            s->kill_ms = now_of(s) + 1000;
        }
        wait_ms(s, ms_to_look(s));
        return;
    }
    if (s->all->is_known && !is_wanted) {
        end_node(s, SLOT_STOPPING,
                 slots_is_module(s->wanted) ? "the order is for another module" : "");
        return;
    }
    if (give_up(s))
        return;
    wait_ms(s, s->all->cfg.check_ms);
    if (s->probe == 0)
        begin_check(s);
}

static void step(void *arg)
{
    struct slot *s = arg;

    if (child_pid(s->child) == 0)
        step_without_process(s);
    else
        step_with_process(s);
}

/* At a check that passed, because before exec the process still is this program; and at
 * each one, because a node can replace its own program. */
static void find_build(struct slot *s)
{
    char build[PROGRAM_BUILD];
    int rc = program_build_of(s->all->builds, child_pid(s->child), build);

    if (rc == -EAGAIN)
        return; /* slot_step_on_build() comes here again */
    if (rc < 0 && rc != s->build_rc)
        LOG_INFO("slot.build",
                 "slot=%u pid=%d err=%s: the build of this node is not known, so alarm "
                 "capacity_stale does not see it; /proc/%d/exe must be readable for this "
                 "program",
                 s->nth, (int)child_pid(s->child), err_str(rc), (int)child_pid(s->child));
    s->build_rc = rc;
    if (strcmp(build, s->build) == 0)
        return;
    LOG_INFO("slot.build", "slot=%u pid=%d build=%s was=%s", s->nth,
             (int)child_pid(s->child), build, s->build);
    memcpy(s->build, build, sizeof(s->build));
    tell(s);
}

void slot_step_on_build(void *arg)
{
    struct slots *all = arg;
    uint32_t i;

    for (i = 0; i < all->n; i++)
        if (all->slot[i].state == SLOT_READY && child_pid(all->slot[i].child) != 0)
            find_build(&all->slot[i]);
}

static void on_good_check(struct slot *s)
{
    s->n_bad = 0;
    if (s->state == SLOT_STARTING) {
        child_set_ready(s->child);
        s->ready_ms = now_of(s);
    }
    set_state(s, SLOT_READY, "");
    if (child_pid(s->child) != 0)
        find_build(s);
}

static void on_bad_check(struct slot *s)
{
    char note[SLOT_NOTE];

    if (s->state == SLOT_READY && ++s->n_bad >= SICK_CHECKS) {
        snprintf(note, sizeof(note), "%u checks in a row have failed", s->n_bad);
        set_state(s, SLOT_SICK, note);
    }
}

void slot_step_on_probe(uint64_t id, bool ok, enum probe_shows shows, void *arg)
{
    struct slots *all = arg;
    struct slot *s = NULL;
    uint32_t i;

    (void)shows;
    for (i = 0; i < all->n; i++)
        if (all->slot[i].probe == id)
            s = &all->slot[i];
    if (!s)
        return; /* of a process that has ended */
    s->probe = 0;
    if (s->kill_ms != 0)
        return;
    if (ok)
        on_good_check(s);
    else
        on_bad_check(s);
}

void slot_step_soon(struct slot *s)
{
    wait_ms(s, 0);
}

void slot_step_now(struct slot *s)
{
    step(s);
}
