/* Rows of text are checked here, whichever way they come: the database may have been
 * changed by hand, and a snapshot file may be damaged.  What a row names becomes a part
 * of a path, so ids have letters, digits and '-' only.
 *
 * Invariant: a view has a picture, an exhibit has an edition, and no two share a name.
 * The bytes of pictures are counted references: a new catalogue takes over those of the
 * one before, which another thread may be serving.
 * Rejected: asking the database for each page.  The site must work without it. */
#include "site/catalogue.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/utf8.h"

#define CHUNK 65536u /* bytes of texts that are allocated at once */
#define KEY_MAX (CATALOGUE_ID_MAX + 12) /* "2027/some-id" */

struct chunk {
    struct chunk *next;
    size_t used, size;
    char text[];
};

struct blob { /* a picture with its bytes */
    struct catalogue_picture is;
    atomic_uint refs;
    unsigned char bytes[];
};

struct picture { /* of one catalogue */
    struct blob *blob;
    UT_hash_handle hh;
};

struct exhibit {
    struct catalogue_exhibit is;
    char key[KEY_MAX];
    UT_hash_handle hh;
};

struct catalogue {
    struct chunk *chunks;
    struct catalogue_edition edition[CATALOGUE_EDITIONS];
    size_t n_edition, n_exhibit, n_picture, n_bad, picture_bytes;
    struct exhibit *at[CATALOGUE_EXHIBITS], *by_key;
    struct picture **picture, *by_hash;
    size_t room_picture;
};

int catalogue_create(struct catalogue **out)
{
    struct catalogue *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    *out = c;
    return 0;
}

static void blob_unref(struct blob *b)
{
    if (atomic_fetch_sub(&b->refs, 1) == 1)
        free(b);
}

void catalogue_destroy(struct catalogue *c)
{
    size_t i;

    if (!c)
        return;
    HASH_CLEAR(hh, c->by_key);
    HASH_CLEAR(hh, c->by_hash);
    for (i = 0; i < c->n_edition; i++)
        free(c->edition[i].exhibit);
    for (i = 0; i < c->n_exhibit; i++)
        free(c->at[i]);
    for (i = 0; i < c->n_picture; i++) {
        blob_unref(c->picture[i]->blob);
        free(c->picture[i]);
    }
    free(c->picture);
    while (c->chunks) {
        struct chunk *next = c->chunks->next;

        free(c->chunks);
        c->chunks = next;
    }
    free(c);
}

/* --- texts -------------------------------------------------------------------------- */

/* A copy, NULL: no memory.  Broken characters are replaced, because pages are UTF-8. */
static const char *copy(struct catalogue *c, const char *text)
{
    size_t n = strlen(text) + 1;
    struct chunk *k = c->chunks;
    char *to;

    if (!k || k->size - k->used < n) {
        size_t size = n > CHUNK ? n : CHUNK;

        k = malloc(sizeof(*k) + size);
        if (!k)
            return NULL;
        *k = (struct chunk){.next = c->chunks, .size = size};
        c->chunks = k;
    }
    to = k->text + k->used;
    k->used += n;
    memcpy(to, text, n);
    utf8_replace_broken(to);
    return to;
}

/* Copy the texts of both languages.  Returns 0 or -ENOMEM. */
static int copy_both(struct catalogue *c, const char *to[CATALOGUE_LANGUAGES],
                     char *const *from)
{
    size_t i;

    for (i = 0; i < CATALOGUE_LANGUAGES; i++) {
        to[i] = copy(c, from[i] ? from[i] : "");
        if (!to[i])
            return -ENOMEM;
    }
    return 0;
}

static int bad(struct catalogue *c)
{
    c->n_bad++;
    return -EINVAL;
}

static bool is_id(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    return text && text[0] && strlen(text) <= CATALOGUE_ID_MAX &&
           text[strspn(text, allowed)] == '\0';
}

static bool is_hash(const char *text)
{
    return text && strlen(text) == CATALOGUE_HASH &&
           strspn(text, "0123456789abcdef") == CATALOGUE_HASH;
}

/* A year of four digits, or 0. */
static uint32_t year_of(const char *text)
{
    if (!text || strlen(text) != 4 || strspn(text, "0123456789") != 4 || text[0] == '0')
        return 0;
    return (uint32_t)strtoul(text, NULL, 10);
}

/* --- editions and exhibits ---------------------------------------------------------- */

