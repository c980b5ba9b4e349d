/* What a reload replaces lives as long as a request uses it, and modules keep their
 * admission and their budget. */
#include "lib/textfile.h"

#include "gateway/generation.h"

#define KEY "0123456789abcdef0123456789abcdef\n"

static char rules_path[200], keys_path[200], err[CONF_ERR_MAX];
static struct admit *admit;
static struct modules *modules;
static struct generation_config cfg;

static int setup(void **state)
{
    struct admit_config c = {.n_modules = MODULES_MAX,
                             .unmeasured = 10,
                             .affordable = 1000};
    const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";

    (void)t_fds_save(state);
    snprintf(rules_path, sizeof(rules_path), "%s/lars_gen_%d.ini", dir, (int)getpid());
    snprintf(keys_path, sizeof(keys_path), "%s/lars_gen_%d.key", dir, (int)getpid());
    textfile_write(keys_path, KEY);
    cfg = (struct generation_config){.rules = rules_path, .key_file = keys_path};
    if (admit_create(&admit, &c) < 0 || modules_create(&modules, admit) < 0)
        return -1;
    cfg.modules = modules;
    return 0;
}

static int teardown(void **state)
{
    modules_destroy(modules);
    admit_destroy(admit);
    unlink(rules_path);
    unlink(keys_path);
    return t_fds_check(state);
}

static struct generation *create(const char *rules)
{
    struct generation *g = NULL;

    textfile_write(rules_path, "%s", rules);
    if (generation_create(&g, &cfg, err) < 0)
        fail_msg("%s", err);
    return g;
}

static const struct rule *rule_at(const struct generation *g, const char *target)
{
    return rules_find(g->rules, (struct http_text){"a", 1},
                      (struct http_text){target, (uint32_t)strlen(target)});
}

static unsigned n_modules(void)
{
    struct modules_entry list[MODULES_MAX];

    return modules_list(modules, list);
}

/* <n> rules with one module each, from module <first>/1 on. */
static void write_many(unsigned first, unsigned n)
{
    FILE *f = fopen(rules_path, "w");
    unsigned i;

    assert_non_null(f);
    for (i = 0; i < n; i++)
        fprintf(f, "[rule r%u]\npath = /%u\nmodule = %u/1\n", i, i, first + i);
    fclose(f);
}

static uint32_t limit(unsigned slot)
{
    struct admit_view now;

    admit_look(admit, slot, 1000, &now);
    return now.limit;
}

static void t_a_module_keeps_its_slot_when_rules_are_added_and_reordered(void **state)
{
    struct generation *old = create("[rule a]\npath = /a\nmodule = 1/1\n"
                                    "[rule b]\npath = /b\nmodule = 1/2\n");
    struct generation *next = create("[rule c]\nmodule = 1/3\n"
                                     "[rule b]\npath = /b/long\nmodule = 1/2\n"
                                     "[rule b2]\npath = /b\nmodule = 1/2\n"
                                     "[rule a]\npath = /a\nmodule = 1/1\n");

    (void)state;
    assert_int_equal(rule_at(next, "/a")->slot, rule_at(old, "/a")->slot);
    assert_int_equal(rule_at(next, "/b")->slot, rule_at(old, "/b")->slot);
    assert_int_equal(rule_at(next, "/b/long")->slot, rule_at(old, "/b")->slot);
    assert_int_not_equal(rule_at(next, "/")->slot, rule_at(old, "/a")->slot);
    assert_int_not_equal(rule_at(next, "/")->slot, rule_at(old, "/b")->slot);
    assert_int_equal(n_modules(), 3);
    generation_unref(old);
    assert_int_equal(n_modules(), 3);
    generation_unref(next);
    assert_int_equal(n_modules(), 0);
}

static void t_a_module_keeps_its_limit_and_its_budget_when_another_one_goes(void **state)
{
    struct generation *old = create("[rule a]\npath = /a\nmodule = 1/1\n"
                                    "[rule b]\npath = /b\nmodule = 1/2\n");
    unsigned b = rule_at(old, "/b")->slot;
    struct lars_budget *budget = modules_budget(modules, b);
    struct generation *next;

    (void)state;
    admit_set_capacity(admit, b, &(struct admit_capacity){.nodes_in = 7, .share = 1});
    assert_true(admit_enter(admit, b, ADMIT_CLASS_NEW));
    budget->opaque[0] = 42;
    next = create("[rule b]\npath = /b\nmodule = 1/2\n");
    generation_unref(old);
    assert_int_equal(rule_at(next, "/b")->slot, b);
    assert_int_equal(limit(b), 105);
    assert_ptr_equal(modules_budget(modules, b), budget);
    assert_int_equal(budget->opaque[0], 42);
    admit_leave(admit, b);
    generation_unref(next);
}

