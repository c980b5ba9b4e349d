# roster.mk -- the sources and tests of larsctl fleet: fleet.ini, and what each host gets.
SRCS  += src/roster/roster.c src/roster/roster_check.c src/roster/roster_faults.c src/roster/roster_ports.c \
         src/roster/cert_index.c src/roster/db_files.c src/roster/db_text.c src/roster/fleet_ca.c src/roster/fleet_cert.c src/roster/host_conf.c \
         src/roster/host_files.c src/roster/host_units.c src/roster/ini_fill.c src/roster/render.c src/roster/text_file.c
SRCS  += src/ctl/cmd_fleet.c src/ctl/cmd_fleet_run.c
TESTS += test_roster test_roster_rules test_fleet_ca test_host_files test_host_conf e2e_fleet_render.sh e2e_fleet_run.sh e2e_fleet_galera.sh
FUZZ  += fuzz_roster
