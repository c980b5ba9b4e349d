/* The cookie of a visitor: what is forged, expired or too long is no cookie, and a key
 * can be replaced without losing visitors. */
#include "gateway/visit.h"

#include "gateway/waiting_page.h"
#include "t.h"

#define NOW 1800000000ull
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct http_head head;
static char err[CONF_ERR_MAX];

/* The keys in the lines of <text>. */
static int read_keys(struct fleet_keys **out, const char *text)
{
    char path[] = "/tmp/test_visit.XXXXXX";
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    rc = fleet_keys_create(out, path, "[gateway] key_file", err);
    unlink(path);
    return rc;
}

static struct fleet_keys *keys(const char *text)
{
    struct fleet_keys *k = NULL;

    assert_int_equal(read_keys(&k, text), 0);
    return k;
}

/* NAME=VALUE as a browser sends it back. */
static void cookie_of(const struct fleet_keys *k, enum admit_class class,
                      uint64_t first_s, uint64_t now_s, char out[VISIT_FIELD_MAX])
{
    struct visit v = {.first_s = first_s};
    char field[VISIT_FIELD_MAX];
    const char *at = field + strlen("Set-Cookie: ");
    size_t len = visit_write(k, &v, class, now_s, false, field);

    assert_true(len > 0 && len == strlen(field));
    len = strcspn(at, ";");
    memcpy(out, at, len);
    out[len] = 0;
}

static struct visit read_cookie(const struct fleet_keys *k, const char *cookie,
                                uint64_t now_s)
{
    struct visit v;

    memset(&head, 0, sizeof(head));
    head.field[0].id = HTTP_COOKIE;
    head.field[0].value = (struct http_text){cookie, (uint32_t)strlen(cookie)};
    head.at[HTTP_COOKIE] = 1;
    head.n_fields = 1;
    visit_read(k, &head, now_s, &v);
    return v;
}

static void assert_is_new(struct visit v, uint64_t now_s)
{
    assert_int_equal(v.class, ADMIT_CLASS_NEW);
    assert_int_equal(v.first_s, now_s);
    assert_int_equal(v.expiry_s, 0);
}

static void t_visit_cookie_says_class_and_first_seen(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n");
    char cookie[VISIT_FIELD_MAX], among[2 * VISIT_FIELD_MAX];
    struct visit v;

    (void)state;
    cookie_of(k, ADMIT_CLASS_INSIDE, NOW - 50, NOW, cookie);
    snprintf(among, sizeof(among), "a=b; %s; c=d", cookie);
    v = read_cookie(k, among, NOW + 1);
    assert_int_equal(v.class, ADMIT_CLASS_INSIDE);
    assert_int_equal(v.first_s, NOW - 50);
    assert_int_equal(v.expiry_s, NOW + VISIT_INSIDE_S);
    assert_true(v.id != 0);
    cookie_of(k, ADMIT_CLASS_WAITING, NOW, NOW, cookie);
    assert_int_equal(read_cookie(k, cookie, NOW + 1).class, ADMIT_CLASS_WAITING);
    fleet_keys_destroy(k);
}

static void t_visit_forged_cookie_is_none(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n");
    char cookie[VISIT_FIELD_MAX], forged[VISIT_FIELD_MAX];
    size_t i;

    (void)state;
    cookie_of(k, ADMIT_CLASS_WAITING, NOW, NOW, cookie);
    for (i = 0; i < strlen(cookie); i++) {
        memcpy(forged, cookie, sizeof(forged));
        forged[i] = forged[i] == '0' ? '1' : '0';
        assert_is_new(read_cookie(k, forged, NOW), NOW);
    }
    memcpy(forged, cookie, sizeof(forged));
    forged[strlen("lars_v=")] = 'i'; /* waiting becomes inside */
    assert_is_new(read_cookie(k, forged, NOW), NOW);
    for (i = 0; i < strlen(cookie); i++) { /* cut */
        memcpy(forged, cookie, sizeof(forged));
        forged[i] = 0;
        assert_is_new(read_cookie(k, forged, NOW), NOW);
    }
    fleet_keys_destroy(k);
}

