/* fuzz_drill_mark -- any bytes as the value of Lars-Drill.  They are a mark only if they
 * are exactly what the fleet has signed; with the right MAC put in, only the time of the
 * text decides. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/drill_mark.h"

#define NOW 1800000000ull
#define MAC_AT (DRILL_MARK_LEN - FLEET_KEYS_MAC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct drill_mark_memory m = {0};
    char err[CONF_ERR_MAX], right[DRILL_MARK_LEN + 1], text[DRILL_MARK_LEN];
    struct fleet_keys *k;
    bool is_it;

    if (fleet_keys_create(&k, "", "key", err) < 0)
        abort();
    drill_mark_make(k, NOW, right);
    is_it = size == DRILL_MARK_LEN && memcmp(data, right, size) == 0;
    if (drill_mark_check(&m, k, (const char *)data, size, NOW) != is_it)
        abort();
    memcpy(text, right, sizeof(text));
    memcpy(text, data, size < MAC_AT ? size : MAC_AT);
    is_it = memcmp(text, right, sizeof(text)) == 0;
    if (drill_mark_check(&m, k, text, sizeof(text), NOW) != is_it)
        abort();
    if (m.expiry_s > NOW + DRILL_MARK_LIFE_S + DRILL_MARK_SKEW_S)
        abort();
    fleet_keys_destroy(k);
    return 0;
}
