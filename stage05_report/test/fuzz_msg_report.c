/* fuzz_msg_report -- unpacks any bytes as message 3.  They must be unpacked or refused
 * within the bounds, and a message that was unpacked is equal after packing it again. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_report.h"

#define RESULTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[65527];
    static struct msg_result res[RESULTS], back[RESULTS];
    struct msg_report m, again;
    size_t n, k, i;
    ssize_t len;

    if (msg_report_unpack(&m, res, RESULTS, &n, data, size) < 0)
        return 0;
    len = msg_report_pack(&m, res, n, out, sizeof(out));
    if (n > RESULTS || len < 0 ||
        msg_report_unpack(&again, back, RESULTS, &k, out, (size_t)len) != 0 || k != n ||
        again.mod.modid != m.mod.modid || again.caller != m.caller || again.ts != m.ts)
        abort();
    for (i = 0; i < n; i++)
        if (res[i].ip != back[i].ip || res[i].port != back[i].port ||
            res[i].succ != back[i].succ || res[i].err != back[i].err ||
            res[i].overload != back[i].overload)
            abort();
    return 0;
}
