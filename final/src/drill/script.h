/* script -- the file of a drill: the load, what is broken when, and what must hold.
 *     [drill]    name, module
 *     [load]     as lars-load has it: url, rate, seconds, paths, visits, access_log ...
 *     [event N]  at = SECONDS, do = ..., for = SECONDS, undo = COMMAND, detect = yes
 *     [target]   max_error_percent, p50_ms, p99_ms, detect_s, shift_s, scale_s
 *     [abort]    max_error_percent, max_p99_ms, max_visitors, terminal_s
 * Thread: one. */
#ifndef LARS_DRILL_SCRIPT_H
#define LARS_DRILL_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "load/target.h"

#define SCRIPT_EVENTS 32
#define SCRIPT_TEXT 1000 /* bytes of a do or an undo */
#define SCRIPT_WORDS 64 /* of one of them */
#define SCRIPT_ERR 600
#define SCRIPT_DELAY_MAX_MS 60000 /* of slow-node; more is no answer at all */
#define SCRIPT_NONE (-1.0) /* a target that is not set */

enum script_do {
    SCRIPT_LOAD, /* load x8: the rate becomes eight times */
    SCRIPT_KILL, /* kill PIDFILE...: SIGKILL; undo: start again */
    SCRIPT_STOP, /* stop PIDFILE...: SIGSTOP; undo: SIGCONT */
    SCRIPT_RUN, /* run COMMAND...; undo = COMMAND... */
    SCRIPT_WAIT, /* a mark in the report, and nothing else */
    SCRIPT_SLOW /* slow-node HOST [N] 500ms, slow-node ADDRESS:PORT... 500ms: the nodes
                   answer later; undo: the delay that they had */
};

struct script_event {
    unsigned number; /* N of [event N] */
    uint32_t at_s, for_s; /* for_s 0 = until the end of the drill */
    enum script_do what;
    double factor; /* of SCRIPT_LOAD */
    uint32_t delay_ms; /* of SCRIPT_SLOW, as the next two */
    bool is_host; /* its second word is a HOST, and no address */
    unsigned n_nodes; /* N of the host; 0 = all of them */
    char text[SCRIPT_TEXT]; /* "kill build/run/node.pid" */
    char undo[SCRIPT_TEXT]; /* of SCRIPT_RUN */
    bool detect; /* a fault that the system is to detect: kill, stop, and detect = yes */
};

struct script_load {
    char url[300], host[256], paths[400], access_log[400], arrivals[12];
    uint32_t rate, seconds, visits, pages, pause_s, pictures, speed, seed, timeout_ms;
    uint32_t connections, queue;
};

struct script_target { /* SCRIPT_NONE = not asked for */
    double error_percent, p50_ms, p99_ms, detect_s, shift_s, scale_s;
};

struct script_abort {
    double error_percent; /* of the visitors, over ten seconds */
    uint32_t p99_ms;
    uint32_t max_visitors; /* requests a second before the drill begins */
    uint32_t terminal_s; /* without the terminal */
};

struct script {
    char path[400], name[100];
    uint32_t modid, cmdid; /* 0 0 = none: the database is not asked */
    struct script_load load;
    struct target to; /* of load.url */
    struct script_event event[SCRIPT_EVENTS]; /* by time */
    unsigned n_events;
    struct script_target target;
    struct script_abort abort;
};

/* Read and check <path>.  Returns 0; or, with a sentence in <err> that names the line and
 * what to write instead, -errno of fopen(3), -EINVAL when the file is wrong, -EIO. */
int script_read(struct script *out, const char *path, char err[SCRIPT_ERR]);

/* Write the script as it was understood: a line for each event and each target. */
void script_print(const struct script *s, FILE *to);

/* Split <text> at blanks.  <copy> has the words, and <word> points into it and ends with
 * NULL.  Returns how many; no shell has a part in it, so quotes mean nothing. */
unsigned script_words(const char *text, char copy[SCRIPT_TEXT],
                      char *word[SCRIPT_WORDS + 1]);

#endif
