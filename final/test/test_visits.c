/* What visitors request and when: lists of paths, the model of visits, an access log. */
#include "t.h"

#include <math.h>
#include <sys/stat.h>

#include "load/visits.h"

#define S 1000000u

static char dir[40], file[60], err[PATH_LIST_ERR];

static int setup(void **state)
{
    strcpy(dir, "/tmp/visits.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/file", dir);
    return t_fds_save(state);
}

static int teardown(void **state)
{
    unlink(file);
    rmdir(dir);
    return t_fds_check(state);
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct visits *open_paths(const char *text, const struct arrivals_plan *plan,
                                 const struct visits_model *model)
{
    struct path_list list = {0};
    struct visits *v;

    write_file(text);
    assert_int_equal(path_list_read(&list, file, err), 0);
    assert_int_equal(model ? visits_create_model(&v, &list, plan, model)
                           : visits_create_paths(&v, &list, plan),
                     0);
    return v;
}

static int read_list(const char *text)
{
    struct path_list list = {0};
    int rc;

    write_file(text);
    rc = path_list_read(&list, file, err);
    path_list_free(&list);
    return rc;
}

static void t_paths_are_requested_in_turn(void **state)
{
    const struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 100};
    struct visits *v = open_paths("# comment\n/a\r\n\n  /b?x=1 \n/c.png\n", &plan, NULL);
    static const char *const want[] = {"/a", "/b?x=1", "/c.png"};
    struct visits_request r;
    int i;

    (void)state;
    for (i = 0; i < 9; i++) {
        assert_in_range(visits_next_us(v), i * 10000 + 9999, i * 10000 + 10000);
        visits_take(v, &r);
        assert_string_equal(r.path, want[i % 3]);
        assert_int_equal(r.visitor, 0);
    }
    visits_destroy(v);
}

static void t_line_that_is_no_path_is_named(void **state)
{
    (void)state;
    assert_int_equal(read_list("/a\nhttp://x/\n"), -EINVAL);
    assert_non_null(strstr(err, "file:2: this is no path"));
    assert_int_equal(read_list("/a b\n"), -EINVAL);
    assert_int_equal(read_list("/\xe5\x86\x9c\n"), -EINVAL);
    assert_int_equal(read_list("# nothing\n"), -EINVAL);
    assert_non_null(strstr(err, "has no path"));
    unlink(file);
    assert_int_equal(path_list_read(&(struct path_list){0}, file, err), -ENOENT);
    assert_non_null(strstr(err, file));
}

static void t_path_of_more_than_2047_bytes_is_refused(void **state)
{
    char text[PATH_LIST_PATH + 10];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[PATH_LIST_PATH - 1] = '\0';
    assert_int_equal(read_list(text), 0);
    text[PATH_LIST_PATH - 1] = 'a';
    text[PATH_LIST_PATH] = '\0';
    assert_int_equal(read_list(text), -EINVAL);
    text[PATH_LIST_PATH] = 'a';
    text[PATH_LIST_PATH + 9] = '\0';
    assert_int_equal(read_list(text), -EINVAL);
}

static void t_visit_begins_with_the_first_page_and_has_pictures_of_the_list(void **state)
{
    const struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 1};
    const struct visits_model model = {.pages = 1, .pause_s = 1, .pictures = 2};
    struct visits *v = open_paths("/x.JPG?v=2\n/start\n/other\n", &plan, &model);
    struct visits_request r;
    uint32_t visitor;

    (void)state; /* 3 requests a visit: it begins after 3 s */
    visits_take(v, &r);
    assert_in_range(r.at_us, 3 * S - 1, 3 * S);
    assert_string_equal(r.path, "/start");
    visitor = r.visitor;
    assert_true(visitor > 0);
    visits_take(v, &r);
    assert_string_equal(r.path, "/x.JPG?v=2");
    assert_int_equal(r.visitor, visitor);
    assert_in_range(r.at_us, 3 * S, 3 * S + 200000);
    visits_take(v, &r);
    assert_string_equal(r.path, "/x.JPG?v=2");
    visits_take(v, &r);
    assert_in_range(r.at_us, 6 * S - 1, 6 * S);
    assert_string_equal(r.path, "/start");
    assert_true(r.visitor != visitor);
    visits_destroy(v);
}

/* In 100 runs of 2 s: a visit lasts longer, so most of them have begun before. */
static void t_model_has_its_rate_from_the_first_second_on(void **state)
{
    struct arrivals_plan plan = {.per_s = 100};
    const struct visits_model model = {.pages = 5, .pause_s = 4, .pictures = 1};
    struct visits_request r;
    unsigned n = 0;

    (void)state;
    for (plan.seed = 1; plan.seed <= 100; plan.seed++) {
        struct visits *v = open_paths("/\n/a\n/p.png\n", &plan, &model);

        for (; visits_next_us(v) < 2 * S; n++)
            visits_take(v, &r);
        visits_destroy(v);
    }
    assert_true(fabs(n / 200.0 / 100 - 1) < 0.08);
}

static void t_step_of_a_model_comes_at_its_time(void **state)
{
    struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 20, .seed = 2};
    const struct visits_model model = {.pages = 4, .pause_s = 5};
    struct visits_request r;
    struct visits *v;
    unsigned n = 0;

    (void)state; /* no visit begins from second 10 on, and all are over long after it */
    assert_int_equal(arrivals_add_step(&plan, "10=0"), 0);
    v = open_paths("/\n/a\n/b\n", &plan, &model);
    while (visits_next_us(v) != UINT64_MAX) {
        visits_take(v, &r);
        n += r.at_us < 10 * S;
        if (strcmp(r.path, "/") == 0 && r.at_us > 10 * S)
            break; /* a page within a visit may be the first one, too */
    }
    assert_in_range(n, 120, 280);
    visits_destroy(v);
}

