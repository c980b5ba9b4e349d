/* faults -- does what an event says, and undoes it.  Before anything happens the undo is
 * there as JSON, which can be stored and needs nothing else:
 *     {"start": {argv, cwd, log}, "pidfile": "/...", "pid": N, "ticks": N}
 *     {"continue": N, "ticks": N}
 *     {"run": [words], "cwd": "/..."}
 *     {"slow": "ADDRESS:PORT", "delay_ms": N}
 * An undo may be done twice: what runs already is not started again, but a command is
 * run.  Thread: any, one at a time. */
#ifndef LARS_DRILL_FAULTS_H
#define LARS_DRILL_FAULTS_H

#include <jansson.h>

#include "db/myconn.h"
#include "drill/script.h"

#define FAULTS_WHY 500
#define FAULTS_COMMAND_MS 120000 /* of a command of run or undo */

/* The undo of <e>, an array; empty when there is nothing to undo.  Nothing has happened
 * yet.  <db> is where the nodes of a host are looked up; NULL: it has none.  NULL: a pid
 * file names no process, or it is of another user, or a node offers no delay; <why> says
 * which. */
json_t *faults_prepare(const struct script_event *e, const struct myconn_config *db,
                       char why[FAULTS_WHY]);

/* Do it, for the processes of <undo> and no others.  The output of commands is added to
 * <log>.  Returns 0; or -errno with a sentence: then part of it may have happened, and
 * the undo has to be done. */
int faults_do(const struct script_event *e, const json_t *undo, const char *log,
              char why[FAULTS_WHY]);

/* Undo all of it, also when a part fails.  Returns 0; or -errno with a sentence for the
 * last failure. */
int faults_undo(const json_t *undo, const char *log, char why[FAULTS_WHY]);

#endif