static void t_visit_expired_cookie_is_none(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n");
    char cookie[VISIT_FIELD_MAX];

    (void)state;
    cookie_of(k, ADMIT_CLASS_INSIDE, NOW, NOW, cookie);
    assert_int_equal(read_cookie(k, cookie, NOW + 599).class, ADMIT_CLASS_INSIDE);
    assert_is_new(read_cookie(k, cookie, NOW + 600), NOW + 600);
    fleet_keys_destroy(k);
}

static void t_visit_first_seen_in_the_future_counts_as_now(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n");
    char cookie[VISIT_FIELD_MAX];

    (void)state;
    cookie_of(k, ADMIT_CLASS_WAITING, NOW + 300, NOW, cookie);
    assert_int_equal(read_cookie(k, cookie, NOW).first_s, NOW);
    fleet_keys_destroy(k);
}

static void t_visit_second_key_is_accepted_and_the_first_one_signs(void **state)
{
    struct fleet_keys *before = keys(KEY_A "\n"), *both = keys(KEY_B "\n" KEY_A "\n"),
                      *after = keys(KEY_B);
    char old[VISIT_FIELD_MAX], new[VISIT_FIELD_MAX];

    (void)state;
    cookie_of(before, ADMIT_CLASS_INSIDE, NOW, NOW, old);
    cookie_of(both, ADMIT_CLASS_INSIDE, NOW, NOW, new);
    assert_int_equal(read_cookie(both, old, NOW).class, ADMIT_CLASS_INSIDE);
    assert_int_equal(read_cookie(both, new, NOW).class, ADMIT_CLASS_INSIDE);
    assert_int_equal(read_cookie(after, new, NOW).class, ADMIT_CLASS_INSIDE);
    assert_is_new(read_cookie(after, old, NOW), NOW);
    assert_is_new(read_cookie(before, new, NOW), NOW);
    fleet_keys_destroy(before);
    fleet_keys_destroy(both);
    fleet_keys_destroy(after);
}

static void t_visit_random_key_is_unlike_another_process(void **state)
{
    struct fleet_keys *a = NULL, *b = NULL;
    char cookie[VISIT_FIELD_MAX];

    (void)state;
    assert_int_equal(fleet_keys_create(&a, "", "[gateway] key_file", err), 0);
    assert_int_equal(fleet_keys_create(&b, "", "[gateway] key_file", err), 0);
    cookie_of(a, ADMIT_CLASS_INSIDE, NOW, NOW, cookie);
    assert_int_equal(read_cookie(a, cookie, NOW).class, ADMIT_CLASS_INSIDE);
    assert_is_new(read_cookie(b, cookie, NOW), NOW);
    fleet_keys_destroy(a);
    fleet_keys_destroy(b);
}

static void t_visit_bad_key_files_are_refused_with_a_reason(void **state)
{
    struct fleet_keys *k = NULL;

    (void)state;
    assert_int_equal(
        fleet_keys_create(&k, "/nonexistent/key", "[gateway] key_file", err), -ENOENT);
    assert_non_null(strstr(err, "key_file"));
    assert_int_equal(read_keys(&k, ""), -EINVAL);
    assert_int_equal(read_keys(&k, "short\n"), -EINVAL);
    assert_non_null(strstr(err, "openssl rand"));
    assert_int_equal(read_keys(&k, KEY_A "\n" KEY_B "\n" KEY_A "\n"), -EINVAL);
    assert_null(k);
}

static void t_visit_cookie_is_due_when_new_or_half_over(void **state)
{
    struct visit none = {.class = ADMIT_CLASS_NEW};
    struct visit inside = {.class = ADMIT_CLASS_INSIDE, .expiry_s = NOW + 600};

    (void)state;
    assert_true(visit_is_due(&none, ADMIT_CLASS_INSIDE, NOW));
    assert_false(visit_is_due(&inside, ADMIT_CLASS_INSIDE, NOW));
    assert_false(visit_is_due(&inside, ADMIT_CLASS_INSIDE, NOW + 300));
    assert_true(visit_is_due(&inside, ADMIT_CLASS_INSIDE, NOW + 301));
    inside.class = ADMIT_CLASS_WAITING;
    assert_true(visit_is_due(&inside, ADMIT_CLASS_INSIDE, NOW));
}