static struct catalogue_edition *find_edition(struct catalogue *c, const char *year)
{
    uint32_t wanted = year_of(year);
    size_t i;

    for (i = 0; i < c->n_edition; i++)
        if (c->edition[i].year == wanted)
            return &c->edition[i];
    return NULL;
}

int catalogue_add_edition(struct catalogue *c, char *const at[EDITION_COLUMNS])
{
    struct catalogue_edition *e = &c->edition[c->n_edition];
    const char *state = at[EDITION_STATE] ? at[EDITION_STATE] : "";

    if (year_of(at[EDITION_YEAR]) == 0 || find_edition(c, at[EDITION_YEAR]) ||
        (strcmp(state, "published") != 0 && strcmp(state, "frozen") != 0))
        return bad(c);
    if (c->n_edition == CATALOGUE_EDITIONS)
        return -E2BIG;
    *e = (struct catalogue_edition){.year = year_of(at[EDITION_YEAR])};
    e->state = copy(c, state);
    e->published_at = copy(c, at[EDITION_AT] ? at[EDITION_AT] : "");
    if (!e->state || !e->published_at || copy_both(c, e->title, &at[EDITION_TITLE]) < 0)
        return -ENOMEM;
    c->n_edition++;
    return 0;
}

static struct exhibit *find_exhibit(struct catalogue *c, const char *year, const char *id)
{
    struct exhibit *x;
    char key[KEY_MAX];

    if (!year || !is_id(id))
        return NULL;
    snprintf(key, sizeof(key), "%.4s/%s", year, id);
    HASH_FIND_STR(c->by_key, key, x);
    return x;
}

static int copy_exhibit(struct catalogue *c, struct catalogue_exhibit *x,
                        char *const at[EXHIBIT_COLUMNS])
{
    int rc = copy_both(c, x->title, &at[EXHIBIT_TITLE]);

    if (rc == 0)
        rc = copy_both(c, x->summary, &at[EXHIBIT_SUMMARY]);
    if (rc == 0)
        rc = copy_both(c, x->body, &at[EXHIBIT_BODY]);
    if (rc == 0)
        rc = copy_both(c, x->organisation, &at[EXHIBIT_ORGANISATION]);
    x->id = copy(c, at[EXHIBIT_ID]);
    x->category = copy(c, at[EXHIBIT_CATEGORY]);
    x->is_sample = at[EXHIBIT_SAMPLE] && strcmp(at[EXHIBIT_SAMPLE], "0") != 0;
    return x->id && x->category ? rc : -ENOMEM;
}

static int append(struct catalogue_edition *e, struct catalogue_exhibit *x)
{
    size_t n = e->n_exhibit;

    if ((n & (n + 1)) == 0) { /* 0, 1, 3, 7 ...: room for twice as many */
        void *more = realloc(e->exhibit, (2 * n + 1) * sizeof(*e->exhibit));

        if (!more)
            return -ENOMEM;
        e->exhibit = more;
    }
    e->exhibit[e->n_exhibit++] = x;
    return 0;
}

int catalogue_add_exhibit(struct catalogue *c, char *const at[EXHIBIT_COLUMNS])
{
    struct catalogue_edition *e = find_edition(c, at[EXHIBIT_YEAR]);
    struct exhibit *x;

    if (!e || !is_id(at[EXHIBIT_ID]) || !is_id(at[EXHIBIT_CATEGORY]) ||
        find_exhibit(c, at[EXHIBIT_YEAR], at[EXHIBIT_ID]))
        return bad(c);
    if (c->n_exhibit == CATALOGUE_EXHIBITS)
        return -E2BIG;
    x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->is.edition = e;
    snprintf(x->key, sizeof(x->key), "%.4s/%s", at[EXHIBIT_YEAR], at[EXHIBIT_ID]);
    if (copy_exhibit(c, &x->is, at) < 0 || append(e, &x->is) < 0) {
        free(x);
        return -ENOMEM;
    }
    HASH_ADD_STR(c->by_key, key, x);
    c->at[c->n_exhibit++] = x;
    return 0;
}

/* --- pictures ----------------------------------------------------------------------- */

static const struct {
    const char *mime, *suffix;
} types[] = {{"image/svg+xml", "svg"},
             {"image/png", "png"},
             {"image/jpeg", "jpg"},
             {"image/webp", "webp"}};

