/* Keys are read once and cleared before their memory is given back.  A file with a wrong
 * line is refused as a whole: a gateway with half of the keys would refuse what the
 * others sign.
 *
 * A new visitor costs one HMAC, so that the key is prepared once, when it is read: the
 * state of the HMAC before the text is copied for each.
 * Rejected: OpenSSL's HMAC(), which looks its algorithm up anew in each call: it took 6 %
 * of the processor time of a forwarded request. */
#include "fleet/fleet_keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MIN 32
#define KEY_MAX 128
#define N_KEYS 2

struct fleet_keys {
    unsigned n;
    struct crypto_auth_hmacsha256_state key[N_KEYS]; /* before the text */
};

static int add_key(struct fleet_keys *k, const char *line, size_t len)
{
    if (len < KEY_MIN || len > KEY_MAX || k->n == N_KEYS)
        return -EINVAL;
    crypto_auth_hmacsha256_init(&k->key[k->n++], (const unsigned char *)line, len);
    return 0;
}

static int read_keys(struct fleet_keys *k, FILE *f)
{
    char line[KEY_MAX + 3];
    int rc = 0;

    while (rc == 0 && fgets(line, sizeof(line), f)) {
        size_t len = strcspn(line, "\r\n");

        if (len > 0)
            rc = add_key(k, line, len);
    }
    sodium_memzero(line, sizeof(line));
    return rc == 0 && k->n == 0 ? -EINVAL : rc;
}

static int load_keys(struct fleet_keys *k, const char *path, const char *key_name,
                     char err[CONF_ERR_MAX])
{
    FILE *f = fopen(path, "re");
    int rc = f ? 0 : -errno;

    if (rc < 0) {
        snprintf(err, CONF_ERR_MAX, "cannot read %.200s, %s: %s", path, key_name,
                 strerror(-rc));
        return rc;
    }
    rc = read_keys(k, f);
    fclose(f);
    if (rc < 0)
        snprintf(err, CONF_ERR_MAX,
                 "%.200s, %s, must have one or two lines of %d to %d "
                 "characters; `openssl rand -hex 32` makes one",
                 path, key_name, KEY_MIN, KEY_MAX);
    return rc;
}

static int make_key(struct fleet_keys *k)
{
    char key[KEY_MIN];
    int rc;

    randombytes_buf(key, sizeof(key));
    rc = add_key(k, key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    return rc;
}

int fleet_keys_create(struct fleet_keys **out, const char *path, const char *key_name,
                      char err[CONF_ERR_MAX])
{
    struct fleet_keys *k = calloc(1, sizeof(*k));
    int rc;

    if (!k) {
        snprintf(err, CONF_ERR_MAX, "out of memory");
        return -ENOMEM;
    }
    rc = path[0] ? load_keys(k, path, key_name, err) : make_key(k);
    if (rc < 0)
        fleet_keys_destroy(k);
    else
        *out = k;
    return rc;
}

void fleet_keys_destroy(struct fleet_keys *k)
{
    if (k)
        sodium_memzero(k, sizeof(*k));
    free(k);
}

static void sign(const struct fleet_keys *k, unsigned i, const void *bytes, size_t len,
                 char out[FLEET_KEYS_MAC])
{
    static const char digit[] = "0123456789abcdef";
    struct crypto_auth_hmacsha256_state state = k->key[i];
    unsigned char mac[FLEET_KEYS_MAC / 2];
    size_t n;

    crypto_auth_hmacsha256_update(&state, bytes, len);
    crypto_auth_hmacsha256_final(&state, mac);
    for (n = 0; n < sizeof(mac); n++) {
        *out++ = digit[mac[n] >> 4];
        *out++ = digit[mac[n] & 15];
    }
}

void fleet_keys_sign(const struct fleet_keys *k, const void *bytes, size_t len,
                     char out[FLEET_KEYS_MAC])
{
    sign(k, 0, bytes, len, out);
}

bool fleet_keys_verify(const struct fleet_keys *k, const void *bytes, size_t len,
                       const char mac[FLEET_KEYS_MAC])
{
    char right[FLEET_KEYS_MAC];
    unsigned i;

    for (i = 0; i < k->n; i++) {
        sign(k, i, bytes, len, right);
        if (sodium_memcmp(right, mac, FLEET_KEYS_MAC) == 0)
            return true;
    }
    return false;
}