/* Requests from 100 s on, when visits of every age are there. */
static void t_model_has_the_mean_rate_that_was_asked_for(void **state)
{
    const struct arrivals_plan plan = {.per_s = 200, .seed = 11};
    const struct visits_model model = {.pages = 4, .pause_s = 3, .pictures = 3};
    struct visits *v = open_paths("/\n/a\n/b\n/p.png\n", &plan, &model);
    struct visits_request r;
    unsigned n = 0, n_pictures = 0;
    uint64_t last = 0;

    (void)state;
    do {
        visits_take(v, &r);
        assert_true(r.at_us >= last);
        last = r.at_us;
        n += r.at_us >= 100 * S;
        n_pictures += r.at_us >= 100 * S && strcmp(r.path, "/p.png") == 0;
    } while (visits_next_us(v) < 600 * S);
    assert_true(fabs(n / 500.0 / 200 - 1) < 0.08);
    assert_true(fabs((double)n_pictures / n - 0.75) < 0.01);
    assert_int_equal(visits_n_skipped(v), 0);
    visits_destroy(v);
}

static void t_seed_repeats_the_visits(void **state)
{
    const struct arrivals_plan plan = {.per_s = 50, .seed = 5};
    const struct visits_model model = {.pages = 3, .pause_s = 2, .pictures = 1};
    struct visits *a = open_paths("/\n/a\n/b\n/p.png\n", &plan, &model);
    struct visits *b = open_paths("/\n/a\n/b\n/p.png\n", &plan, &model);
    struct visits_request x, y;
    int i;

    (void)state;
    for (i = 0; i < 2000; i++) {
        visits_take(a, &x);
        visits_take(b, &y);
        assert_int_equal(x.at_us, y.at_us);
        assert_int_equal(x.visitor, y.visitor);
        assert_string_equal(x.path, y.path);
    }
    visits_destroy(a);
    visits_destroy(b);
}

/* Lines of gateways of three versions: with a zone, with TLS, with neither.  The second
 * line ended later and came earlier. */
#define LOG_LINES                                                                        \
    "2026-11-26T08:00:01.000Z 0011223344556677 0 10.0.0.1 example.org GET /a 200 9 1/1 " \
    "127.0.0.1:80 1 - - new 0 0 0 1000 - east\n"                                         \
    "2026-11-26T08:00:02.000Z 0011223344556678 0 10.0.0.2 example.org GET /b?c=d 200 9 " \
    "1/1 - 1 - hit new 0 0 0 2000000 TLSv1.3\n"                                          \
    "2026-11-26T08:00:02.000Z 0011223344556679 0 10.0.0.1 example.org POST /b 200 9 1/1" \
    " - 1 - hit new 0 0 0 2000000 -\n"                                                   \
    "2026-11-26T08:00:04.000Z 001122334455667a 0 10.0.0.1 example.org GET /e 200 9 1/1 " \
    "- 1 - hit new 0 0 0 0\n"                                                            \
    "2026-11-26T08:00:05.000Z 001122334455667b 0 10.0.0.1 - - - 400 9 1/1\n"             \
    "not a line\n"                                                                       \
    "2026-11-26T08:00:05.000Z 001122334455667b 0 10.0"

static void t_log_is_played_in_the_order_in_which_requests_came(void **state)
{
    struct log_replay log = {0};
    struct visits_request r[3];
    struct visits *v;
    int i;

    (void)state;
    write_file(LOG_LINES);
    assert_int_equal(log_replay_read(&log, file, err), 0);
    assert_int_equal(log.n, 3);
    assert_int_equal(log.n_skipped, 4);
    assert_int_equal(visits_create_log(&v, &log, 8), 0);
    for (i = 0; i < 3; i++)
        visits_take(v, &r[i]);
    assert_true(visits_next_us(v) == UINT64_MAX);
    assert_string_equal(r[0].path, "/b?c=d");
    assert_int_equal(r[0].at_us, 0);
    assert_string_equal(r[1].path, "/a");
    assert_int_equal(r[1].at_us, 999000 / 8);
    assert_string_equal(r[2].path, "/e");
    assert_int_equal(r[2].at_us, 4 * S / 8);
    assert_true(r[1].visitor > 0 && r[1].visitor == r[2].visitor);
    assert_true(r[0].visitor != r[1].visitor);
    visits_destroy(v);
}

static void t_file_that_is_no_access_log_is_refused(void **state)
{
    struct log_replay log = {0};

    (void)state;
    write_file("hello\n");
    assert_int_equal(log_replay_read(&log, file, err), -EINVAL);
    assert_non_null(strstr(err, "access log"));
    log_replay_free(&log);
    unlink(file);
    assert_int_equal(log_replay_read(&log, file, err), -ENOENT);
}

#define VISITS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
T_MAIN(VISITS_TEST(t_paths_are_requested_in_turn),
       VISITS_TEST(t_line_that_is_no_path_is_named),
       VISITS_TEST(t_path_of_more_than_2047_bytes_is_refused),
       VISITS_TEST(t_visit_begins_with_the_first_page_and_has_pictures_of_the_list),
       VISITS_TEST(t_model_has_the_mean_rate_that_was_asked_for),
       VISITS_TEST(t_model_has_its_rate_from_the_first_second_on),
       VISITS_TEST(t_step_of_a_model_comes_at_its_time),
       VISITS_TEST(t_seed_repeats_the_visits),
       VISITS_TEST(t_log_is_played_in_the_order_in_which_requests_came),
       VISITS_TEST(t_file_that_is_no_access_log_is_refused))
