/* lars.h -- Lars for business code: which node to call, and how the call went.
 *
 *     struct lars_client *c;
 *     struct lars_host h;
 *     int rc = lars_open(&c, NULL);
 *
 *     if (rc == 0)
 *         rc = lars_get_host(c, 1, 1, &h);          a node of module 1/1
 *     if (rc >= 0)
 *         lars_report(c, &h, call(&h.addr) == OK ? 0 : 1);
 *     lars_close(c); */
#ifndef LARS_API_LARS_H
#define LARS_API_LARS_H

#include <stddef.h>
#include <stdint.h>

/* Of this header; lars_version() has that of the library. */
#define LARS_VERSION_MAJOR 1
#define LARS_VERSION_MINOR 2
#define LARS_VERSION_PATCH 0
#define LARS_VERSION_NUMBER \
    (LARS_VERSION_MAJOR * 10000 + LARS_VERSION_MINOR * 100 + LARS_VERSION_PATCH)

/* Terms.  A service is a module, named by two numbers, modid/cmdid.  Its instances are
 * nodes, each an address.  On every host an agent keeps the routes (which module has
 * which nodes) and ejects nodes that fail.  The library picks one node for each call; the
 * reports of all callers on the host are what later picks are based on.  So end each call
 * once: with lars_report() or lars_end() when it succeeded or failed, with lars_cancel()
 * when it was given up for a reason that says nothing about the node.
 *
 * How a node is found, in this order:
 *     1  shared memory: without a system call, and also while the agent is dead.
 *     2  the agent by UDP: when there is no shared memory, no right to use it, or the
 *        module is not in it yet.
 *     3  the file of routes that the agent wrote last: when the agent does not answer.
 *
 * Results.  A result below zero is a negative errno code; lars_strerror() explains it.
 * Out-parameters are written only on success.  No function prints, exits, aborts,
 * installs a signal handler or starts a thread.
 *
 * Time.  lars_get_host() and lars_get_route() return within the time-out of the client
 * (200 ms unless set) or of the call, lars_register() within that and one second,
 * whatever other threads do and whatever signals arrive; lars_report() and lars_end() do
 * not wait.
 *
 * Threads.  Any thread may use a client at any time, and one client for a process is
 * enough.  By shared memory, threads do not wait for each other; by UDP, they do, within
 * their time-outs.  No other thread may be using a client that is being closed;
 * afterwards every function returns -EINVAL for it until lars_open() uses its memory
 * again.
 *
 * fork().  The child may go on with the client of its parent.  Calls that the parent
 * began must be reported by the parent.
 *
 * Linking: pkg-config --cflags --libs lars.  See also lars_retry.h (another attempt at
 * another node), lars_nowait.h (for event loops), lars_status.h (which way calls take,
 * counters, hooks) and lars_tally.h (calls by node).
 *
 * What stays.  A program that was built with any 1.x library runs with every later 1.x:
 * functions are added, never removed or changed in meaning, and structs that carry a
 * <size> grow at their end.  docs/CHANGELOG.md says what was added when. */

#ifdef __cplusplus
extern "C" {
#endif

struct lars_client;
struct lars_hooks;                    /* lars_status.h */

struct lars_addr {
    uint16_t family;                  /* AF_INET or AF_INET6 */
    uint16_t port;                    /* host byte order */
    uint8_t ip[16];                   /* network byte order; IPv4: the first 4 bytes */
};

/* One call.  Plain data: it may be copied and handed to another thread. */
struct lars_host {
    struct lars_addr addr;            /* the node to call */
    uint32_t modid, cmdid;
    uint64_t start_us;                /* CLOCK_MONOTONIC; the call is timed from here */
    uint64_t opaque[4];               /* for lars_report() */
};

#define LARS_TIMEOUT_MAX_MS 3600000   /* the longest time-out: an hour */

/* Options of a client.  A field that is zero has the value that is given here. */
struct lars_options {
    uint32_t size;                    /* sizeof(struct lars_options); 0 = that of version
                                       * 1.1, which ends with <timeout_ms> */
    uint32_t zero;
    const char *address;              /* of the agent: IPv4 or IPv6; NULL = 127.0.0.1 */
    uint16_t port;                    /* the first of the agent's three; 0 = 8888 */
    const char *dir;                  /* the agent's folder; NULL = /run/lars */
    uint32_t timeout_ms;              /* up to LARS_TIMEOUT_MAX_MS; 0 = 200 */
    const struct lars_hooks *hooks;   /* copied; NULL = none */
};

/* Open a client.  An option that is not set, or <opt> NULL, is taken from the environment
 * (LARS_ADDRESS, LARS_PORT, LARS_DIR), else it has the value above.  Copies <opt>.  The
 * agent need not run.  Returns
 *     0         <out> is a client, to be closed with lars_close()
 *     -EINVAL   an option cannot be used: lars_last_error() names it; or <out> is NULL
 *     -ENAMETOOLONG, -ENOMEM, -EAGAIN or another code of socket(2): no resources */
int lars_open(struct lars_client **out, const struct lars_options *opt);

/* Close a client.  No other thread may be using it.  Calls that were begun and not
 * reported are counted as abandoned.  NULL and a closed client are fine. */
void lars_close(struct lars_client *c);

/* Pick a node of module <modid>/<cmdid> for one call, which begins now.  Returns
 *     0             <out> is the node
 *     1             <out> is the node, from the file of routes: the agent does not
 *                   answer, and the health of the nodes is not known
 *     -EAGAIN       every node is overloaded or down: do not call now
 *     -ENOENT       the module has no nodes, or the agent does not know it yet: it asks
 *                   for the routes now, so a later call may succeed
 *     -EIO          internal error of the agent; its log has the cause
 *     -ETIMEDOUT    the agent does not answer, and the file does not have the module
 *     -EINVAL       module 0/0, <c> is NULL or closed, or <out> is NULL */
int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out);

