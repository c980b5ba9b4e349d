/* The state machine of slots with real processes: what each order, each end of a process
 * and each result of a check leads to, and that no slot has two nodes. */
#include "lib/slotrun.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "net/sock.h"
#include "slot/child.h"

/* --- a node's life ------------------------------------------------------------------ */

static void t_ordered_node_becomes_ready_and_is_told_with_port_and_pid(void **state)
{
    const struct slot_status *s;

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "check = /healthz");
    slotrun_order(2, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(2, SLOT_READY));
    s = slotrun_status(2);
    assert_int_equal(s->modid, 20);
    assert_int_equal(s->cmdid, 1);
    assert_int_equal(s->port, slotfix_port + 1);
    assert_int_equal(s->pid, slotfix_pid(2));
    assert_int_equal(s->starts, 1);
    assert_string_equal(s->note, "");
    assert_true(slotfix_is_alive((pid_t)s->pid));
    assert_int_equal(slots_status(slotrun.slots, slotrun.at, SLOT_MAX), 1);
    assert_true(slotrun.n_changes >= 2);
}

static void t_slot_without_an_order_ends_its_node_and_is_empty(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    slotrun_order(1, 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_EMPTY));
    assert_int_equal(slotfix_n_alive(), 0);
    assert_int_equal(slots_n_running(slotrun.slots), 0);
    assert_int_equal(slotrun_stat().n_kills, 0);
    assert_int_equal(slotrun_stat().n_failed, 0);
}

static void t_order_for_another_module_ends_the_node_before_it_starts_one(void **state)
{
    char more[300];
    pid_t first;

    (void)state;
    snprintf(more, sizeof(more), "[module 20/2]\nrun = %s {address}:{port}",
             slotfix_script("other", slotfix_serve()));
    slotrun_create(slotfix_script("node", slotfix_serve()), more);
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    first = slotfix_pid(1);
    slotrun_order(1, 2);
    LOOP_UNTIL(slotrun.loop, slotrun_status(1)->cmdid == 2);
    assert_true(slotrun_is(1, SLOT_STARTING));
    assert_false(slotfix_is_alive(first));
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(slotfix_n_alive(), 1);
    assert_int_equal(slotrun_status(1)->starts, 1);
}

static void t_node_that_ignores_sigterm_is_killed_after_drain_ms(void **state)
{
    (void)state;
    slotrun.cfg.drain_ms = 50;
    slotrun_create(slotfix_script("node",
                                  "trap '' TERM\ntimeout --foreground 300 sleep 300 &\n"
                                  "while :; do wait; done"),
                   "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotfix_n_starts() == 1);
    slotrun_order(1, 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_EMPTY));
    assert_true(slotrun_stat().n_kills >= 1);
    assert_int_equal(slotfix_n_alive(), 0);
}

static void t_processes_that_a_node_leaves_behind_end_with_it(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", "sh -c 'echo $$ >>$0/starts; exec sleep 300' "
                                          "$(dirname $0) &\nwait"),
                   "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotfix_n_starts() == 2);
    kill(slotfix_pid(1), SIGKILL);
    slotrun_order(1, 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_EMPTY));
    LOOP_UNTIL(slotrun.loop, slotfix_n_alive() == 0); /* SIGKILL takes a moment */
}

/* --- failures ----------------------------------------------------------------------- */

static void t_node_that_ends_at_once_is_failed_with_its_status_and_retried(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", "exit 7"), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "exit status 7"));
    assert_int_equal(slotrun_status(1)->pid, 0);
    assert_int_equal(slotrun_status(1)->starts, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_status(1)->starts == 2);
}

static void t_program_that_is_not_there_is_failed_and_the_log_has_the_reason(void **state)
{
    char path[200], text[200] = "";
    FILE *f;

    (void)state;
    slotrun_create("/nonexistent/node", "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    if (!t_mode_is("memcheck")) /* valgrind changes the exit status */
        assert_true(slotrun_is_noted(1, "could not be executed; 1.log"));
    snprintf(path, sizeof(path), "%s/1.log", slotfix_dir);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_non_null(strstr(text, "cannot execute /nonexistent/node: No such file"));
}

static void t_node_that_never_passes_its_check_is_failed_after_start_ms(void **state)
{
    (void)state;
    slotrun.cfg.start_ms = 100;
    slotrun_create(slotfix_script("node", "exec sleep 300"), "check = /healthz");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "did not pass its check within 100 ms"));
    LOOP_UNTIL(slotrun.loop, slotrun_status(1)->starts == 2);
    assert_true(slotfix_n_alive() <= 1);
}

static void t_port_of_another_program_is_failed_without_a_process(void **state)
{
    struct net_addr at;
    int fd;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", (uint16_t)slotfix_port), 0);
    fd = sock_listen(&at, 1, 0);
    assert_true(fd >= 0);
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "Address already in use"));
    assert_int_equal(slotfix_n_starts(), 0);
    close(fd);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
}

