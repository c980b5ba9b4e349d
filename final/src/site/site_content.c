/* The thread with the database makes a content and hands it over to the loop, which
 * serves it; answers that are still being sent keep the one before. */
#include "site/site_content.h"

#include <errno.h>
#include <stdlib.h>

int site_content_create(struct site_content **out, const struct site_render *r,
                        struct catalogue *c, uint64_t revision)
{
    struct site_content *s = calloc(1, sizeof(*s));
    int rc;

    if (!s) {
        catalogue_destroy(c);
        return -ENOMEM;
    }
    *s = (struct site_content){.catalogue = c, .revision = revision, .refs = 1};
    rc = site_search_create(&s->search, c);
    if (rc == 0)
        rc = site_render_all(r, c, &s->bodies);
    if (rc < 0)
        site_content_unref(s);
    else
        *out = s;
    return rc;
}

void site_content_unref(struct site_content *c)
{
    if (!c || --c->refs > 0)
        return;
    site_bodies_destroy(c->bodies);
    site_search_destroy(c->search);
    catalogue_destroy(c->catalogue);
    free(c);
}
