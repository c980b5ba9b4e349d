# scale.mk -- the sources and tests of the autoscaler, of lars-slotd, which runs nodes on its
# host, and of lars-load, which plays visitors.
# how orders reach lars-slotd, and how its state reaches the tables
SRCS  += src/slot/slot_state.c
# the autoscaler: lease, tables, rounds
TESTS += test_lease