static bool hash_fits(const char *hash, const void *bytes, size_t len)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0, i;

    if (EVP_Digest(bytes, len, sum, &n, EVP_sha256(), NULL) != 1)
        return false;
    for (i = 0; i < n; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
    return strcmp(hex, hash) == 0;
}

static struct picture *find_picture(struct catalogue *c, const char *hash)
{
    struct picture *p = NULL;

    if (is_hash(hash))
        HASH_FIND(hh, c->by_hash, hash, CATALOGUE_HASH, p);
    return p;
}

/* Takes the reference of the caller, on failure as well. */
static int add_blob(struct catalogue *c, struct blob *b)
{
    struct picture *p = NULL;

    if (c->n_picture == c->room_picture) {
        size_t room = 2 * c->room_picture + 64;
        void *more = realloc(c->picture, room * sizeof(*c->picture));

        if (more) {
            c->picture = more;
            c->room_picture = room;
        }
    }
    if (c->n_picture < c->room_picture)
        p = calloc(1, sizeof(*p));
    if (!p) {
        blob_unref(b);
        return -ENOMEM;
    }
    p->blob = b;
    HASH_ADD_KEYPTR(hh, c->by_hash, b->is.hash, CATALOGUE_HASH, p);
    c->picture[c->n_picture++] = p;
    c->picture_bytes += b->is.len;
    return 0;
}

int catalogue_add_picture(struct catalogue *c, const char *hash, const char *mime,
                          const void *bytes, size_t len)
{
    struct blob *b;
    size_t i = 0;

    while (i < sizeof(types) / sizeof(types[0]) && strcmp(types[i].mime, mime) != 0)
        i++;
    if (i == sizeof(types) / sizeof(types[0]) || !is_hash(hash) ||
        find_picture(c, hash) || len == 0 || len > CATALOGUE_PICTURE_MAX ||
        !hash_fits(hash, bytes, len))
        return bad(c);
    if (len > CATALOGUE_PICTURES_MAX - c->picture_bytes)
        return -E2BIG;
    b = calloc(1, sizeof(*b) + len);
    if (!b)
        return -ENOMEM;
    memcpy(b->bytes, bytes, len);
    memcpy(b->is.hash, hash, CATALOGUE_HASH);
    b->is.mime = types[i].mime;
    b->is.suffix = types[i].suffix;
    b->is.bytes = b->bytes;
    b->is.len = len;
    atomic_init(&b->refs, 1);
    return add_blob(c, b);
}

int catalogue_share_picture(struct catalogue *c, struct catalogue *from, const char *hash)
{
    struct picture *p = from ? find_picture(from, hash) : NULL;

    if (!p)
        return -ENOENT;
    if (find_picture(c, hash))
        return bad(c);
    if (p->blob->is.len > CATALOGUE_PICTURES_MAX - c->picture_bytes)
        return -E2BIG;
    atomic_fetch_add(&p->blob->refs, 1);
    return add_blob(c, p->blob);
}

int catalogue_add_view(struct catalogue *c, char *const at[VIEW_COLUMNS])
{
    struct exhibit *x = find_exhibit(c, at[VIEW_YEAR], at[VIEW_ID]);
    struct picture *p = find_picture(c, at[VIEW_HASH]);
    struct catalogue_view *v;

    if (!x || !p || x->is.n_view == CATALOGUE_VIEWS)
        return bad(c);
    v = &x->is.view[x->is.n_view];
    v->picture = &p->blob->is;
    if (copy_both(c, v->alt, &at[VIEW_ALT]) < 0)
        return -ENOMEM;
    x->is.n_view++;
    return 0;
}

/* --- what is in it ------------------------------------------------------------------ */

size_t catalogue_n_bad(const struct catalogue *c)
{
    return c->n_bad;
}

size_t catalogue_n_editions(const struct catalogue *c)
{
    return c->n_edition;
}

size_t catalogue_n_exhibits(const struct catalogue *c)
{
    return c->n_exhibit;
}

size_t catalogue_n_pictures(const struct catalogue *c)
{
    return c->n_picture;
}

const struct catalogue_edition *catalogue_edition(const struct catalogue *c, size_t i)
{
    return &c->edition[i];
}

const struct catalogue_exhibit *catalogue_exhibit(const struct catalogue *c, size_t i)
{
    return &c->at[i]->is;
}

const struct catalogue_picture *catalogue_picture(const struct catalogue *c, size_t i)
{
    return &c->picture[i]->blob->is;
}