static void t_visit_cookie_is_hidden_from_scripts_and_other_sites(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n");
    struct visit v = {.first_s = NOW};
    char field[VISIT_FIELD_MAX];

    (void)state;
    visit_write(k, &v, ADMIT_CLASS_INSIDE, NOW, false, field);
    assert_non_null(strstr(field, "; Max-Age=600; Path=/; HttpOnly; SameSite=Lax\r\n"));
    visit_write(k, &v, ADMIT_CLASS_WAITING, NOW, true, field);
    assert_non_null(
        strstr(field, "; Max-Age=7200; Path=/; HttpOnly; SameSite=Lax; Secure\r\n"));
    fleet_keys_destroy(k);
}

static void t_visit_a_head_of_many_cookies_costs_two_checks(void **state)
{
    struct fleet_keys *k = keys(KEY_A "\n"), *other = keys(KEY_B "\n");
    char good[VISIT_FIELD_MAX], bad[VISIT_FIELD_MAX], many[4 * VISIT_FIELD_MAX];

    (void)state;
    cookie_of(k, ADMIT_CLASS_INSIDE, NOW, NOW, good);
    cookie_of(other, ADMIT_CLASS_INSIDE, NOW, NOW, bad);
    snprintf(many, sizeof(many), "%s; %s", bad, good);
    assert_int_equal(read_cookie(k, many, NOW).class, ADMIT_CLASS_INSIDE);
    snprintf(many, sizeof(many), "%s; %s; %s", bad, bad, good);
    assert_is_new(read_cookie(k, many, NOW), NOW);
    fleet_keys_destroy(k);
    fleet_keys_destroy(other);
}

static void t_visit_cookie_of_a_flood_is_found(void **state)
{
    struct visit_rate *r;
    int i;

    (void)state;
    assert_int_equal(visit_rate_create(&r), 0);
    for (i = 0; i < 5 * VISIT_RATE; i++)
        assert_false(visit_rate_exceeded(r, 7, NOW));
    assert_true(visit_rate_exceeded(r, 7, NOW));
    assert_false(visit_rate_exceeded(r, 8, NOW));
    assert_false(visit_rate_exceeded(r, 7, NOW + 5));
    visit_rate_destroy(r);
}

/* --- the page ----------------------------------------------------------------------- */

static void t_waiting_page_tells_the_wait_in_words_and_loads_itself_again(void **state)
{
    struct waiting_page p = {.refresh_s = 11, .wait_s = 60, .request_id = "0123abcd"};
    char page[WAITING_PAGE_MAX + 1];
    size_t len = waiting_page_write(page, &p);

    (void)state;
    page[len] = 0;
    assert_non_null(strstr(page, "http-equiv=\"refresh\" content=\"11\""));
    assert_non_null(strstr(page, "about a minute"));
    assert_non_null(strstr(page, "0123abcd"));
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, "</html>\n"));
    p.wait_s = 100000;
    page[waiting_page_write(page, &p)] = 0;
    assert_non_null(strstr(page, "more than ten minutes"));
    p.wait_s = 0;
    page[waiting_page_write(page, &p)] = 0;
    assert_non_null(strstr(page, "We are sorry"));
    assert_non_null(strstr(page, "</html>\n"));
}

static void t_waiting_page_visitors_come_back_at_different_times(void **state)
{
    uint32_t random, least = 1000, most = 0;

    (void)state;
    for (random = 0; random < 10000; random++) {
        uint32_t s = waiting_page_spread(100, random * 2654435761u);

        least = s < least ? s : least;
        most = s > most ? s : most;
    }
    assert_int_equal(least, 70);
    assert_int_equal(most, 130);
}

T_MAIN(T(t_visit_cookie_says_class_and_first_seen), T(t_visit_forged_cookie_is_none),
       T(t_visit_expired_cookie_is_none),
       T(t_visit_first_seen_in_the_future_counts_as_now),
       T(t_visit_second_key_is_accepted_and_the_first_one_signs),
       T(t_visit_random_key_is_unlike_another_process),
       T(t_visit_bad_key_files_are_refused_with_a_reason),
       T(t_visit_cookie_is_due_when_new_or_half_over),
       T(t_visit_cookie_is_hidden_from_scripts_and_other_sites),
       T(t_visit_a_head_of_many_cookies_costs_two_checks),
       T(t_visit_cookie_of_a_flood_is_found),
       T(t_waiting_page_tells_the_wait_in_words_and_loads_itself_again),
       T(t_waiting_page_visitors_come_back_at_different_times))
