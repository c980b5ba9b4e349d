# faults.mk -- the suite of faults: test/faults.list, docs/ref/faults.md.
TESTS += e2e_pairs e2e_soak

# All of them in their long form, one after the other, in less than half an hour.  With
# KEEP=keep docs/ref/faults.md is made of what was seen.
faults: test-build ; $(Q)BUILD=$(BUILD) sh test/faults $(KEEP)
help: help-faults
help-faults:
	@echo "make faults     the suite of faults, every pair of faults and a soak of ten minutes"
.PHONY: faults help-faults
