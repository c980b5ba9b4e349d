/* Which rule a request gets, and the message for each fault of a file of rules. */
#include "lib/textfile.h"

#include "gateway/rules.h"

static char path[200], err[CONF_ERR_MAX];
static struct rules *rules;

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(path, sizeof(path), "%s/lars_rules_%d.ini",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    rules = NULL;
    return 0;
}

static int teardown(void **state)
{
    rules_destroy(rules);
    unlink(path);
    return t_fds_check(state);
}

static int create(const char *text)
{
    textfile_write(path, "%s", text);
    rules_destroy(rules);
    rules = NULL;
    err[0] = 0;
    return rules_create(&rules, path, err);
}

/* The name of the rule for this request; "" = none. */
static const char *found(const char *host, const char *target)
{
    const struct rule *r =
        rules_find(rules, (struct http_text){host, (uint32_t)strlen(host)},
                   (struct http_text){target, (uint32_t)strlen(target)});

    return r ? r->name : "";
}

static void t_own_host_before_all_hosts_and_longer_path_first(void **state)
{
    (void)state;
    assert_int_equal(create("[rule all]\nmodule = 1/1\n"
                            "[rule all-long]\npath = /a/b/c\nmodule = 1/2\n"
                            "[rule expo]\nhost = Expo.example\nmodule = 1/3\n"
                            "[rule expo-a]\nhost = expo.example\npath = /a\n"
                            "module = 1/1\n"),
                     0);
    assert_string_equal(found("expo.example", "/"), "expo");
    assert_string_equal(found("EXPO.EXAMPLE", "/a"), "expo-a");
    assert_string_equal(found("expo.example", "/a/b/c"), "expo-a");
    assert_string_equal(found("other", "/a/b/c"), "all-long");
    assert_string_equal(found("other", "/a/b"), "all");
    assert_int_equal(rules_n(rules), 4);
    assert_int_equal(rules_n_modules(rules), 3);
    assert_string_equal(rules_at(rules, 0)->name, "expo-a");
    assert_int_equal(rules_module(rules, rules_at(rules, 0)->nth)->cmdid, 1);
}

static void t_port_is_no_part_of_the_host(void **state)
{
    (void)state;
    assert_int_equal(create("[rule name]\nhost = expo\nmodule = 1/1\n"
                            "[rule six]\nhost = [2001:db8::1]\nmodule = 1/1\n"
                            "[rule four]\nhost = 10.1.2.3\nmodule = 1/1\n"),
                     0);
    assert_string_equal(found("expo:8080", "/"), "name");
    assert_string_equal(found("expo:", "/"), "name");
    assert_string_equal(found("expo1", "/"), "");
    assert_string_equal(found("[2001:DB8::1]", "/"), "six");
    assert_string_equal(found("[2001:db8::1]:80", "/"), "six");
    assert_string_equal(found("[2001:db8::]:1", "/"), "");
    assert_string_equal(found("10.1.2.3:1", "/"), "four");
    assert_string_equal(found("10.1.2.30", "/"), "");
    assert_string_equal(found("", "/"), "");
}

static void t_path_ends_at_a_slash_or_a_question_mark(void **state)
{
    (void)state;
    assert_int_equal(create("[rule a]\npath = /a\nmodule = 1/1\n"
                            "[rule b]\npath = /b/\nmodule = 1/1\n"),
                     0);
    assert_string_equal(found("x", "/a"), "a");
    assert_string_equal(found("x", "/a/"), "a");
    assert_string_equal(found("x", "/a?b"), "a");
    assert_string_equal(found("x", "/ab"), "");
    assert_string_equal(found("x", "/A"), "");
    assert_string_equal(found("x", "/b/c"), "b");
    assert_string_equal(found("x", "/b/"), "b");
    assert_string_equal(found("x", "/b"), "");
    assert_string_equal(found("x", "/"), "");
    assert_string_equal(found("x", "*"), "");
}

