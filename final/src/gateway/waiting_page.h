/* waiting_page -- the page for visitors who cannot be admitted now, and the apology when
 * nothing else is left: in Chinese and English, without a script or a picture.  It loads
 * itself again after a while, which differs from visitor to visitor so that they do not
 * come back together.  Thread: any. */
#ifndef LARS_GATEWAY_WAITING_PAGE_H
#define LARS_GATEWAY_WAITING_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define WAITING_PAGE_MAX 3072

struct waiting_page {
    uint32_t refresh_s;                   /* until it loads itself again */
    uint32_t wait_s;                      /* the expected wait; 0 = the apology */
    const char *request_id;
};

/* Write the page into <out>.  Returns its length. */
size_t waiting_page_write(char out[WAITING_PAGE_MAX], const struct waiting_page *p);

/* <refresh_s> +- 30 %, as <random> says. */
uint32_t waiting_page_spread(uint32_t refresh_s, uint32_t random);

#endif
