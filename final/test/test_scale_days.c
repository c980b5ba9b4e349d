/* The rule of scaling in virtual time: thirty days of a module, and steps of the load. */
#include "scale/sim_day.h"

#include "t.h"

#define DAYS 30

struct days {
    struct sim_day_figures sum;
    unsigned most_actions;
    double capacity; /* mean of the days */
};

/* Prints the seed of a day with more than is promised for usual noise. */
static void run_days(const struct sim_day *usual, unsigned days, struct days *out)
{
    struct sim_day d = *usual;
    struct sim_day_figures f;

    memset(out, 0, sizeof(*out));
    for (d.seed = 1; d.seed <= days; d.seed++) {
        assert_int_equal(sim_day_run(&d, &f), 0);
        if (d.rule == &sim_rule_ours && (f.actions > 24 || f.short_s > 0))
            print_message("seed %u, mean %.0f: %u actions, %u s short, %.3f\n",
                          (unsigned)d.seed, d.mean, f.actions, f.short_s, f.capacity);
        out->sum.actions += f.actions;
        out->sum.short_s += f.short_s;
        out->sum.unsafe_s += f.unsafe_s;
        out->capacity += f.capacity / days;
        if (f.actions > out->most_actions)
            out->most_actions = f.actions;
    }
}

static void check_days(double mean, unsigned days)
{
    struct sim_day d = sim_day_usual;
    struct days all;

    d.mean = mean;
    run_days(&d, days, &all);
    assert_true(all.most_actions <= 24);
    assert_int_equal(all.sum.short_s, 0);
    assert_true(all.capacity <= 1.20);
    assert_true(all.capacity >= 1);
}

static void t_thirty_days_of_twenty_nodes_of_load_keep_the_three_promises(void **state)
{
    (void)state;
    check_days(20, DAYS);
}

static void t_days_of_small_and_large_modules_keep_them_too(void **state)
{
    (void)state;
    check_days(3, 4);
    check_days(8, 4);
    check_days(60, 4);
    check_days(200, 4);
}

static void t_twice_the_noise_is_never_short(void **state)
{
    struct sim_day d = sim_day_usual;
    struct days all;

    (void)state;
    d.noise = 0.2;
    run_days(&d, 5, &all);
    assert_int_equal(all.sum.short_s, 0);
    assert_true(all.sum.actions <= 5 * 36);
}

/* The others have the same load, and the same target in normal use. */
static void t_the_other_rules_change_more_and_survive_a_zone_less(void **state)
{
    struct sim_day d = sim_day_usual;
    struct days ours, hpa, knative;

    (void)state;
    run_days(&d, 3, &ours);
    d.rule = &sim_rule_hpa;
    run_days(&d, 3, &hpa);
    d.rule = &sim_rule_knative;
    run_days(&d, 3, &knative);
    assert_true(hpa.sum.actions > 2 * ours.sum.actions);
    assert_true(knative.sum.actions > hpa.sum.actions);
    assert_true(hpa.sum.unsafe_s > ours.sum.unsafe_s);
    assert_true(knative.sum.unsafe_s > ours.sum.unsafe_s);
}

static void run_step(const struct sim_rule *rule, double step, uint64_t seed,
                     struct sim_day_figures *f)
{
    struct sim_day d = sim_day_usual;

    d.rule = rule;
    d.step = step;
    d.seed = seed;
    d.wave = 0;
    d.seconds = 1200;
    assert_int_equal(sim_day_run(&d, f), 0);
}

static void t_steps_of_load_are_decided_in_the_first_and_second_round(void **state)
{
    struct sim_day_figures f;
    uint64_t seed;

    (void)state;
    for (seed = 1; seed <= 30; seed++) {
        run_step(&sim_rule_ours, 8, seed, &f);
        assert_int_equal(f.decided_s, 1);
        run_step(&sim_rule_ours, 3, seed, &f);
        assert_in_range(f.decided_s, 1, 2);
        assert_in_range(f.enough_s, 1, 60);
    }
}

static void t_a_day_is_the_same_for_the_same_seed_and_another_for_another(void **state)
{
    struct sim_day d = sim_day_usual;
    struct sim_day_figures a, b;

    (void)state;
    d.seconds = 7200;
    assert_int_equal(sim_day_run(&d, &a), 0);
    assert_int_equal(sim_day_run(&d, &b), 0);
    assert_true(a.capacity == b.capacity && a.unsafe_s == b.unsafe_s);
    d.seed++;
    assert_int_equal(sim_day_run(&d, &b), 0);
    assert_true(a.capacity != b.capacity);
}

static void t_without_noise_and_wave_nothing_changes(void **state)
{
    const struct sim_rule *rules[] = {&sim_rule_ours, &sim_rule_hpa, &sim_rule_knative};
    struct sim_day d = sim_day_usual;
    struct sim_day_figures f;
    unsigned i;

    (void)state;
    d.wave = d.noise = 0;
    d.mean = 18;
    for (i = 0; i < 3; i++) {
        d.rule = rules[i];
        assert_int_equal(sim_day_run(&d, &f), 0);
        assert_int_equal(f.actions, 0);
        assert_true(f.capacity == 1 && f.most == 40 && f.least == 40);
    }
}

static void t_figures_out_of_bounds_are_refused(void **state)
{
    struct sim_day d = sim_day_usual;
    struct sim_day_figures f;

    (void)state;
    d.zones = 0;
    assert_int_equal(sim_day_run(&d, &f), -EINVAL);
    d = sim_day_usual;
    d.start_s = 601;
    assert_int_equal(sim_day_run(&d, &f), -EINVAL);
    d = sim_day_usual;
    d.mean = 0;
    assert_int_equal(sim_day_run(&d, &f), -EINVAL);
    d = sim_day_usual;
    d.wave = 1;
    assert_int_equal(sim_day_run(&d, &f), -EINVAL);
}

T_MAIN(T(t_thirty_days_of_twenty_nodes_of_load_keep_the_three_promises),
       T(t_days_of_small_and_large_modules_keep_them_too),
       T(t_twice_the_noise_is_never_short),
       T(t_the_other_rules_change_more_and_survive_a_zone_less),
       T(t_steps_of_load_are_decided_in_the_first_and_second_round),
       T(t_a_day_is_the_same_for_the_same_seed_and_another_for_another),
       T(t_without_noise_and_wave_nothing_changes),
       T(t_figures_out_of_bounds_are_refused))