static void t_values_that_are_not_given_are_the_presets(void **state)
{
    const struct rule *r;

    (void)state;
    assert_int_equal(create("[rule a]\nmodule = 7/8\n"), 0);
    r = rules_at(rules, 0);
    assert_string_equal(r->host, "*");
    assert_string_equal(r->path, "/");
    assert_int_equal(r->modid, 7);
    assert_int_equal(r->cmdid, 8);
    assert_int_equal(r->retries, 2);
    assert_int_equal(create("[rule a]\nmodule = 7/8\nretries = 0\ncache_ms = 5\nstale_s "
                            "= 6\nstale_error_s = 7\n"),
                     0);
    r = rules_at(rules, 0);
    assert_int_equal(r->retries, 0);
    assert_int_equal(r->cache_ms, 5);
    assert_int_equal(r->stale_s, 6);
    assert_int_equal(r->stale_error_s, 7);
}

static void t_each_fault_of_a_line_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"[rule a]\nmodul = 1/1\n", ":2: unknown key modul"},
        {"[rule a]\n\nmodule = 1\n", ":3: \"1\" is not MODID/CMDID"},
        {"[rule a]\nmodule = 0/0\n", ":2: \"0/0\" is not MODID/CMDID"},
        {"[rule a]\nmodule = -1/2\n", ":2: \"-1/2\" is not MODID/CMDID"},
        {"[rule a]\nmodule = 1/ 2\n", ":2: \"1/ 2\" is not MODID/CMDID"},
        {"[rule a]\nmodule = +1/2\n", ":2: \"+1/2\" is not MODID/CMDID"},
        {"[rule a]\nmodule = 1/2/3\n", ":2: \"1/2/3\" is not MODID/CMDID"},
        {"[rule a]\nmodule = 1234567890/2\n", ":2: \"1234567890/2\" is not"},
        {"[rule a]\nmodule = 1/1\npath = a\n", ":3: path \"a\" does not begin with /"},
        {"[rule a]\nmodule = 1/1\npath = /a?b\n", ":3: path \"/a?b\" has a blank, ? or"},
        {"[rule a]\nmodule = 1/1\npath = /a/../b\n", ":3: path \"/a/../b\" has . or .."},
        {"[rule a]\nmodule = 1/1\npath = /a%2fb\n", ":3: path \"/a%2fb\" has . or .."},
        {"[rule a]\nmodule = 1/1\npath = /a%\n", ":3: path \"/a%\" has . or .."},
        {"[rule a]\nhost = [::g]\n", ":2: host \"[::g]\" is not a name without a"},
        {"[rule a]\nhost = .\n", ":2: host \".\" is not a name without a port"},
        {"[rule a]\nhost = expo:80\n", ":2: host \"expo:80\" is not a name without a"},
        {"[rule a]\nhost = ::1\n", ":2: host \"::1\" is not a name without a port"},
        {"[rule a]\nhost = http://expo\n", ":2: host \"http://expo\" is not a name"},
        {"[rule a]\nhost = a, b\n", ":2: host \"a, b\" is not a name"},
        {"[rule a]\nhost = *.expo\n", ":2: host \"*.expo\" is not a name"},
        {"[rule a]\nretries = 9\n", ":2: \"9\" is not a number from 0 to"},
        {"[rule a]\nretries = -1\n", ":2: \"-1\" is not a number from 0 to"},
        {"[rule a]\nretries = 1x\n", ":2: \"1x\" is not a number from 0 to"},
        {"[rule a]\ncache_ms = 99999999999999999999\n", ":2: \"9999"},
        {"[rule a]\nmodule = 1/1\n[rules b]\npath = /\n",
         ":4: section [rules b] is not [rule NAME]"},
        {"path = /\n", ":1: section [] is not [rule NAME]"},
        {"[rule a-name-that-is-longer-than-31-bytes]\nmodule = 1/1\n",
         ":2: [rule a-name-that-is-longer-than-31-bytes]: the name is too long"},
        {"[rule a]\nnodes = 10.0.1.7\n", ":2: \"10.0.1.7\" is not ADDRESS:PORT, such as"},
        {"[rule a]\nnodes = 10.0.1.7:0\n", ":2: \"10.0.1.7:0\" is not ADDRESS:PORT"},
        {"[rule a]\nnodes = host:80\n", ":2: \"host:80\" is not ADDRESS:PORT"},
        {"[rule a]\nnodes = 10.0.1.7:1, 10.0.1.8:1\n", ":2: \"10.0.1.7:1,\" is not"},
        {"[rule a]\nnodes = 10.0.1.7:1 10.0.1.7:1\n", ":2: nodes has 10.0.1.7:1 twice"},
        {"[rule a]\nmodule = 1/1\nnodes =\n", ":3: nodes is empty; write ADDRESS:PORT"},
        {"[rule a\nmodule = 1/1\n", ":1: the ] after the name"}};
    char want[300];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(create(rows[i].text), -EINVAL);
        snprintf(want, sizeof(want), "%s%s", path, rows[i].want);
        if (strncmp(err, want, strlen(want)) != 0)
            fail_msg("\"%s\" and not \"%s\"", err, want);
    }
}

