/* A mark has one form only, of a fixed length, so that there is nothing to interpret: the
 * digits that are read are the text that is signed.  The form and the time are checked
 * before the HMAC is computed.
 *
 * All requests of a drill have the same mark, and a load of them shall cost a gateway
 * what one of visitors costs.  So the last mark that was accepted is remembered.
 *
 * The other texts that are signed with the same keys begin with the class letter of a
 * cookie, a method, or "lars-command": none of them is the text of a mark.
 * Rejected: a signature of each request.  It would bind the mark to a path and cost an
 * HMAC each time, against a sender that can hide only the visits that it sends. */
#include "fleet/drill_mark.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define FORM "1."
#define DIGITS 10
#define MAC_AT (sizeof(FORM) - 1 + DIGITS + 1)
#define TEXT_MAX 64

/* Returns the length of the text that is signed. */
static size_t make_text(const char *digits, char out[TEXT_MAX])
{
    return (size_t)snprintf(out, TEXT_MAX, "lars-drill-1\n%.*s\n", DIGITS, digits);
}

void drill_mark_make(const struct fleet_keys *k, uint64_t now_s,
                     char out[DRILL_MARK_LEN + 1])
{
    char text[TEXT_MAX];

    snprintf(out, DRILL_MARK_LEN + 1, FORM "%010llu.",
             (unsigned long long)(now_s + DRILL_MARK_LIFE_S) % 10000000000ull);
    fleet_keys_sign(k, text, make_text(out + sizeof(FORM) - 1, text), out + MAC_AT);
    out[DRILL_MARK_LEN] = '\0';
}

/* The number of DIGITS digits and the full stop after them. */
static bool read_expiry(const char *p, uint64_t *out)
{
    unsigned i;

    for (*out = 0, i = 0; i < DIGITS; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(p[i] - '0');
    }
    return p[DIGITS] == '.';
}

bool drill_mark_check(struct drill_mark_memory *m, const struct fleet_keys *k,
                      const char *mark, size_t len, uint64_t now_s)
{
    char text[TEXT_MAX];
    uint64_t expiry_s;

    if (len != DRILL_MARK_LEN || memcmp(mark, FORM, sizeof(FORM) - 1) != 0 ||
        !read_expiry(mark + sizeof(FORM) - 1, &expiry_s))
        return false;
    if (expiry_s <= now_s || expiry_s > now_s + DRILL_MARK_LIFE_S + DRILL_MARK_SKEW_S)
        return false;
    if (m->expiry_s == expiry_s && sodium_memcmp(m->mark, mark, DRILL_MARK_LEN) == 0)
        return true;
    if (!fleet_keys_verify(k, text, make_text(mark + sizeof(FORM) - 1, text),
                           mark + MAC_AT))
        return false;
    memcpy(m->mark, mark, DRILL_MARK_LEN);
    m->expiry_s = expiry_s;
    return true;
}
