/* policy_host -- the process of one host: the policy, and a loop that asks it.  box.h
 * says why it is a process of its own.
 *
 * Invariant: no function of the policy runs before the process is in its box.  Code that
 * would run before main() is refused by check-policy. */
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box.h"

extern const struct lb_policy own_policy;

static struct box_request in;
static struct box_answer out;
static _Atomic uint32_t cost[BOX_NODES];
static int64_t slot[BOX_NODES];
static struct pick_state st = {.slot = slot};
static struct controller s;

static _Noreturn void end(int status)
{
    for (;;)
        syscall(SYS_exit, status); /* exit_group is outside of the box */
}

static void receive(void *buf, size_t len)
{
    char *p = buf;
    ssize_t n;

    for (; len > 0; len -= (size_t)n, p += n) {
        n = read(STDIN_FILENO, p, len);
        if (n <= 0)
            end(0);
    }
}

/* An answer is shorter than PIPE_BUF, so a pipe takes all of it or nothing. */
static void answer(const void *buf, size_t len)
{
    if (write(STDOUT_FILENO, buf, len) != (ssize_t)len)
        end(0);
}

static void take_view(void)
{
    uint32_t i;

    for (i = 0; i < BOX_NODES; i++)
        cost[i] = in.cost[i];
    in.view.cost = cost;
    in.view.counter = in.counter;
    in.view.member = in.member;
    in.view.policy = &own_policy;
}

static void tick(void)
{
    uint32_t i;

    s.view = in.view;
    s.cost = cost;
    s.node = in.health;
    s.eject_after = in.eject_after;
    s.penalty_us = in.penalty_us;
    s.n_out = in.n_out;
    s.n_down = in.n_down;
    s.spills = in.spills;
    for (i = 0; i < in.view.n; i++)
        if (in.wanted >> i & 1)
            out.cost[i] = own_policy.tick(&s, i, in.mean_us, in.now_ms);
}

int main(void)
{
    const struct box_hello hello = {BOX_MAGIC, own_policy.flags, own_policy.tick != NULL};

    answer(&hello, sizeof(hello));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
        end(BOX_NO_SECCOMP);
    for (;;) {
        receive(&in, offsetof(struct box_request, health));
        if (in.call == BOX_TICK)
            receive(in.health, sizeof(in.health));
        take_view();
        st.rnd = in.rnd;
        if (in.call == BOX_PICK) {
            out.at = own_policy.pick(&in.view, &st, &in.part, &in.pick);
            out.n_skipped = in.pick.n_skipped;
            out.why = in.pick.why;
        } else if (in.call == BOX_TICK) {
            tick();
        } else if (own_policy.init) {
            own_policy.init(&in.view, &st);
        }
        out.rnd = st.rnd;
        answer(&out, sizeof(out));
    }
}
