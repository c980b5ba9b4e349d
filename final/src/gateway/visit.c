/* A cookie is either exactly what visit_write() writes, or none: its length and its form
 * are checked before the HMAC is computed, and the HMAC is compared in constant time.  A
 * request has at most CANDIDATES cookies checked, so that one head costs a bounded time.
 *
 * The wall clock is used here only.  A clock that jumps makes visitors new or keeps them
 * longer inside; it stops no service.
 * Rejected: a table of visitors in the gateways.  It would have to be shared by them, and
 * it would be lost with a process. */
#include "gateway/visit.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MIN 32
#define KEY_MAX 128
#define N_KEYS 2
#define SIGNED_LEN 33
#define MAC_LEN 64
#define VALUE_LEN (SIGNED_LEN + MAC_LEN)
#define CANDIDATES 2

struct visit_keys {
    unsigned n;
    struct {
        char text[KEY_MAX];
        size_t len;
    } key[N_KEYS];
};

/* --- keys --------------------------------------------------------------------------- */

static int add_key(struct visit_keys *k, const char *line, size_t len)
{
    if (len < KEY_MIN || len > KEY_MAX || k->n == N_KEYS)
        return -EINVAL;
    memcpy(k->key[k->n].text, line, len);
    k->key[k->n++].len = len;
    return 0;
}

static int read_keys(struct visit_keys *k, FILE *f)
{
    char line[KEY_MAX + 3];
    int rc = 0;

    while (rc == 0 && fgets(line, sizeof(line), f)) {
        size_t len = strcspn(line, "\r\n");

        if (len > 0)
            rc = add_key(k, line, len);
    }
    OPENSSL_cleanse(line, sizeof(line));
    return rc == 0 && k->n == 0 ? -EINVAL : rc;
}

static int load_keys(struct visit_keys *k, const char *path, char err[CONF_ERR_MAX])
{
    FILE *f = fopen(path, "re");
    int rc = f ? 0 : -errno;

    if (rc < 0) {
        snprintf(err, CONF_ERR_MAX, "cannot read %.200s, [gateway] key_file: %s", path,
                 strerror(-rc));
        return rc;
    }
    rc = read_keys(k, f);
    fclose(f);
    if (rc < 0)
        snprintf(err, CONF_ERR_MAX,
                 "%.200s, [gateway] key_file, must have one or two lines of %d to %d "
                 "characters; `openssl rand -hex 32` makes one",
                 path, KEY_MIN, KEY_MAX);
    return rc;
}

int visit_keys_create(struct visit_keys **out, const char *path, char err[CONF_ERR_MAX])
{
    struct visit_keys *k = calloc(1, sizeof(*k));
    int rc = 0;

    if (!k)
        return -ENOMEM;
    if (path[0]) {
        rc = load_keys(k, path, err);
    } else {
        k->n = 1;
        k->key[0].len = KEY_MIN;
        if (RAND_bytes((unsigned char *)k->key[0].text, KEY_MIN) != 1) {
            snprintf(err, CONF_ERR_MAX, "the system has no random numbers for a key");
            rc = -EIO;
        }
    }
    if (rc < 0)
        visit_keys_destroy(k);
    else
        *out = k;
    return rc;
}

