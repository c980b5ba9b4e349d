/* Passwords and tokens: what they are made of, and what does not open anything. */
#include "ops/secret.h"

#include <ctype.h>

#include "t.h"

static int setup(void **state)
{
    (void)t_fds_save(state);
    return secret_init();
}

static void t_init_may_be_called_again(void **state)
{
    (void)state;
    assert_int_equal(secret_init(), 0);
}

static void t_token_is_43_characters_that_an_address_may_have(void **state)
{
    char a[SECRET_TOKEN], b[SECRET_TOKEN];
    size_t i;

    (void)state;
    secret_token(a);
    secret_token(b);
    assert_int_equal(strlen(a), SECRET_TOKEN - 1);
    assert_string_not_equal(a, b);
    for (i = 0; a[i]; i++)
        assert_true(isalnum((unsigned char)a[i]) || a[i] == '-' || a[i] == '_');
}

static void t_stored_id_is_the_same_for_the_same_token_only(void **state)
{
    uint8_t a[SECRET_ID], b[SECRET_ID];

    (void)state;
    secret_id("one", a);
    secret_id("one", b);
    assert_memory_equal(a, b, SECRET_ID);
    secret_id("two", b);
    assert_memory_not_equal(a, b, SECRET_ID);
    secret_id("", b);
    assert_memory_not_equal(a, b, SECRET_ID);
}

static void t_derived_token_depends_on_token_and_purpose(void **state)
{
    char a[SECRET_TOKEN], b[SECRET_TOKEN];

    (void)state;
    secret_derive("token", "csrf", a);
    secret_derive("token", "csrf", b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), SECRET_TOKEN - 1);
    secret_derive("token", "other", b);
    assert_string_not_equal(a, b);
    secret_derive("tokem", "csrf", b);
    assert_string_not_equal(a, b);
}

static void t_texts_are_equal_only_as_a_whole(void **state)
{
    (void)state;
    assert_true(secret_equal("abc", "abc"));
    assert_true(secret_equal("", ""));
    assert_false(secret_equal("abc", "abd"));
    assert_false(secret_equal("abc", "abcd"));
    assert_false(secret_equal("abc", ""));
    assert_false(secret_equal("", "abc"));
}

static void t_random_password_can_be_read_aloud_and_is_a_right_one(void **state)
{
    char a[SECRET_PASSWORD], b[SECRET_PASSWORD];
    int i;

    (void)state;
    for (i = 0; i < 200; i++) {
        secret_password(a);
        secret_password(b);
        assert_int_equal(strlen(a), SECRET_PASSWORD - 1);
        assert_string_not_equal(a, b);
        assert_null(strpbrk(a, "0O1lI"));
        assert_null(secret_wrong_password(a));
    }
}

static void t_password_is_verified_by_its_hash_only(void **state)
{
    char a[SECRET_HASH], b[SECRET_HASH];

    (void)state;
    assert_int_equal(secret_hash("correct horse", a), 0);
    assert_int_equal(secret_hash("correct horse", b), 0);
    assert_string_not_equal(a, b); /* each has its own salt */
    assert_int_equal(strncmp(a, "$argon2id$", 10), 0);
    assert_null(strstr(a, "horse"));
    assert_true(secret_verify(a, "correct horse"));
    assert_true(secret_verify(b, "correct horse"));
    assert_false(secret_verify(a, "correct horsf"));
    assert_false(secret_verify(a, "correct horse "));
    assert_false(secret_verify(a, ""));
}

static void t_hash_that_is_no_hash_verifies_nothing(void **state)
{
    static const char *const hash[] = {
        "",
        "$",
        "correct horse",
        "$argon2id$",
        "$argon2id$v=19$m=65536,t=2,p=1$$",
        "$argon2id$v=19$m=4294967295,t=2,p=1$YWFhYWFhYWE$YQ"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
        assert_false(secret_verify(hash[i], ""));
        assert_false(secret_verify(hash[i], "\001"));
        assert_false(secret_verify(hash[i], "correct horse"));
    }
}

static void t_chosen_password_has_12_characters_and_256_bytes_at_most(void **state)
{
    char text[300];

    (void)state;
    assert_null(secret_wrong_password("twelve chars"));
    assert_string_equal(secret_wrong_password("eleven char"),
                        "a password has at least 12 characters");
    assert_non_null(secret_wrong_password(""));
    /* characters are counted and not bytes */
    assert_non_null(secret_wrong_password("\xe5\x86\x9c\xe5\x86\x9c\xe5\x86\x9c\xe5\x86"
                                          "\x9c"));
    memset(text, 'a', sizeof(text));
    text[256] = '\0';
    assert_null(secret_wrong_password(text));
    memset(text, 'a', 257);
    text[257] = '\0';
    assert_string_equal(secret_wrong_password(text), "a password has at most 256 bytes");
}

static void t_chosen_password_has_no_control_characters(void **state)
{
    (void)state;
    assert_non_null(secret_wrong_password("twelve\nchars"));
    assert_non_null(secret_wrong_password("\001twelve chars"));
    assert_non_null(secret_wrong_password("twelve chars\x7f"));
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, t_fds_check)
T_MAIN(S(t_init_may_be_called_again),
       S(t_token_is_43_characters_that_an_address_may_have),
       S(t_stored_id_is_the_same_for_the_same_token_only),
       S(t_derived_token_depends_on_token_and_purpose),
       S(t_texts_are_equal_only_as_a_whole),
       S(t_random_password_can_be_read_aloud_and_is_a_right_one),
       S(t_password_is_verified_by_its_hash_only),
       S(t_hash_that_is_no_hash_verifies_nothing),
       S(t_chosen_password_has_12_characters_and_256_bytes_at_most),
       S(t_chosen_password_has_no_control_characters))
