/* mirror -- a copy of a web site that serves visitors while no node does.  It is one
 * file, which is replaced as a whole, and is held in memory as a whole.
 *
 *     page      an answer: path, language, status, fields, body plain and in gzip
 *     draft     a copy that is being made; it becomes a mirror when it is stored
 *
 * Bounds: MIRROR_PAGES_MAX pages, MIRROR_BYTES_MAX bytes in the file and so in memory.
 * While a copy is replaced, the draft, the new and the old one exist together.
 * Thread: a draft has one owner; a mirror does not change, any thread reads it. */
#ifndef LARS_GATEWAY_MIRROR_H
#define LARS_GATEWAY_MIRROR_H

#include "http/cache_control.h"

#define MIRROR_PAGES_MAX 16384u
#define MIRROR_BYTES_MAX (128u << 20)
#define MIRROR_PATH_MAX 512u /* with the final 0 */
#define MIRROR_FIELDS_MAX 4096u
#define MIRROR_ETAG_LEN 17 /* 16 digits and the final 0 */
#define MIRROR_MISSING "" /* path of the page for all other paths */

struct mirror;
struct mirror_draft;

struct mirror_page {
    const char *path; /* from '/', without '?' */
    enum cache_control_language language; /* NONE: for every visitor; ZH; EN */
    uint16_t status;
    struct http_text fields; /* whole fields with CR LF: neither a length
                                           * nor an encoding nor an ETag */
    struct http_text plain, gzip; /* gzip: len 0 = there is none */
    char etag[MIRROR_ETAG_LEN]; /* out; of the plain body */
};

/* --- making one --------------------------------------------------------------------- */

int mirror_draft_create(struct mirror_draft **out); /* 0, -ENOMEM */
void mirror_draft_destroy(struct mirror_draft *d); /* NULL is fine */

/* Add a page; the order does not matter.  Copies everything; p->etag is not read, and
 * <gzip> is made here for texts.  Returns 0; -E2BIG: over a bound; -EINVAL: the path or
 * the fields have other bytes than they may have; -ENOMEM. */
int mirror_draft_add(struct mirror_draft *d, const struct mirror_page *p);

/* Replace the file <path>: the draft is written beside it as <path>.new, read back and
 * checked, and renamed.  A crash at any moment leaves the old file or the new one.  On
 * success *<out> is the new copy with one reference, and the draft is empty.  Returns 0;
 * -EEXIST: a path is there twice; -ENOENT: no page; -errno of the disk, such as -ENOSPC,
 * and then the old file is as it was. */
int mirror_draft_store(struct mirror_draft *d, const char *path, uint64_t taken_s,
                       struct mirror **out);

/* --- using one ---------------------------------------------------------------------- */

/* Read and check the file.  Returns 0; -ENOENT; -EBADMSG: it is damaged or of another
 * version; -E2BIG; -ENOMEM; another -errno. */
int mirror_open(struct mirror **out, const char *path);

/* Counted references.  The caller of ref has one, so that no lock is needed. */
struct mirror *mirror_ref(struct mirror *m); /* returns <m> */
void mirror_unref(struct mirror *m); /* NULL is fine */

/* The page for <target>, whose part from '?' on does not count; the page of this language
 * before one of another.  The page MIRROR_MISSING for targets that are not there; false
 * when there is no such page either.  What <out> has is valid while a reference is. */
bool mirror_find(const struct mirror *m, struct http_text target,
                 enum cache_control_language language, struct mirror_page *out);

unsigned mirror_n_pages(const struct mirror *m);
unsigned mirror_n_html(const struct mirror *m); /* of them, those that are HTML */
uint64_t mirror_bytes(const struct mirror *m);
uint64_t mirror_taken_s(const struct mirror *m); /* UNIX time; of mirror_draft_store() */

#endif
