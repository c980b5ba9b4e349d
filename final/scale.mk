# scale.mk -- the sources and tests of the autoscaler, of lars-slotd, which runs nodes on its
# host, and of lars-load, which plays visitors.
# how many nodes: the arithmetic
SRCS  += src/scale/decide.c src/scale/need.c src/scale/sim_day.c src/scale/sim_rules.c
TESTS += test_decide test_decide_down test_need test_scale_days test_deciders_loop
PROGS += scale_sim

# what a fleet of agents exchanges with its services
SRCS  += src/sim/fleet.c src/sim/fleet_sizes.c
TESTS += test_fleet e2e_fleet_model.sh e2e_bench.sh test_monitoring
PROGS += fleet_model

# how orders reach lars-slotd, and how its state reaches the tables
SRCS  += src/proto/msg_slot.c src/db/slot_order_db.c src/db/slot_order_table.c src/db/slot_state_db.c src/dns/slot_orders.c \
         src/dns/slot_peers.c src/report/slot_states.c \
         src/slot/service_link.c src/slot/slot_link.c src/slot/slot_state.c
TESTS += test_msg_slot test_slot_link test_slot_order_table test_slot_state_db e2e_slot_link e2e_slot_failover
FUZZ  += fuzz_msg_slot

# the autoscaler: lease, tables, rounds
SRCS  += src/scale/autoscaler_metrics.c src/scale/deciders.c src/scale/exec_modules.c src/scale/front.c src/scale/front_life.c \
         src/scale/front_probe.c src/scale/front_rows.c src/scale/hook.c \
         src/scale/composed.c src/scale/hook_list.c src/scale/hook_run.c src/scale/measure_rows.c src/scale/measures.c src/scale/module_load.c src/scale/node_life.c src/scale/rounds.c \
         src/scale/scale_db.c src/scale/shortage.c src/scale/shortage_rows.c src/scale/slot_nodes.c src/scale/snapshot.c src/scale/snapshot_rows.c \
         src/scale/start_failures.c src/scale/zones.c
APPS  += lars-autoscaler
TESTS += test_front_life test_front_life_down test_front_gateways e2e_front e2e_front_hooks.sh
FUZZ  += fuzz_hook_list
TESTS += test_exec_modules test_lease test_node_life test_node_life_away test_measures test_measures_life test_scale_db test_deciders_inputs test_hook e2e_autoscaler e2e_autoscaler_exec e2e_hook_k8s.sh e2e_clock_steps

# lars-load and larsctl capacity
SRCS  += src/load/arrivals.c src/load/capacity_run.c src/load/capacity_search.c src/load/cookie_jar.c src/load/figures.c src/load/http_link.c src/load/log_replay.c src/load/path_list.c src/load/play.c src/load/target.c src/load/visits.c
SRCS  += src/ops/capacity_change.c src/ops/measure_change.c src/ops/measured_build.c src/ctl/cmd_measure.c src/ctl/host_times.c src/ctl/measure_slot.c src/ctl/node_watch.c src/ctl/capacity_words.c src/ctl/cmd_capacity.c src/ctl/guard.c
APPS  += lars-load
TESTS += test_arrivals test_visits test_target test_cookie_jar test_capacity_search test_host_times e2e_load e2e_load_gateway e2e_capacity e2e_measure_slot
# the nodes and the generator share the processors with other tests
ALONE += e2e_capacity e2e_measure_slot
FUZZ  += fuzz_load_input

# alarms
TESTS += test_alarm_scale test_measured_build e2e_capacity_stale test_shortage test_shortage_rows
# larsctl scale, plan, host
SRCS  += src/ops/front_change.c src/ops/scale_change.c src/ctl/cmd_front.c src/ctl/cmd_scale.c
TESTS += e2e_larsctl_scale e2e_larsctl_front

# zones: drain, return, and how their databases stand
SRCS  += src/ops/zone_change.c src/db/zone_db.c src/net/host_alive.c
SRCS  += src/ctl/cmd_zone.c src/ctl/cmd_zone_db.c src/ctl/zone_hosts.c
TESTS += test_zone_db test_deciders_out test_host_alive test_zone_hosts e2e_zone e2e_zone_gateway e2e_console_zone e2e_zone_fence.sh

# what visitors ask for
SRCS  += src/scale/json_member.c src/scale/node_minutes.c src/scale/nodes_answer.c src/scale/track.c
TESTS += test_node_times test_node_minutes test_track e2e_track
FUZZ  += fuzz_nodes_answer
SRCS  += src/scale/demand.c src/scale/demand_answer.c src/scale/demand_follow.c src/scale/demand_nodes.c src/scale/demand_orders.c src/scale/demand_rates.c src/scale/demand_question.c
TESTS += test_demand_rates test_demand e2e_demand test_deciders_demand
FUZZ  += fuzz_demand

# the page Drill of the console
SRCS  += src/ops/drill_change.c src/ops/gateway_change.c src/web/api_gateway_change.c src/web/api_brief.c src/web/api_drill.c src/web/read_scaling.c
TESTS += e2e_console_drill e2e_console_gateway e2e_drill_row

# the page Scaling of the console
SRCS  += src/web/api_row.c src/web/api_scaling.c src/web/api_scaling_change.c src/web/api_spans.c
TESTS += e2e_console_scaling

# lars-slotd: the nodes of a host
SRCS  += src/slot/child.c src/slot/orders_file.c src/slot/program_build.c src/slot/slot_metrics.c src/slot/slot_modules.c src/slot/slot_step.c src/slot/slots.c
APPS  += lars-slotd
TESTS += test_slots test_slots_again test_slot_modules test_program_build e2e_slotd

# larsctl drill
SRCS  += src/drill/actions.c src/drill/drill_db.c src/drill/drill_row.c src/drill/faults.c src/drill/journal.c src/drill/limits.c src/drill/load_plan.c src/drill/preflight.c src/drill/process.c src/drill/record.c src/drill/rehearsal.c src/drill/report.c src/drill/report_chart.c src/drill/report_page.c src/drill/script.c src/drill/script_check.c src/drill/slow_node.c src/drill/watch.c
SRCS  += src/ctl/cmd_drill.c
TESTS += test_drill_script test_drill_record e2e_drill e2e_drill_gateway e2e_drill_slow
# its load is no visit
SRCS  += src/drill/load_mark.c
TESTS += e2e_drill_visits.sh

# make run with its autoscaler
TESTS += e2e_scale.sh e2e_scale_faults.sh
ALONE += e2e_scale.sh e2e_scale_faults.sh

# larsctl demo
SRCS  += src/ctl/cmd_demo.c src/ctl/demo_calls.c src/ctl/demo_nodes.c
TESTS += e2e_demo.sh
