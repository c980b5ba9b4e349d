/* box -- a policy that runs in other processes: one for each host of the simulation, as
 * in production.  Such a process has the policy and nothing of the simulator; it is sent
 * what the policy may know, and its answers are checked.  Before the policy's first
 * function runs, seccomp leaves it no system calls but read, write and the end of its
 * thread, so it can neither open a file nor look at another process.
 *
 * This header is both the interface for score.c and the form of the messages between
 * box.c and policy_host.c. */
#ifndef LARS_TOOLS_BOX_H
#define LARS_TOOLS_BOX_H

#include "lb/controller.h"
#include "lb/policy.h"

#define BOX_NODES 24                  /* at most, in a scenario */
#define BOX_HOSTS 8
#define BOX_CPU_S 2                   /* processor time of one process */
#define BOX_ALL_CPU_S 30              /* of all of them, since the program began */
#define BOX_WAIT_MS 1000              /* for an answer; then: is the process waiting? */

/* <program> is a build of policy_host.c with a policy.  Starts the first process of a
 * run.  Returns the policy to give to the simulator, borrowed until box_close(); NULL:
 * box_fault() says why. */
const struct lb_policy *box_open(const char *program);

/* Ends the processes of the run. */
void box_close(void);

/* What the policy did that ended its run, a static string; NULL = nothing.  From then on
 * the simulator gets any node. */
const char *box_fault(void);

/* --- messages ----------------------------------------------------------------------- */

#define BOX_MAGIC 0x6c617237u
#define BOX_NO_SECCOMP 77             /* exit status of a process that got no box */

struct box_hello {                    /* the first message of a process */
    uint32_t magic, flags;            /* enum policy_flags */
    uint32_t has_tick;                /* 0 or 1 */
};

enum box_call { BOX_INIT, BOX_PICK, BOX_TICK };

struct box_request {
    enum box_call call;
    struct pick_part part;            /* of BOX_PICK */
    struct pick_call pick;            /* of BOX_PICK */
    struct rnd rnd;                   /* of the caller */
    uint64_t now_ms;                  /* BOX_TICK, as the next two */
    double mean_us;
    uint64_t wanted;                  /* bit i: the cost of member i */
    struct pick_view view;            /* its pointers mean nothing */
    uint32_t eject_after, penalty_us, n_out, n_down;
    bool spills;
    struct node_member member[BOX_NODES];
    uint32_t cost[BOX_NODES];         /* by nid, as the next two */
    struct node_counter counter[BOX_NODES];
    struct health_node health[BOX_NODES]; /* is sent for BOX_TICK only */
};

struct box_answer {
    uint32_t at, n_skipped, why;      /* BOX_PICK */
    struct rnd rnd;                   /* after it */
    uint32_t cost[BOX_NODES];         /* BOX_TICK, by member */
};

#endif