/* As lars_get_host(), with a key for modules whose policy is hash: equal keys are sent to
 * the same node as long as it is healthy.  Other policies ignore the key. */
int lars_get_host_key(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                      struct lars_host *out);

/* How one node is looked for.  Zero all fields and set those that are wanted. */
struct lars_get_options {
    uint32_t size;                    /* sizeof(struct lars_get_options); 0 = the same */
    uint32_t flags;                   /* LARS_GET_*, together with | */
    uint64_t key;                     /* as lars_get_host_key() */
    uint32_t timeout_ms;              /* of this call; 0 = that of the client */
    uint32_t n_avoid;
    const struct lars_addr *avoid;    /* not these nodes while there are others; another
                                       * zone when all are of the own one; by shared
                                       * memory only; borrowed */
};

#define LARS_GET_NOWAIT 1u            /* as lars_nowait_get() */
#define LARS_GET_EINTR 2u             /* -EINTR when a signal handler ran during the wait;
                                       * otherwise the wait continues.  The hook
                                       * <interrupted> decides instead, if there is
                                       * one */

/* As lars_get_host(), with options; NULL = none.  Also returns -EINTR, and -EINVAL for
 * flags that do not exist, another <size> and a time-out over LARS_TIMEOUT_MAX_MS. */
int lars_get_host_opt(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                      const struct lars_get_options *opt, struct lars_host *out);

/* The key of a string or of other bytes, the same in every language: FNV-1a, 64 bit. */
uint64_t lars_key(const void *bytes, size_t len);

/* Report how the call <h> went: <retcode> 0 means success, any other value failure.  Its
 * duration, measured since lars_get_host(), is reported with it.  Call this once for each
 * call, from any thread.  A call that was begun in shared memory and has no report counts
 * as failed after the time-out of its module (30 s unless the operator sets another).
 * Returns
 *     0             the report is counted, or was sent to the agent
 *     -EALREADY     the call was reported before, or its time-out has passed.  By UDP no
 *                   call is remembered: a second report is counted again
 *     -EPERM        another process began the call
 *     -EINVAL       <c> is NULL or closed, or <h> is NULL or not from lars_get_host()
 *     -EAFNOSUPPORT the call has to be reported by UDP and its node is not IPv4
 *     another code  of shared memory or of send(2): the report is lost */
int lars_report(struct lars_client *c, const struct lars_host *h, int retcode);

/* What a call has shown about its node. */
enum lars_outcome {
    LARS_WELL,                        /* it answered as it should */
    LARS_FAILED,                      /* no answer in time, or a wrong one: the node may
                                       * be ejected for it */
    LARS_REJECTED,                    /* it refused the call to limit its load: other
                                       * nodes are preferred, as after a slow call, but
                                       * the node has not failed.  By UDP as LARS_WELL */
    LARS_CANCELLED,                   /* nothing: the caller gave up, for a reason of its
                                       * own.  The call is counted as abandoned */
    LARS_OUTCOMES
};

/* End the call <h>; lars_report() is this with LARS_WELL or LARS_FAILED.  Returns as
 * lars_report(); -EINVAL also for an outcome that does not exist. */
int lars_end(struct lars_client *c, const struct lars_host *h, enum lars_outcome outcome);

/* lars_end() with LARS_CANCELLED. */
int lars_cancel(struct lars_client *c, const struct lars_host *h);

/* All nodes of the module, the ejected ones as well; at most <max>.  Returns
 *     1 or more     how many <out> has
 *     -E2BIG        there are more than <max>
 *     -ENOENT, -ETIMEDOUT, -EINVAL as lars_get_host(); -ENOMEM */
int lars_get_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                   struct lars_addr *out, unsigned max);

/* Make the agent load the routes of a module before they are needed, and wait for them
 * for at most a second.  A program that does this at its start never sees -ENOENT for a
 * module that exists.  Returns 0; -ENOENT when the module has no nodes; -ETIMEDOUT;
 * -EINVAL; -ENOMEM. */
int lars_register(struct lars_client *c, uint32_t modid, uint32_t cmdid);

/* A sentence in English for a result.  Never NULL; a static string, never freed. */
const char *lars_strerror(int rc);

/* What was wrong in the latest call of this thread that returned -EINVAL: the argument,
 * its value and what would be right.  "" when there was none, or a lars_open(),
 * lars_get_host_opt() or lars_retry_next() without one came later.  Valid until this
 * thread's next call. */
const char *lars_last_error(void);

/* The version of the library, such as "1.2.0".  A static string. */
const char *lars_version(void);

#ifdef __cplusplus
}
#endif

#endif