void visit_keys_destroy(struct visit_keys *k)
{
    if (k)
        OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

/* --- the value ---------------------------------------------------------------------- */

static bool sign(const struct visit_keys *k, unsigned i, const char *text,
                 char out[MAC_LEN])
{
    static const char digit[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0, n;

    if (!HMAC(EVP_sha256(), k->key[i].text, (int)k->key[i].len,
              (const unsigned char *)text, SIGNED_LEN, mac, &len) ||
        len != MAC_LEN / 2)
        return false;
    for (n = 0; n < len; n++) {
        out[2 * n] = digit[mac[n] >> 4];
        out[2 * n + 1] = digit[mac[n] & 15];
    }
    return true;
}

/* The number of <n> lower-case hexadecimal digits; false: there are others. */
static bool read_hex(const char *p, unsigned n, uint64_t *out)
{
    for (*out = 0; n > 0; n--, p++) {
        if (*p >= '0' && *p <= '9')
            *out = *out << 4 | (uint64_t)(*p - '0');
        else if (*p >= 'a' && *p <= 'f')
            *out = *out << 4 | (uint64_t)(*p - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool is_signed(const struct visit_keys *k, const char *value)
{
    char mac[MAC_LEN];
    unsigned i;

    for (i = 0; i < k->n; i++)
        if (sign(k, i, value, mac) &&
            CRYPTO_memcmp(mac, value + SIGNED_LEN, MAC_LEN) == 0)
            return true;
    return false;
}

static bool read_value(const struct visit_keys *k, const char *p, uint64_t now_s,
                       struct visit *out)
{
    struct visit v = {.class = p[0] == 'i' ? ADMIT_CLASS_INSIDE : ADMIT_CLASS_WAITING};

    if ((p[0] != 'i' && p[0] != 'w') || !read_hex(p + 1, 8, &v.first_s) ||
        !read_hex(p + 9, 8, &v.expiry_s) || !read_hex(p + 17, 16, &v.id))
        return false;
    if (v.expiry_s <= now_s || !is_signed(k, p))
        return false;
    if (v.first_s > now_s)
        v.first_s = now_s;
    *out = v;
    return true;
}

/* --- the field ---------------------------------------------------------------------- */

/* Look for the cookie in <t>.  <left>: how many may still be checked. */
static bool read_pairs(const struct visit_keys *k, struct http_text t, uint64_t now_s,
                       unsigned *left, struct visit *out)
{
    static const char name[] = VISIT_COOKIE "=";
    const size_t name_len = sizeof(name) - 1;
    const char *p = t.at, *stop = t.at + t.len;

    while (p<stop && * left> 0) {
        const char *semicolon = memchr(p, ';', (size_t)(stop - p));
        const char *e = semicolon ? semicolon : stop;

        while (p < e && *p == ' ')
            p++;
        if ((size_t)(e - p) == name_len + VALUE_LEN && memcmp(p, name, name_len) == 0) {
            (*left)--;
            if (read_value(k, p + name_len, now_s, out))
                return true;
        }
        p = semicolon ? semicolon + 1 : stop;
    }
    return false;
}

void visit_read(const struct visit_keys *k, const struct http_head *h, uint64_t now_s,
                struct visit *out)
{
    unsigned i, left = CANDIDATES;

    *out = (struct visit){.class = ADMIT_CLASS_NEW, .first_s = now_s};
    if (!h->at[HTTP_COOKIE])
        return;
    for (i = h->at[HTTP_COOKIE] - 1u; i < h->n_fields; i++)
        if (h->field[i].id == HTTP_COOKIE &&
            read_pairs(k, h->field[i].value, now_s, &left, out))
            return;
}

static uint64_t life_s(enum admit_class class)
{
    return class == ADMIT_CLASS_INSIDE ? VISIT_INSIDE_S : VISIT_WAITING_S;
}

bool visit_is_due(const struct visit *v, enum admit_class class, uint64_t now_s)
{
    return v->expiry_s == 0 || v->class != class ||
           v->expiry_s < now_s + life_s(class) / 2;
}

size_t visit_write(const struct visit_keys *k, const struct visit *v,
                   enum admit_class class, uint64_t now_s, bool tls,
                   char out[VISIT_FIELD_MAX])
{
    char value[VALUE_LEN + 1];
    uint64_t id = v->id;
    int n;

    if (id == 0 && RAND_bytes((unsigned char *)&id, sizeof(id)) != 1)
        return 0;
    snprintf(value, sizeof(value), "%c%08x%08x%016llx",
             class == ADMIT_CLASS_INSIDE ? 'i' : 'w', (unsigned)v->first_s,
             (unsigned)(now_s + life_s(class)), (unsigned long long)id);
    if (!sign(k, 0, value, value + SIGNED_LEN))
        return 0;
    value[VALUE_LEN] = 0;
    n = snprintf(out, VISIT_FIELD_MAX,
                 "Set-Cookie: " VISIT_COOKIE
                 "=%s; Max-Age=%u; Path=/; HttpOnly; SameSite=Lax%s\r\n",
                 value, (unsigned)life_s(class), tls ? "; Secure" : "");
    return (size_t)n;
}

/* --- the rate ----------------------------------------------------------------------- */

#define SLOTS 4096
#define WINDOW_S 5 /* a page with many pictures is a burst, and no flood */

struct visit_rate {
    struct {
        uint64_t id;
        uint32_t window, n;
    } slot[SLOTS];
};

int visit_rate_create(struct visit_rate **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void visit_rate_destroy(struct visit_rate *r)
{
    free(r);
}

bool visit_rate_exceeded(struct visit_rate *r, uint64_t id, uint64_t now_s)
{
    uint32_t window = (uint32_t)(now_s / WINDOW_S);
    unsigned i = (unsigned)(id % SLOTS);

    if (r->slot[i].id != id || r->slot[i].window != window) {
        r->slot[i].id = id;
        r->slot[i].window = window;
        r->slot[i].n = 0;
    }
    return ++r->slot[i].n > VISIT_RATE * WINDOW_S;
}