static void t_faults_of_the_whole_file_are_named(void **state)
{
    char many[65 * 40] = "";
    int i;

    (void)state;
    assert_int_equal(create(""), -EINVAL);
    assert_non_null(strstr(err, "it has no [rule NAME]"));
    assert_int_equal(create("[rule a]\npath = /a\n"), -EINVAL);
    assert_non_null(strstr(err, "[rule a] has no module"));
    assert_int_equal(create("[rule a]\nhost = X\nmodule = 1/1\n[rule b]\nhost = x\n"
                            "module = 1/2\n"),
                     -EINVAL);
    assert_non_null(strstr(err, "[rule a] and [rule b] have the same host and path"));
    for (i = 0; i < 65; i++)
        sprintf(many + strlen(many), "[rule %d]\npath = /%d\nmodule = 1/1\n", i, i);
    assert_int_equal(create(many), -EINVAL);
    assert_non_null(strstr(err, "there are too many rules"));
    unlink(path);
    assert_int_equal(rules_create(&rules, path, err), -ENOENT);
    assert_non_null(strstr(err, "[gateway] rules names it"));
    assert_int_equal(rules_create(&rules, "/", err), -EIO);
    assert_non_null(strstr(err, "/ cannot be read; [gateway] rules names it"));
}

static void t_nodes_of_a_rule_are_those_of_its_module(void **state)
{
    char text[600] = "[rule a]\nmodule = 1/1\nnodes =";
    const struct rules_module *m;
    struct net_addr want;
    int i;

    (void)state;
    assert_int_equal(create(
                         "[rule all]\nmodule = 1/1\n[rule b]\nmodule = 1/2\npath = /b\n"
                         "[rule a]\nmodule = 1/1\npath = /a\n"
                         "nodes = 10.0.1.7:8001 \t[2001:db8::1]:80\n"),
                     0);
    m = rules_module(rules, rules_at(rules, 2)->nth);
    assert_string_equal(rules_at(rules, 2)->name, "all");
    assert_non_null(m->with_nodes);
    assert_int_equal(m->with_nodes->n_nodes, 2);
    net_addr_parse(&want, "[2001:db8::1]:80");
    assert_true(net_addr_equal(&m->with_nodes->node[1], &want));
    assert_null(rules_module(rules, !rules_at(rules, 2)->nth)->with_nodes);
    for (i = 1; i <= RULES_NODES_MAX; i++)
        sprintf(text + strlen(text), " 10.0.1.7:%d", i);
    assert_int_equal(create(text), 0);
    assert_int_equal(rules_at(rules, 0)->n_nodes, RULES_NODES_MAX);
    strcat(text, " 10.0.1.8:1");
    assert_int_equal(create(text), -EINVAL);
    assert_non_null(
        strstr(err, ":3: nodes has more than 16 addresses; remove 10.0.1.8:1"));
    assert_int_equal(create("[rule a]\nmodule = 1/1\nnodes = 10.0.1.7:1\n"
                            "[rule b]\npath = /b\nmodule = 1/1\nnodes = 10.0.1.7:1\n"),
                     -EINVAL);
    assert_non_null(strstr(err, "[rule a] and [rule b] have nodes of the module 1/1"));
}

