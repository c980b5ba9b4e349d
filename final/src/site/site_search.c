/* An index of tokens.  A run of Chinese characters gives each character and each pair of
 * neighbours, because it has no spaces and a dictionary would not know the names of
 * varieties; other letters and digits give words, in lower case and without a plural s.
 * A query asks for pairs where it can, and for a character where it stands alone.
 *
 * Invariant: postings are sorted by token, then by exhibit, each pair once.  A token is
 * a hash of 64 bits: two that are equal by chance give a wrong result and no fault.
 * Rejected: FULLTEXT of the database, which search would then depend on. */
#include "site/site_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/utf8.h"

#define QUERY_TOKENS (2 * SITE_SEARCH_CHARACTERS)

struct posting {
    uint64_t token;
    uint32_t exhibit; /* index in the catalogue */
    uint32_t weight;
};

struct site_search {
    const struct catalogue *catalogue;
    struct posting *at;
    size_t n, room;
};

/* Called for each token; false: stop. */
typedef bool token_fn(uint64_t token, void *arg);

/* --- text into tokens --------------------------------------------------------------- */

/* The next character; 0 at the end.  The text is whole UTF-8. */
static uint32_t next_char(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    uint32_t c = p[0];
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0, i;

    if (c == 0)
        return 0;
    if (more > 0)
        c &= 0x3fu >> more;
    for (i = 1; i <= more && p[i]; i++)
        c = c << 6 | (p[i] & 0x3fu);
    *text += i;
    return c;
}

/* Full-width letters and digits are those of ASCII; capitals are small letters. */
static uint32_t fold(uint32_t c)
{
    if (c >= 0xff01 && c <= 0xff5e)
        c -= 0xfee0;
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool is_han(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x3ffff) || c == 0x3007;
}

static bool is_word(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return c >= 0xc0 && c < 0x2000 && c != 0xd7 && c != 0xf7;
}

static uint64_t token_of(uint32_t a, uint32_t b)
{
    return fnv_add_number(fnv_add_number(FNV_START, a, 4), b, 4);
}

/* Reads a word that begins with <c>; *<text> is behind it. */
static uint64_t take_word(const char **text, uint32_t c)
{
    uint64_t sum = FNV_START, without_last = FNV_START;
    const char *p = *text;
    uint32_t last = 0;
    size_t n = 0;

    for (; is_word(c); c = fold(next_char(&p)), n++) {
        without_last = sum;
        sum = fnv_add_number(sum, last = c, 4);
        *text = p;
    }
    return n > 3 && last == 's' ? without_last : sum;
}

/* <pairs_only>: a character with a neighbour gives no token of its own. */
static void each_token(const char *text, bool pairs_only, token_fn *fn, void *arg)
{
    uint32_t before = 0, c;
    bool goes_on = true;

    while (goes_on && (c = fold(next_char(&text))) != 0) {
        const char *after = text;

        if (is_word(c))
            goes_on = fn(take_word(&text, c), arg);
        if (is_han(c) && (!pairs_only || (!before && !is_han(fold(next_char(&after))))))
            goes_on = fn(token_of(c, 0), arg);
        if (is_han(c) && before && goes_on)
            goes_on = fn(token_of(before, c), arg);
        before = is_han(c) ? c : 0;
    }
}

/* --- the index ---------------------------------------------------------------------- */

struct adding {
    struct site_search *search;
    uint32_t exhibit, weight;
    int rc;
};

static bool add_token(uint64_t token, void *arg)
{
    struct adding *a = arg;
    struct site_search *s = a->search;

    if (s->n == s->room) {
        size_t room = 2 * s->room + 4096;
        struct posting *more = realloc(s->at, room * sizeof(*more));

        if (!more) {
            a->rc = -ENOMEM;
            return false;
        }
        s->at = more;
        s->room = room;
    }
    s->at[s->n++] = (struct posting){token, a->exhibit, a->weight};
    return true;
}

static int add_text(struct adding *a, const char *const text[CATALOGUE_LANGUAGES],
                    uint32_t weight)
{
    size_t i;

    a->weight = weight;
    for (i = 0; i < CATALOGUE_LANGUAGES; i++)
        each_token(text[i], false, add_token, a);
    return a->rc;
}

static int by_token(const void *a, const void *b)
{
    const struct posting *x = a, *y = b;

    if (x->token != y->token)
        return x->token < y->token ? -1 : 1;
    return (x->exhibit > y->exhibit) - (x->exhibit < y->exhibit);
}

/* Postings of the same token and exhibit become one. */
static void merge(struct site_search *s)
{
    size_t i, n = 0;

    for (i = 0; i < s->n; i++)
        if (n > 0 && by_token(&s->at[n - 1], &s->at[i]) == 0)
            s->at[n - 1].weight += s->at[i].weight;
        else
            s->at[n++] = s->at[i];
    s->n = n;
}

