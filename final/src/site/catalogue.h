/* catalogue -- editions, exhibits and pictures of the exhibition site in memory.  It is
 * built from rows of text, which come from the database or from a snapshot file, and does
 * not change afterwards.  All texts that it gives out are borrowed until
 * catalogue_destroy().  Thread: the builder's, then any that only reads. */
#ifndef LARS_SITE_CATALOGUE_H
#define LARS_SITE_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATALOGUE_EDITIONS 100u
#define CATALOGUE_EXHIBITS 5000u
#define CATALOGUE_VIEWS 16u /* pictures of an exhibit */
#define CATALOGUE_PICTURE_MAX 1048576u /* bytes */
#define CATALOGUE_PICTURES_MAX 268435456u /* bytes of all pictures */
#define CATALOGUE_ID_MAX 32u
#define CATALOGUE_HASH 64u /* digits of a SHA-256 */

enum catalogue_language { CATALOGUE_ZH, CATALOGUE_EN, CATALOGUE_LANGUAGES };

struct catalogue;

struct catalogue_edition {
    uint32_t year;
    const char *title[CATALOGUE_LANGUAGES];
    const char *state; /* "published" or "frozen" */
    const char *published_at; /* UTC; "" = not known */
    struct catalogue_exhibit **exhibit; /* in the order of the rows */
    size_t n_exhibit;
};

/* Its bytes are shared by all catalogues that have it. */
struct catalogue_picture {
    char hash[CATALOGUE_HASH + 1];
    const char *mime; /* static: one of four types */
    const char *suffix; /* static: "svg", "png" ... */
    const unsigned char *bytes;
    size_t len;
};

struct catalogue_view {
    const struct catalogue_picture *picture;
    const char *alt[CATALOGUE_LANGUAGES];
};

struct catalogue_exhibit {
    const struct catalogue_edition *edition;
    const char *id, *category; /* a-z 0-9 - */
    const char *title[CATALOGUE_LANGUAGES], *summary[CATALOGUE_LANGUAGES];
    const char *body[CATALOGUE_LANGUAGES], *organisation[CATALOGUE_LANGUAGES];
    bool is_sample;
    struct catalogue_view view[CATALOGUE_VIEWS];
    size_t n_view;
};

/* The columns of the rows, in this order. */
enum { EDITION_YEAR, EDITION_TITLE, EDITION_STATE = 3, EDITION_AT, EDITION_COLUMNS };
enum {
    EXHIBIT_YEAR,
    EXHIBIT_ID,
    EXHIBIT_CATEGORY,
    EXHIBIT_TITLE,
    EXHIBIT_SUMMARY = 5,
    EXHIBIT_BODY = 7,
    EXHIBIT_ORGANISATION = 9,
    EXHIBIT_SAMPLE = 11,
    EXHIBIT_COLUMNS
};
enum { VIEW_YEAR, VIEW_ID, VIEW_HASH, VIEW_ALT, VIEW_COLUMNS = 5 };

/* Returns 0 or -ENOMEM. */
int catalogue_create(struct catalogue **out);
void catalogue_destroy(struct catalogue *c); /* NULL is fine */

/* Add a row; NULL is an empty text.  Copies it.  Editions come before their exhibits, the
 * latest first, exhibits and pictures before views.  Returns 0; -EINVAL: the row is left
 * out and counted, because a value is not what the column may have, it is there already,
 * or what it belongs to is not; -E2BIG: a limit above is reached; -ENOMEM. */
int catalogue_add_edition(struct catalogue *c, char *const at[EDITION_COLUMNS]);
int catalogue_add_exhibit(struct catalogue *c, char *const at[EXHIBIT_COLUMNS]);
int catalogue_add_view(struct catalogue *c, char *const at[VIEW_COLUMNS]);
/* <hash> must be the SHA-256 of the bytes. */
int catalogue_add_picture(struct catalogue *c, const char *hash, const char *mime,
                          const void *bytes, size_t len);

/* <c> shares the picture of <from>.  Returns 0; -ENOENT when <from> (may be NULL) has
 * none with this hash; or as catalogue_add_picture(). */
int catalogue_share_picture(struct catalogue *c, struct catalogue *from,
                            const char *hash);

size_t catalogue_n_bad(const struct catalogue *c); /* rows left out */
size_t catalogue_n_editions(const struct catalogue *c);
size_t catalogue_n_exhibits(const struct catalogue *c); /* of all editions */
size_t catalogue_n_pictures(const struct catalogue *c);
/* By index, below the numbers above. */
const struct catalogue_edition *catalogue_edition(const struct catalogue *c, size_t i);
const struct catalogue_exhibit *catalogue_exhibit(const struct catalogue *c, size_t i);
const struct catalogue_picture *catalogue_picture(const struct catalogue *c, size_t i);

#endif
