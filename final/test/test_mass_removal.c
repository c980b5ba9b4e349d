/* The rule that calls a change a mass removal, at its limits. */
#include "route/mass_removal.h"
#include "t.h"

static void t_removal_of_the_last_node_is_a_mass_removal(void **state)
{
    (void)state;
    assert_true(mass_removal_of_module(1, 1, 0));
    assert_true(mass_removal_of_module(100, 100, 0));
    assert_true(mass_removal_of_module(0, 1, 0)); /* no removed node was up */
    assert_false(mass_removal_of_module(1, 1, 1)); /* replaced by another node */
}

static void t_removal_of_more_than_half_of_a_module_is_a_mass_removal(void **state)
{
    (void)state;
    assert_false(mass_removal_of_module(4, 0, 4));
    assert_false(mass_removal_of_module(0, 0, 0));
    assert_false(mass_removal_of_module(2, 1, 1));
    assert_false(mass_removal_of_module(4, 2, 2));
    assert_true(mass_removal_of_module(3, 2, 1));
    assert_false(mass_removal_of_module(1000, 500, 500));
    assert_true(mass_removal_of_module(1000, 501, 499));
}

static void t_removal_of_30_percent_of_all_nodes_is_a_mass_removal(void **state)
{
    (void)state;
    assert_false(mass_removal_of_all(1, 1));
    assert_true(mass_removal_of_all(6, 2));
    assert_false(mass_removal_of_all(7, 2));
    assert_false(mass_removal_of_all(1000000, 299999));
    assert_true(mass_removal_of_all(1000000, 300000));
}

T_MAIN(cmocka_unit_test(t_removal_of_the_last_node_is_a_mass_removal),
       cmocka_unit_test(t_removal_of_more_than_half_of_a_module_is_a_mass_removal),
       cmocka_unit_test(t_removal_of_30_percent_of_all_nodes_is_a_mass_removal))
