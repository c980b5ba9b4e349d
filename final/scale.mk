# scale.mk -- the sources and tests of the autoscaler, of lars-slotd, which runs nodes on its
# host, and of lars-load, which plays visitors.