static void t_module_that_the_file_does_not_name_fails_until_it_does(void **state)
{
    struct slot_modules *m;
    char err[CONF_ERR_MAX];

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 5);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "no [module 20/5]"));
    assert_int_equal(slotrun_status(1)->starts, 0);
    assert_int_equal(
        slot_modules_create(&m,
                            slotfix_write("modules.ini",
                                          "[module 20/5]\nrun = %s/node {address}:{port}",
                                          slotfix_dir),
                            err),
        0);
    slots_set_modules(slotrun.slots, m);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
}

static void t_node_that_stops_answering_is_sick_and_ready_when_it_answers(void **state)
{
    pid_t pid;

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "check = /healthz");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    pid = slotfix_pid(1);
    kill(-pid, SIGSTOP);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_SICK));
    assert_true(slotrun_is_noted(1, "checks in a row have failed"));
    kill(-pid, SIGCONT);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(slotfix_pid(1), pid);
    assert_string_equal(slotrun_status(1)->note, "");
}

static void t_node_that_stays_sick_is_started_anew(void **state)
{
    pid_t pid;

    (void)state;
    slotrun.cfg.start_ms = 3000;
    slotrun.cfg.drain_ms = 50;
    slotrun_create(slotfix_script("node", slotfix_serve()), "check = /healthz");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    pid = slotfix_pid(1);
    kill(-pid, SIGSTOP);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "has not passed its check for 3000 ms"));
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_not_equal(slotfix_pid(1), pid);
    assert_false(slotfix_is_alive(pid));
}

static void t_node_that_was_killed_is_started_again(void **state)
{
    pid_t pid;

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    pid = slotfix_pid(1);
    kill(-pid, SIGKILL);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "ended by signal 9"));
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(slotfix_n_alive(), 1);
}

/* --- limits ------------------------------------------------------------------------- */

static void t_node_is_not_given_up_while_descriptors_are_short(void **state)
{
    struct rlimit was, few;
    uint64_t end;

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "check = /healthz");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 3; /* none is free */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    end = t_now_ms() + 500;
    while (t_now_ms() < end)
        loop_turn(slotrun.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(slotrun_stat().n_failed, 0);
    assert_int_equal(slots_n_running(slotrun.slots), 1);
    assert_int_equal(slotfix_n_alive(), 1);
    slotrun_order(1, 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_EMPTY));
}

static void t_log_of_a_node_that_writes_much_is_cut_and_the_last_part_kept(void **state)
{
    char path[200], text[400];
    struct stat old, now;

    (void)state;
    snprintf(text, sizeof(text), "head -c %u /dev/zero\n%s", CHILD_LOG_MAX + 1,
             slotfix_serve());
    slotrun_create(slotfix_script("node", text), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    snprintf(path, sizeof(path), "%s/1.log.old", slotfix_dir);
    LOOP_UNTIL(slotrun.loop, stat(path, &old) == 0);
    snprintf(path, sizeof(path), "%s/1.log", slotfix_dir);
    LOOP_UNTIL(slotrun.loop, stat(path, &now) == 0 && now.st_size < CHILD_LOG_MAX);
    assert_true(old.st_size > CHILD_LOG_MAX);
}

T_MAIN(SLOTRUN_TEST(t_ordered_node_becomes_ready_and_is_told_with_port_and_pid),
       SLOTRUN_TEST(t_slot_without_an_order_ends_its_node_and_is_empty),
       SLOTRUN_TEST(t_order_for_another_module_ends_the_node_before_it_starts_one),
       SLOTRUN_TEST(t_node_that_ignores_sigterm_is_killed_after_drain_ms),
       SLOTRUN_TEST(t_processes_that_a_node_leaves_behind_end_with_it),
       SLOTRUN_TEST(t_node_that_ends_at_once_is_failed_with_its_status_and_retried),
       SLOTRUN_TEST(t_program_that_is_not_there_is_failed_and_the_log_has_the_reason),
       SLOTRUN_TEST(t_node_that_never_passes_its_check_is_failed_after_start_ms),
       SLOTRUN_TEST(t_port_of_another_program_is_failed_without_a_process),
       SLOTRUN_TEST(t_module_that_the_file_does_not_name_fails_until_it_does),
       SLOTRUN_TEST(t_node_that_stops_answering_is_sick_and_ready_when_it_answers),
       SLOTRUN_TEST(t_node_that_stays_sick_is_started_anew),
       SLOTRUN_TEST(t_node_that_was_killed_is_started_again),
       SLOTRUN_TEST(t_node_is_not_given_up_while_descriptors_are_short),
       SLOTRUN_TEST(t_log_of_a_node_that_writes_much_is_cut_and_the_last_part_kept))
