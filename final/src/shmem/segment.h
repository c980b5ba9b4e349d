/* segment -- the shared files of a host, mapped into this process.  The agent creates
 * them, or adopts those that its predecessor left; clients open them.
 *
 * All files of one layout and one size form a segment, which has a number.  When the
 * agent finds files of another layout or size, or files that make no sense, it creates
 * the next segment and leaves the old one to the clients that have it mapped; they move
 * to the new one at their next call.  The old files stay, so that the agent can collect
 * what these clients still report there.
 *
 * The struct is opaque: module_table.h and node_table.h read and write what it maps. */
#ifndef LARS_SHMEM_SEGMENT_H
#define LARS_SHMEM_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAX_NODES 1048576
#define SEGMENT_MAX_MODULES 65536
#define SEGMENT_CLIENT_LOGS 1024      /* call logs 0..1023: for threads of clients */
#define SEGMENT_AGENT_LOGS 8          /* the next 8: for threads of the agent itself */
#define SEGMENT_LOGS (SEGMENT_CLIENT_LOGS + SEGMENT_AGENT_LOGS)
#define SEGMENT_BUCKETS 128           /* of a histogram of durations: base/latency.h */

struct segment;

struct segment_config {
    const char *dir;                  /* the folder; made when it does not exist */
    uint32_t max_nodes;               /* 64 to SEGMENT_MAX_NODES, a power of two */
    uint32_t max_modules;             /* 64 to SEGMENT_MAX_MODULES, a power of two */
};

/* The agent's side: create or adopt the files.  Returns 0; -EBUSY when another agent
 * holds the folder; -EINVAL for sizes that are not allowed; -ENOSPC, -EACCES and other
 * -errno of the file system; -ENOMEM.  Thread: init. */
int segment_create(struct segment **out, const struct segment_config *cfg);

/* The adopted files make no sense: create the next segment with the same sizes.  Returns
 * 0 or -errno.  Thread: init. */
int segment_renew(struct segment *s);

/* Map the segment <number>, which lies in the folder of <of> and is not in force, so that
 * its call logs can be collected; the layout before is accepted, too.  Of such a segment
 * only addresses, modules, owners and call logs may be read.  Returns as segment_open().
 * Thread: init. */
int segment_open_old(struct segment **out, const struct segment *of, uint32_t number);

/* A client's side: map the segment in force.  Returns 0; -ENOENT when no agent has
 * created one; -EPROTO when the layout is of another major version; -EBADMSG when a file
 * is not what it should be; -EACCES; -ENOMEM.  Thread: any. */
int segment_open(struct segment **out, const char *dir);

/* Unmap; the files stay.  NULL is fine. */
void segment_close(struct segment *s);

/* Delete the files and the folder.  Clients keep what they have mapped. */
void segment_remove(const char *dir);

/* False when segment_create() adopted the files of a predecessor. */
bool segment_is_new(const struct segment *s);

uint32_t segment_number(const struct segment *s); /* 1 and more */
uint32_t segment_max_nodes(const struct segment *s);
uint32_t segment_max_modules(const struct segment *s);

/* Is another segment in force than the one that <s> maps?  Thread: any. */
bool segment_has_moved(const struct segment *s);

/* Is <dir> by now another folder than the one that was opened?  Costs a system call.
 * Thread: any. */
bool segment_was_replaced(const struct segment *s, const char *dir);

/* Was the agent's next step due within the last 3 s?  <now_ms> is monotonic.
 * Thread: any. */
bool segment_agent_is_alive(const struct segment *s, uint64_t now_ms);

/* No segment is in force from here on: clients that have <s> mapped leave it at their
 * next call.  Thread: the agent's. */
void segment_retire(struct segment *s);

/* The agent's heartbeat: its next step is due at <due_ms>, monotonic; 0 announces its
 * end.  Thread: the agent's. */
void segment_beat(struct segment *s, uint64_t due_ms);

/* Map the agent's journal, a private file of <len> bytes in the folder, which is created
 * zeroed when it does not exist.  The caller unmaps it.  Returns 0 or -errno, -ENOSPC
 * included.  Thread: the agent's. */
int segment_open_journal(const struct segment *s, size_t len, void **out);

#endif