static int add_exhibit(struct site_search *s, size_t i)
{
    const struct catalogue_exhibit *x = catalogue_exhibit(s->catalogue, i);
    struct adding a = {s, (uint32_t)i, 0, 0};

    if (add_text(&a, x->title, 100) < 0 || add_text(&a, x->summary, 10) < 0 ||
        add_text(&a, x->organisation, 3) < 0)
        return a.rc;
    return add_text(&a, x->body, 1);
}

int site_search_create(struct site_search **out, const struct catalogue *c)
{
    struct site_search *s = calloc(1, sizeof(*s));
    int rc = s ? 0 : -ENOMEM;
    size_t i;

    if (rc == 0)
        s->catalogue = c;
    for (i = 0; rc == 0 && i < catalogue_n_exhibits(c); i++)
        rc = add_exhibit(s, i);
    if (rc < 0) {
        site_search_destroy(s);
        return rc;
    }
    if (s->n > 0)
        qsort(s->at, s->n, sizeof(*s->at), by_token);
    merge(s);
    *out = s;
    return 0;
}

void site_search_destroy(struct site_search *s)
{
    if (s)
        free(s->at);
    free(s);
}

/* --- queries ------------------------------------------------------------------------ */

struct query {
    uint64_t token[QUERY_TOKENS];
    size_t n;
};

static bool note_token(uint64_t token, void *arg)
{
    struct query *q = arg;
    size_t i;

    for (i = 0; i < q->n; i++)
        if (q->token[i] == token)
            return true;
    q->token[q->n++] = token;
    return q->n < QUERY_TOKENS;
}

/* The first posting of the token; *<n>: how many there are. */
static const struct posting *find_token(const struct site_search *s, uint64_t token,
                                        size_t *n)
{
    size_t low = 0, high = s->n, end;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->at[mid].token < token)
            low = mid + 1;
        else
            high = mid;
    }
    for (end = low; end < s->n && s->at[end].token == token; end++)
        continue;
    *n = end - low;
    return &s->at[low];
}

/* Keep those of <hit> that the token has as well.  Both are sorted by exhibit. */
static size_t intersect(struct posting *hit, size_t n_hit, const struct posting *p,
                        size_t n)
{
    size_t i = 0, j = 0, kept = 0;

    while (i < n_hit && j < n)
        if (hit[i].exhibit < p[j].exhibit)
            i++;
        else if (hit[i].exhibit > p[j].exhibit)
            j++;
        else {
            hit[kept] = hit[i++];
            hit[kept++].weight += p[j++].weight;
        }
    return kept;
}

static int by_weight(const void *a, const void *b)
{
    const struct posting *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->exhibit > y->exhibit) - (x->exhibit < y->exhibit);
}

void site_search_trim(char *query)
{
    size_t i, n = 0;

    utf8_replace_broken(query);
    for (i = 0; query[i] && n <= SITE_SEARCH_CHARACTERS; i++) {
        n += ((unsigned char)query[i] & 0xc0) != 0x80;
        if (n > SITE_SEARCH_CHARACTERS)
            query[i--] = '\0';
    }
}

/* All exhibits that have each token of <q>.  NULL: none, or no memory. */
static struct posting *find_all(const struct site_search *s, const struct query *q,
                                size_t *n_hit)
{
    const struct posting *p;
    struct posting *hit;
    size_t i, n = 0;

    *n_hit = 0;
    if (q->n == 0)
        return NULL;
    p = find_token(s, q->token[0], n_hit);
    hit = *n_hit > 0 ? malloc(*n_hit * sizeof(*hit)) : NULL;
    if (!hit) {
        *n_hit = 0;
        return NULL;
    }
    memcpy(hit, p, *n_hit * sizeof(*hit));
    for (i = 1; i < q->n; i++) {
        p = find_token(s, q->token[i], &n);
        *n_hit = intersect(hit, *n_hit, p, n);
    }
    return hit;
}

size_t site_search_find(const struct site_search *s, const char *query,
                        const struct catalogue_exhibit *out[SITE_SEARCH_RESULTS],
                        size_t *n_all)
{
    char text[4 * SITE_SEARCH_CHARACTERS + 4 + 1];
    struct query q = {.n = 0};
    struct posting *hit;
    size_t i;

    memcpy(text, query, strnlen(query, sizeof(text) - 1));
    text[strnlen(query, sizeof(text) - 1)] = '\0';
    site_search_trim(text);
    each_token(text, true, note_token, &q);
    hit = find_all(s, &q, n_all);
    if (*n_all > 0)
        qsort(hit, *n_all, sizeof(*hit), by_weight);
    for (i = 0; i < *n_all && i < SITE_SEARCH_RESULTS; i++)
        out[i] = catalogue_exhibit(s->catalogue, hit[i].exhibit);
    free(hit);
    return i;
}
