/* What the next lars-slotd makes of what the last one has left: nodes that run, locks,
 * orders and their fence. */
#include "lib/slotrun.h"

#include <fcntl.h>
#include <sys/file.h>

/* --- fences ------------------------------------------------------------------------- */

static void t_orders_of_a_lower_fence_are_refused_also_after_a_restart(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun.fence = 7;
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(slots_order(slotrun.slots, 6, NULL, 0), -ESTALE);
    slotrun_create_again(slotfix_script("node", slotfix_serve()), "");
    assert_int_equal(slots_order(slotrun.slots, 6, NULL, 0), -ESTALE);
    assert_int_equal(slotrun_stat().fence, 7);
    assert_int_equal(slotrun_stat().n_stale, 1);
    loop_turn(slotrun.loop);
    assert_true(slotrun_is(1, SLOT_READY));
    assert_int_equal(slots_order(slotrun.slots, 7, NULL, 0), 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_EMPTY));
}

static void t_orders_that_make_no_sense_change_nothing(void **state)
{
    struct slot_order twice[] = {{1, 20, 1}, {1, 20, 2}};
    struct slot_order none[] = {{0, 20, 1}}, far[] = {{5, 20, 1}}, zero[] = {{1, 0, 0}};

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    assert_int_equal(slots_order(slotrun.slots, 3, twice, 2), -EINVAL);
    assert_int_equal(slots_order(slotrun.slots, 3, none, 1), -EINVAL);
    assert_int_equal(slots_order(slotrun.slots, 3, far, 1), -EINVAL);
    assert_int_equal(slots_order(slotrun.slots, 3, zero, 1), -EINVAL);
    assert_int_equal(slotrun_stat().fence, 0);
    assert_int_equal(slotrun_stat().n_orders, 0);
}

/* --- an earlier lars-slotd ---------------------------------------------------------- */

static void t_node_of_an_earlier_run_is_found_ready_and_not_started_again(void **state)
{
    pid_t pid;

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "check = /healthz");
    slotrun_order(3, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(3, SLOT_READY));
    pid = slotfix_pid(3);
    slotrun_create_again(slotfix_script("node", slotfix_serve()), "check = /healthz");
    assert_true(slotrun_is(3, SLOT_READY)); /* before the loop has made a turn */
    assert_int_equal(slotrun_status(3)->pid, pid);
    slotrun_order(3, 1);
    loop_turn(slotrun.loop);
    assert_int_equal(slotrun_stat().n_starts, 0);
    assert_int_equal(slotrun_stat().n_adopted, 1);
    slotrun_order(3, 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(3, SLOT_EMPTY));
    assert_false(slotfix_is_alive(pid));
}

static void t_node_that_closed_its_lock_is_found_by_its_process(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", "exec 3>&-\nexec sleep 300"), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotfix_n_starts() == 1);
    slotrun_create_again(slotfix_script("node", "exec 3>&-\nexec sleep 300"), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_status(1)->pid != 0);
    assert_int_equal(slotrun_stat().n_adopted, 1);
    assert_int_equal(slotfix_n_starts(), 1);
}

/* The number in the file belongs to another process now, here that of the test. */
static void t_number_of_another_process_is_not_taken_for_the_node(void **state)
{
    char line[200];

    (void)state;
    snprintf(line, sizeof(line), "module=20/1 port=%u pid=%d start=1 ready=1",
             slotfix_port, (int)getpid());
    slotfix_write("1.lock", "%-127s\n", line);
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    assert_true(slotrun_is(1, SLOT_EMPTY));
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    assert_int_equal(slotrun_stat().n_starts, 1);
}

static void t_slot_whose_lock_is_held_is_not_started_and_the_note_says_why(void **state)
{
    int fd;

    (void)state;
    fd = open(slotfix_write("1.lock", "%-127s\n", ""), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_FAILED));
    assert_true(slotrun_is_noted(1, "holds 1.lock"));
    assert_int_equal(slotfix_n_starts(), 0);
    close(fd);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
}

/* Without orders since the start, what the file has is followed. */
static void t_remembered_order_starts_its_node_again(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
    slotrun_create_again(slotfix_script("node", slotfix_serve()), "");
    kill(-slotfix_pid(1), SIGKILL);
    LOOP_UNTIL(slotrun.loop, slotfix_n_starts() == 2);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY));
}

