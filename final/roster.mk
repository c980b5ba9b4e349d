# roster.mk -- the sources and tests of larsctl fleet: fleet.ini, and what each host gets.
SRCS  += src/roster/roster.c src/roster/roster_check.c src/roster/roster_faults.c src/roster/roster_ports.c
SRCS  += src/ctl/cmd_fleet.c
TESTS += test_roster test_roster_rules
FUZZ  += fuzz_roster
