/* The certificate and its key: what an operator reads when a file is wrong. */
#include "lib/certfile.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <time.h>

#include "net/tls_context.h"

static char dir[40], err[CONF_ERR_MAX];

static const char *file_of(const char *name)
{
    static char path[4][80];
    static unsigned n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
    return path[n];
}

/* Takes <k>. */
static void write_key(const char *path, EVP_PKEY *k, const char *password)
{
    assert_non_null(k);
    certfile_write_key(path, k, password);
    EVP_PKEY_free(k);
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(dir, sizeof(dir), "/tmp/lars-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    certfile_write_pair(file_of("cert"), file_of("key"), -3600, 90 * 86400);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"cert", "key", "cert2", "key2"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(file_of(names[i]));
    rmdir(dir);
    return t_fds_check(state);
}

/* Fails with <rc> and a sentence with all of the words. */
static void refuse(const char *cert, const char *key, int rc, const char *word1,
                   const char *word2, const char *word3)
{
    struct tls_files f = {"[gateway]", cert, key};
    struct tls_context *t = NULL;

    assert_int_equal(tls_context_create(&t, &f, NULL, err), rc);
    assert_null(t);
    if (!strstr(err, word1) || !strstr(err, word2) || !strstr(err, word3))
        fail_msg("\"%s\" has not \"%s\", \"%s\", \"%s\"", err, word1, word2, word3);
}

static void t_a_file_that_is_missing_is_named_with_its_key(void **state)
{
    (void)state;
    refuse("/none/c.pem", file_of("key"), -ENOENT, "[gateway] cert:", "/none/c.pem",
           "correct the path");
    refuse(file_of("cert"), "/none/k.pem", -ENOENT, "[gateway] key:", "/none/k.pem",
           "correct the path");
    refuse("", "", -EINVAL, "[gateway] cert", "empty", "PEM");
}

static void t_a_file_of_another_kind_is_named(void **state)
{
    (void)state;
    refuse(file_of("key"), file_of("key"), -EINVAL, "[gateway] cert:", "/key",
           "BEGIN CERTIFICATE");
    refuse(file_of("cert"), file_of("cert"), -EINVAL, "[gateway] key:", "/cert",
           "no private key");
    refuse(file_of("."), file_of("key"), -EINVAL, "[gateway] cert:", "", "");
}

static void t_a_key_of_another_pair_is_named(void **state)
{
    (void)state;
    certfile_write_pair(file_of("cert2"), file_of("key2"), 0, 10);
    refuse(file_of("cert"), file_of("key2"), -EINVAL, "[gateway] key:", "/key2",
           "configure a pair");
    write_key(file_of("key2"), EVP_RSA_gen(2048), NULL);
    refuse(file_of("cert"), file_of("key2"), -EINVAL, "[gateway] key:", "/key2",
           "configure a pair");
}

static void t_a_key_with_a_password_is_named_and_does_not_ask(void **state)
{
    (void)state;
    write_key(file_of("key2"), EVP_EC_gen("P-256"), "pass");
    refuse(file_of("cert"), file_of("key2"), -EINVAL, "[gateway] key:", "/key2",
           "openssl pkey");
}

static int check_at(long from_s, long to_s, int64_t now_s)
{
    struct tls_files f = {"[gateway]", file_of("cert2"), file_of("key2")};
    struct tls_context *t = NULL;
    int rc;

    certfile_write_pair(file_of("cert2"), file_of("key2"), from_s, to_s);
    rc = tls_context_create(&t, &f, NULL, err);
    if (rc < 0)
        fail_msg("%s", err);
    assert_in_range(tls_context_expiry_s(t), time(NULL) + to_s - 5,
                    time(NULL) + to_s + 5);
    rc = tls_context_check_time(t, now_s, err);
    tls_context_unref(t);
    return rc;
}

static void t_a_certificate_out_of_its_time_is_used_with_a_warning(void **state)
{
    int64_t now = (int64_t)time(NULL);
    char date[20];
    time_t end = (time_t)(now - 86400 * 3);
    struct tm tm;

    (void)state;
    assert_int_equal(check_at(-3600, 86400 * 90, now), 0);
    assert_int_equal(check_at(-86400 * 9, -86400 * 3, now), -EINVAL);
    gmtime_r(&end, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d", &tm);
    assert_non_null(strstr(err, "expired on"));
    assert_non_null(strstr(err, date));
    assert_int_equal(check_at(86400, 86400 * 90, now), -EINVAL);
    assert_non_null(strstr(err, "is not valid before"));
    assert_int_equal(check_at(-3600, 86400 * 5, now), -EINVAL);
    assert_non_null(strstr(err, "expires on"));
}

static void t_the_last_reference_frees_it(void **state)
{
    struct tls_files f = {"[gateway]", file_of("cert"), file_of("key")};
    struct tls_context *t;

    (void)state;
    assert_int_equal(tls_context_create(&t, &f, NULL, err), 0);
    assert_ptr_equal(tls_context_ref(t), t);
    tls_context_unref(t);
    assert_non_null(tls_context_ssl(t));
    tls_context_unref(t);
    tls_context_unref(NULL);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_a_file_that_is_missing_is_named_with_its_key),
       S(t_a_file_of_another_kind_is_named), S(t_a_key_of_another_pair_is_named),
       S(t_a_key_with_a_password_is_named_and_does_not_ask),
       S(t_a_certificate_out_of_its_time_is_used_with_a_warning),
       S(t_the_last_reference_frees_it))