static void t_slot_above_the_number_ends_its_node_with_the_first_orders(void **state)
{
    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    slotrun_order(4, 1);
    LOOP_UNTIL(slotrun.loop, slotrun_is(4, SLOT_READY));
    slotrun.cfg.n = 2;
    slotrun_create_again(slotfix_script("node", slotfix_serve()), "");
    assert_int_equal(slots_n_running(slotrun.slots), 1);
    assert_int_equal(slots_status(slotrun.slots, slotrun.at, SLOT_MAX), 0);
    slotrun_order(1, 0);
    LOOP_UNTIL(slotrun.loop, slotfix_n_alive() == 0);
}

/* --- the program -------------------------------------------------------------------- */

static void t_build_is_that_of_the_file_that_runs_and_not_of_its_successor(void **state)
{
    char first[SLOT_BUILD], second[SLOT_BUILD];

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve_by("one")), "check = /healthz");
    snprintf(first, sizeof(first), "%s", slotfix_digits("timeout"));
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, strcmp(slotrun_status(1)->build, first) == 0);
    assert_true(slotrun_is(1, SLOT_READY));
    slotrun.n_changes = 0;
    slotrun_create_again(slotfix_script("node", slotfix_serve_by("two")),
                         "check = /healthz");
    snprintf(second, sizeof(second), "%s", slotfix_digits("timeout"));
    assert_string_not_equal(first, second);
    LOOP_UNTIL(slotrun.loop, slotrun_status(1)->build[0] != '\0'); /* it was adopted */
    assert_string_equal(slotrun_status(1)->build, first);
    assert_true(slotrun.n_changes > 0);
    kill(-slotfix_pid(1), SIGKILL);
    LOOP_UNTIL(slotrun.loop, !slotrun_is(1, SLOT_READY));
    assert_string_equal(slotrun_status(1)->build, "");
    slotrun_order(1, 1);
    LOOP_UNTIL(slotrun.loop, strcmp(slotrun_status(1)->build, second) == 0);
    assert_int_equal(slotfix_n_starts(), 2);
}

static void t_folder_that_cannot_be_written_is_an_error_that_names_it(void **state)
{
    struct slot_modules *m;
    char err[CONF_ERR_MAX];

    (void)state;
    assert_int_equal(slot_modules_create(&m, slotfix_write("modules.ini", "%s", ""), err),
                     0);
    slotrun.cfg.dir = "/nonexistent/slots";
    assert_int_equal(slots_create(&slotrun.slots, &slotrun.cfg, m, err), -ENOENT);
    assert_non_null(strstr(err, "/nonexistent/slots, [slots] state_dir"));
}

static void t_stop_all_ends_every_node_and_keeps_the_orders(void **state)
{
    struct slot_order o[] = {{1, 20, 1}, {2, 20, 1}};

    (void)state;
    slotrun_create(slotfix_script("node", slotfix_serve()), "");
    assert_int_equal(slots_order(slotrun.slots, 1, o, 2), 0);
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY) && slotrun_is(2, SLOT_READY));
    slots_stop_all(slotrun.slots);
    LOOP_UNTIL(slotrun.loop, slots_n_running(slotrun.slots) == 0);
    slotrun_create_again(slotfix_script("node", slotfix_serve()), "");
    LOOP_UNTIL(slotrun.loop, slotrun_is(1, SLOT_READY) && slotrun_is(2, SLOT_READY));
}

T_MAIN(SLOTRUN_TEST(t_orders_of_a_lower_fence_are_refused_also_after_a_restart),
       SLOTRUN_TEST(t_orders_that_make_no_sense_change_nothing),
       SLOTRUN_TEST(t_node_of_an_earlier_run_is_found_ready_and_not_started_again),
       SLOTRUN_TEST(t_node_that_closed_its_lock_is_found_by_its_process),
       SLOTRUN_TEST(t_number_of_another_process_is_not_taken_for_the_node),
       SLOTRUN_TEST(t_slot_whose_lock_is_held_is_not_started_and_the_note_says_why),
       SLOTRUN_TEST(t_remembered_order_starts_its_node_again),
       SLOTRUN_TEST(t_slot_above_the_number_ends_its_node_with_the_first_orders),
       SLOTRUN_TEST(t_build_is_that_of_the_file_that_runs_and_not_of_its_successor),
       SLOTRUN_TEST(t_folder_that_cannot_be_written_is_an_error_that_names_it),
       SLOTRUN_TEST(t_stop_all_ends_every_node_and_keeps_the_orders))
