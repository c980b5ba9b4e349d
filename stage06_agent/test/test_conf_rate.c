/* Rates such as 0.95, and old names of keys. */
#include "base/conf.h"
#include "base/log.h"
#include "t.h"

static struct set {
    uint32_t rate, port;
} set;

static const struct conf_key keys[] = {
    {"lb", "rate", CONF_RATE, offsetof(struct set, rate), 1, 1000, "0.1", "a share"},
    {"reporter", "port", CONF_U32, offsetof(struct set, port), 1, 65535, "7779", "port"},
    {"repoter", "port", CONF_U32, offsetof(struct set, port), 1, 65535, NULL, "old"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static char err[CONF_ERR_MAX];

static int load(const char *text)
{
    conf_preset(keys, &set);
    err[0] = '\0';
    return conf_load_text(keys, &set, text, "x.ini", err);
}

static void t_rate_is_read_per_mille(void **state)
{
    static const struct {
        const char *text;
        uint32_t want;
    } good[] = {{"1", 1000}, {"0.95", 950}, {"0.001", 1}, {"1.000", 1000}, {"0.5", 500}};
    char line[60];
    size_t i;

    (void)state;
    assert_int_equal(load(""), 0);
    assert_int_equal(set.rate, 100);
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(line, sizeof(line), "[lb]\nrate = %s\n", good[i].text);
        assert_int_equal(load(line), 0);
        assert_int_equal(set.rate, good[i].want);
    }
}

static void t_rate_bad_values_are_named(void **state)
{
    static const char *const bad[] = {"0",   "1.001", "-0.5", ".5",  "0.9501", "0.5 x",
                                      "0,5", "50%",   "1e3",  "nan", "1000.",  "99999.5"};
    char line[60];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "[lb]\nrate = %s\n", bad[i]);
        assert_int_equal(load(line), -EINVAL);
        assert_non_null(strstr(err, "x.ini:2: [lb] rate = "));
        assert_non_null(strstr(err, "use 0.001 to 1.000"));
    }
}

static void t_old_name_is_taken_with_a_warning_and_not_printed(void **state)
{
    FILE *f = tmpfile();
    char text[400] = "";
    int log[2];

    (void)state;
    assert_int_equal(pipe(log), 0);
    log_set_fd(log[1]);
    assert_int_equal(load("[repoter]\nport = 99\n"), 0);
    log_set_fd(2);
    assert_int_equal(set.port, 99);
    assert_true(read(log[0], text, sizeof(text) - 1) > 0);
    assert_non_null(strstr(text, "WARN conf.old_name section=repoter key=port"));
    memset(text, 0, sizeof(text));
    conf_print(keys, &set, f);
    rewind(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    assert_null(strstr(text, "repoter"));
    assert_non_null(strstr(text, "rate = 0.100"));
    fclose(f);
    close(log[0]);
    close(log[1]);
}

T_MAIN(T(t_rate_is_read_per_mille), T(t_rate_bad_values_are_named),
       T(t_old_name_is_taken_with_a_warning_and_not_printed))
