/* Everything is libsodium's; this module fixes the parameters in one place.
 *
 * Rejected: bcrypt or PBKDF2 of OpenSSL, which is linked already.  A graphics card tries
 * thousands of times as many passwords a second with them as with argon2id, which needs
 * 64 MiB for each. */
#include "ops/secret.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LETTERS "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"

/* The hash of a password that cannot be given: it has a byte below ' '. */
static char dummy[SECRET_HASH];

int secret_init(void)
{
    if (sodium_init() < 0)
        return -EIO;
    return dummy[0] ? 0 : secret_hash("\001", dummy);
}

static void text_of(const uint8_t bytes[SECRET_ID], char out[SECRET_TOKEN])
{
    sodium_bin2base64(out, SECRET_TOKEN, bytes, SECRET_ID,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void secret_token(char out[SECRET_TOKEN])
{
    uint8_t bytes[SECRET_ID];

    randombytes_buf(bytes, sizeof(bytes));
    text_of(bytes, out);
}

void secret_id(const char *token, uint8_t id[SECRET_ID])
{
    crypto_generichash(id, SECRET_ID, (const uint8_t *)token, strlen(token), NULL, 0);
}

void secret_hex(const uint8_t id[SECRET_ID], char out[SECRET_HEX])
{
    sodium_bin2hex(out, SECRET_HEX, id, SECRET_ID);
}

void secret_derive(const char *token, const char *purpose, char out[SECRET_TOKEN])
{
    crypto_generichash_state s;
    uint8_t bytes[SECRET_ID];

    crypto_generichash_init(&s, NULL, 0, sizeof(bytes));
    crypto_generichash_update(&s, (const uint8_t *)token, strlen(token));
    crypto_generichash_update(&s, (const uint8_t *)purpose, strlen(purpose));
    crypto_generichash_final(&s, bytes, sizeof(bytes));
    text_of(bytes, out);
}

bool secret_equal(const char *a, const char *b)
{
    size_t n = strlen(a);

    return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}

void secret_password(char out[SECRET_PASSWORD])
{
    size_t i;

    for (i = 0; i < SECRET_PASSWORD - 1; i++)
        out[i] = LETTERS[randombytes_uniform(sizeof(LETTERS) - 1)];
    out[i] = '\0';
}

int secret_hash(const char *password, char out[SECRET_HASH])
{
    return crypto_pwhash_str_alg(out, password, strlen(password),
                                 crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                 crypto_pwhash_MEMLIMIT_INTERACTIVE,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0
               ? 0
               : -ENOMEM;
}

bool secret_verify(const char *hash, const char *password)
{
    bool is_known = hash[0] != '\0';
    int rc =
        crypto_pwhash_str_verify(is_known ? hash : dummy, password, strlen(password));

    return is_known && rc == 0;
}

const char *secret_wrong_password(const char *password)
{
    size_t n = 0;
    const char *p;

    for (p = password; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return "a password has no control characters";
        n += ((unsigned char)*p & 0xc0) != 0x80;
    }
    if (n < SECRET_PASSWORD_MIN)
        return "a password has at least 12 characters";
    return p - password > SECRET_PASSWORD_MAX ? "a password has at most 256 bytes" : NULL;
}