static void t_a_slot_begins_anew_with_another_module(void **state)
{
    struct generation *old = create("[rule a]\nmodule = 1/1\n"), *next;
    unsigned slot = rule_at(old, "/")->slot;
    uint64_t refused[ADMIT_CLASSES];
    struct admit_view now;

    (void)state;
    admit_set_capacity(admit, slot, &(struct admit_capacity){.nodes_in = 7, .share = 1});
    admit_refused(admit, slot, ADMIT_CLASS_NEW, 1000);
    modules_budget(modules, slot)->opaque[0] = 42;
    generation_unref(old);
    next = create("[rule a]\nmodule = 1/9\n");
    assert_int_equal(rule_at(next, "/")->slot, slot);
    admit_look(admit, slot, 1000, &now);
    assert_int_equal(now.limit, 15);
    assert_int_equal(now.state, ADMIT_NORMAL);
    assert_int_equal(now.refused[ADMIT_CLASS_NEW], 0);
    admit_count_refused(admit, refused);
    assert_int_equal(refused[ADMIT_CLASS_NEW], 1);
    assert_int_equal(modules_budget(modules, slot)->opaque[0], 0);
    generation_unref(next);
}

static void t_a_generation_lives_until_the_last_request_of_each_loop_ends(void **state)
{
    struct generation *g = create("[rule a]\nmodule = 1/1\n");

    (void)state;
    generation_ref(g);
    generation_ref(g);
    generation_begin(g, 0);
    generation_begin(g, 0);
    generation_unref(g);
    generation_end(g, 1); /* loop 1 has no request */
    generation_end(g, 0); /* loop 0 uses another generation */
    generation_end(g, 0);
    assert_int_equal(n_modules(), 1);
    assert_int_equal(rule_at(g, "/")->modid, 1);
    generation_end(g, 0);
    assert_int_equal(n_modules(), 0);
}

static void t_any_number_of_modules_one_after_another_finds_slots(void **state)
{
    struct generation *g = NULL, *next;
    unsigned i;

    (void)state;
    for (i = 0; i < 20; i++) {
        write_many(1 + i * RULES_MAX, RULES_MAX);
        assert_int_equal(generation_create(&next, &cfg, err), 0);
        generation_unref(g);
        g = next;
    }
    assert_int_equal(n_modules(), RULES_MAX);
    generation_unref(g);
}

static void t_more_modules_in_use_than_slots_are_refused_and_take_none(void **state)
{
    struct generation *g[2], *next = NULL;

    (void)state;
    write_many(1, RULES_MAX);
    assert_int_equal(generation_create(&g[0], &cfg, err), 0);
    write_many(101, RULES_MAX);
    assert_int_equal(generation_create(&g[1], &cfg, err), 0);
    write_many(162, 5); /* four of them are in use */
    assert_int_equal(generation_create(&next, &cfg, err), -ENOBUFS);
    assert_null(next);
    assert_non_null(strstr(err, "reload again when they have ended"));
    assert_int_equal(n_modules(), MODULES_MAX);
    generation_unref(g[0]);
    assert_int_equal(n_modules(), RULES_MAX);
    assert_int_equal(generation_create(&next, &cfg, err), 0);
    generation_unref(next);
    generation_unref(g[1]);
}

static void t_wrong_rules_or_keys_are_named_and_take_no_slot(void **state)
{
    struct generation *g = NULL;

    (void)state;
    textfile_write(rules_path, "[rule a]\nmodule = 1/1\npath = a\n");
    assert_int_equal(generation_create(&g, &cfg, err), -EINVAL);
    assert_non_null(strstr(err, ".ini:3: path \"a\" does not begin with /"));
    textfile_write(rules_path, "[rule a]\nmodule = 1/1\n");
    textfile_write(keys_path, "short\n");
    assert_int_equal(generation_create(&g, &cfg, err), -EINVAL);
    assert_non_null(strstr(err, "[gateway] key_file"));
    unlink(rules_path);
    assert_int_equal(generation_create(&g, &cfg, err), -ENOENT);
    assert_null(g);
    assert_int_equal(n_modules(), 0);
}

static void t_keys_of_the_creator_are_used_without_a_file(void **state)
{
    struct fleet_keys *keys;
    struct generation *g;

    (void)state;
    assert_int_equal(fleet_keys_create(&keys, "", "[gateway] key_file", err), 0);
    cfg.key_file = "";
    cfg.keys = keys;
    g = create("[rule a]\nmodule = 1/1\n");
    assert_ptr_equal(g->keys, keys);
    generation_unref(g);
    fleet_keys_destroy(keys);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        E(t_a_module_keeps_its_slot_when_rules_are_added_and_reordered),
        E(t_a_module_keeps_its_limit_and_its_budget_when_another_one_goes),
        E(t_a_slot_begins_anew_with_another_module),
        E(t_a_generation_lives_until_the_last_request_of_each_loop_ends),
        E(t_any_number_of_modules_one_after_another_finds_slots),
        E(t_more_modules_in_use_than_slots_are_refused_and_take_none),
        E(t_wrong_rules_or_keys_are_named_and_take_no_slot),
        E(t_keys_of_the_creator_are_used_without_a_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
