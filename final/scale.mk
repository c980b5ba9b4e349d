# scale.mk -- the sources and tests of the autoscaler, of lars-slotd, which runs nodes on its
# host, and of lars-load, which plays visitors.
# how many nodes: the arithmetic
SRCS  += src/scale/decide.c src/scale/need.c
TESTS += test_decide test_decide_down test_need

# how orders reach lars-slotd, and how its state reaches the tables
SRCS  += src/proto/msg_slot.c src/slot/slot_state.c
TESTS += test_msg_slot
FUZZ  += fuzz_msg_slot

# the autoscaler: lease, tables, rounds
SRCS  += src/scale/node_life.c src/scale/slot_nodes.c src/scale/snapshot.c src/scale/start_failures.c
TESTS += test_lease test_node_life test_node_life_away

# lars-load and larsctl capacity
SRCS  += src/load/arrivals.c src/load/log_replay.c src/load/path_list.c src/load/visits.c
TESTS += test_arrivals test_visits
# larsctl scale, plan, host
SRCS  += src/ops/scale_change.c src/ctl/cmd_scale.c
