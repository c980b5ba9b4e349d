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
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"

#define SIGNED_LEN 33
#define MAC_LEN FLEET_KEYS_MAC
#define VALUE_LEN (SIGNED_LEN + MAC_LEN)
#define CANDIDATES 2
#define STR_(x) #x
#define STR(x) STR_(x)

/* --- the value ---------------------------------------------------------------------- */

/* Write the <n> lowest hexadecimal digits of <value>.  Returns the end of them. */
static char *put_number(char *out, uint64_t value, unsigned n)
{
    static const char digit[] = "0123456789abcdef";
    unsigned i;

    for (i = n; i > 0; i--, value >>= 4)
        out[i - 1] = digit[value & 15];
    return out + n;
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

static bool read_value(const struct fleet_keys *k, const char *p, uint64_t now_s,
                       struct visit *out)
{
    struct visit v = {.class = p[0] == 'i' ? ADMIT_CLASS_INSIDE : ADMIT_CLASS_WAITING};

    if ((p[0] != 'i' && p[0] != 'w') || !read_hex(p + 1, 8, &v.first_s) ||
        !read_hex(p + 9, 8, &v.expiry_s) || !read_hex(p + 17, 16, &v.id))
        return false;
    if (v.expiry_s <= now_s || !fleet_keys_verify(k, p, SIGNED_LEN, p + SIGNED_LEN))
        return false;
    if (v.first_s > now_s)
        v.first_s = now_s;
    *out = v;
    return true;
}

/* --- the field ---------------------------------------------------------------------- */

/* Look for the cookie in <t>.  <left>: how many may still be checked. */
static bool read_pairs(const struct fleet_keys *k, struct http_text t, uint64_t now_s,
                       unsigned *left, struct visit *out)
{
    static const char name[] = VISIT_COOKIE "=";
    const size_t name_len = sizeof(name) - 1;
    const char *p = t.at, *stop = t.at + t.len;

    while (*left > 0 && p < stop) {
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

void visit_read(const struct fleet_keys *k, const struct http_head *h, uint64_t now_s,
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

/* Differs from those of other visitors; the signature keeps it from being forged. */
static uint64_t new_id(void)
{
    static _Thread_local struct rnd r;

    if (r.s == 0)
        rnd_init_any(&r);
    return (uint64_t)rnd_u32(&r) << 32 | rnd_u32(&r) | 1;
}

size_t visit_write(const struct fleet_keys *k, const struct visit *v,
                   enum admit_class class, uint64_t now_s, bool tls,
                   char out[VISIT_FIELD_MAX])
{
    bool inside = class == ADMIT_CLASS_INSIDE;
    char *value = stpcpy(out, "Set-Cookie: " VISIT_COOKIE "="), *p = value;

    *p++ = inside ? 'i' : 'w';
    p = put_number(p, v->first_s, 8);
    p = put_number(p, now_s + life_s(class), 8);
    p = put_number(p, v->id ? v->id : new_id(), 16);
    fleet_keys_sign(k, value, SIGNED_LEN, p);
    p = stpcpy(p + MAC_LEN, inside ? "; Max-Age=" STR(VISIT_INSIDE_S)
                                     : "; Max-Age=" STR(VISIT_WAITING_S));
    p = stpcpy(p, "; Path=/; HttpOnly; SameSite=Lax");
    p = stpcpy(p, tls ? "; Secure\r\n" : "\r\n");
    return (size_t)(p - out);
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
