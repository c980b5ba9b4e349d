# faults.mk -- faults that come together, and one after the other for a long time.
TESTS += e2e_pairs e2e_soak
