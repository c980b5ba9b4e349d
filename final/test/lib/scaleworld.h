/* scaleworld -- what lars-autoscaler works with, played by a test on a real database: two
 * zones with a host each, whose lars-slotd starts and stops within moments, callers whose
 * calls agents report, and a gateway that answers POST /demand. */
#ifndef LARS_TEST_LIB_SCALEWORLD_H
#define LARS_TEST_LIB_SCALEWORLD_H

#include "../proc.h"
#include "testdb.h"

/* Empties the tables and creates the hosts a1 and b1 with <slots> slots each, module 20/1
 * whose nodes can answer 10 requests a second, with one warm node a zone. */
void scaleworld_reset(unsigned slots);

/* Let moments pass: hosts are heard, slots follow orders, calls are reported. */
void scaleworld_turn(void);

/* Calls a second that agents report in zone a. */
void scaleworld_set_calls(unsigned rps);

/* The port of a node that is measured in a slot, from when it begins; 0: as others. */
void scaleworld_set_measured_port(int port);

/* As T_WAIT, while the world turns. */
#define SCALE_WAIT(cond) T_WAIT((scaleworld_turn(), (cond)))

/* A gateway in a thread of the test.  It answers until it is silenced. */
void scaleworld_start_gateway(void);
void scaleworld_stop_gateway(void);
void scaleworld_set_visits(unsigned rps); /* that it forwards to nodes */
void scaleworld_silence_gateway(bool silent);
int scaleworld_gateway_port(void);

/* Starts lars-autoscaler with rounds of 200 ms and a lease of 3 s.  <hold_s>: how long it
 * takes nothing away, and looks back.  <gateway>: it asks the gateway.  Returns the port
 * of its metrics. */
int scaleworld_start(struct proc *p, unsigned hold_s, bool gateway);

/* The same with more of its configuration: whole sections. */
int scaleworld_start_with(struct proc *p, unsigned hold_s, bool gateway,
                          const char *more);

unsigned long long scaleworld_n_up(void); /* rows of the route with state up */
unsigned long long scaleworld_n_orders(void);

#endif