static void t_spellings_of_one_path_get_one_rule(void **state)
{
    (void)state;
    assert_int_equal(create("[rule all]\nmodule = 1/1\n"
                            "[rule admin]\npath = /admin\nmodule = 1/2\n"
                            "[rule zh]\npath = /%e5%b1%95/~a\nmodule = 1/3\n"),
                     0);
    assert_string_equal(found("x", "/%61dmin"), "admin");
    assert_string_equal(found("x", "/%61dmi%6E/b"), "admin");
    assert_string_equal(found("x", "//admin"), "admin");
    assert_string_equal(found("x", "///admin//b"), "admin");
    assert_string_equal(found("x", "/admin?//"), "admin");
    assert_string_equal(found("x", "/%41dmin"), "all");
    assert_string_equal(found("x", "/admin%3Fa"), "all");
    assert_string_equal(found("x", "/%E5%B1%95/%7ea/1"), "zh");
    assert_string_equal(found("x", "/%E5%b1%95/~a"), "zh");
    assert_string_equal(found("x", "/a?/admin"), "all");
}

static void t_path_of_255_bytes_is_the_longest(void **state)
{
    char text[400], target[300];

    (void)state;
    memset(target, 'a', sizeof(target));
    target[0] = '/';
    target[255] = 0;
    snprintf(text, sizeof(text), "[rule a]\nmodule = 1/1\npath = %s\n", target);
    assert_int_equal(create(text), 0);
    assert_string_equal(found("x", target), "a");
    strcpy(target + 255, "/b");
    assert_string_equal(found("x", target), "a");
    strcpy(target + 255, "b");
    assert_string_equal(found("x", target), "");
    snprintf(text, sizeof(text), "[rule a]\nmodule = 1/1\npath = %s\n", target);
    assert_int_equal(create(text), -EINVAL);
}

static void t_spellings_of_one_host_get_one_rule(void **state)
{
    (void)state;
    assert_int_equal(create("[rule name]\nhost = Expo.example.\nmodule = 1/1\n"
                            "[rule six]\nhost = [2001:DB8:0:0::1]\nmodule = 1/1\n"),
                     0);
    assert_string_equal(found("expo.example", "/"), "name");
    assert_string_equal(found("expo.example.", "/"), "name");
    assert_string_equal(found("EXPO.example.:8080", "/"), "name");
    assert_string_equal(found("expo.example..", "/"), "");
    assert_string_equal(found("[2001:db8::1]", "/"), "six");
    assert_string_equal(found("[2001:0db8::0:1]:80", "/"), "six");
    assert_string_equal(found("[2001:db8::2]", "/"), "");
    assert_string_equal(found("[:::]", "/"), "");
    assert_string_equal(found(".", "/"), "");
}

static void t_two_spellings_in_two_rules_are_a_fault(void **state)
{
    (void)state;
    assert_int_equal(create("[rule a]\npath = /a//b\nmodule = 1/1\n"
                            "[rule b]\npath = /%61/b\nmodule = 1/2\n"),
                     -EINVAL);
    assert_non_null(strstr(err, "[rule a] and [rule b] have the same host and path"));
    assert_int_equal(create("[rule a]\nhost = x.\nmodule = 1/1\n"
                            "[rule b]\nhost = X\nmodule = 1/2\n"),
                     -EINVAL);
    assert_int_equal(create("[rule a]\nhost = [::1]\nmodule = 1/1\n"
                            "[rule b]\nhost = [0:0::1]\nmodule = 1/2\n"),
                     -EINVAL);
}

#define R(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(R(t_own_host_before_all_hosts_and_longer_path_first),
       R(t_port_is_no_part_of_the_host), R(t_path_ends_at_a_slash_or_a_question_mark),
       R(t_values_that_are_not_given_are_the_presets),
       R(t_each_fault_of_a_line_is_named_with_its_line),
       R(t_faults_of_the_whole_file_are_named),
       R(t_nodes_of_a_rule_are_those_of_its_module),
       R(t_spellings_of_one_path_get_one_rule), R(t_path_of_255_bytes_is_the_longest),
       R(t_spellings_of_one_host_get_one_rule),
       R(t_two_spellings_in_two_rules_are_a_fault))
