/* How many loops accept visitors follows the load of those that do. */
#include "gateway/loop_rule.h"
#include "t.h"

static void t_two_seconds_of_high_load_double_the_loops_up_to_the_most(void **state)
{
    struct loop_rule r = {0};

    (void)state;
    assert_int_equal(loop_rule_next(&r, 2, 6, 601, 1000), 2);
    assert_int_equal(loop_rule_next(&r, 2, 6, 601, 2999), 2);
    assert_int_equal(loop_rule_next(&r, 2, 6, 601, 3000), 4);
    assert_int_equal(loop_rule_next(&r, 4, 6, 900, 4000), 4); /* the time begins anew */
    assert_int_equal(loop_rule_next(&r, 4, 6, 900, 6000), 6);
    assert_int_equal(loop_rule_next(&r, 6, 6, 900, 8000), 6);
}

static void t_a_second_of_less_load_begins_the_time_anew(void **state)
{
    struct loop_rule r = {0};

    (void)state;
    assert_int_equal(loop_rule_next(&r, 1, 8, 900, 1000), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 600, 2000), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 900, 3000), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 900, 4999), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 900, 5000), 2);
}

static void t_five_minutes_of_low_load_retire_one_loop_and_never_the_last(void **state)
{
    struct loop_rule r = {0};

    (void)state;
    assert_int_equal(loop_rule_next(&r, 2, 8, 249, 1000), 2);
    assert_int_equal(loop_rule_next(&r, 2, 8, 0, 300999), 2);
    assert_int_equal(loop_rule_next(&r, 2, 8, 0, 301000), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 0, 302000), 1);
    assert_int_equal(loop_rule_next(&r, 1, 8, 0, 602000), 1);
}

T_MAIN(T(t_two_seconds_of_high_load_double_the_loops_up_to_the_most),
       T(t_a_second_of_less_load_begins_the_time_anew),
       T(t_five_minutes_of_low_load_retire_one_loop_and_never_the_last))
