/* fuzz_demand -- lines are answers of a gateway, half a second apart: whatever they are,
 * no rate is negative or too large, and the next question is JSON. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scale/demand_question.h"
#include "scale/demand_rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct demand_rates_source source;
static struct demand_answer answer;

static void check(double rate)
{
    if (!(rate >= 0 && rate <= DEMAND_RATE_MAX))
        abort();
}

static void check_rates(void)
{
    unsigned i;

    if (source.n_modules > DEMAND_MODULES_MAX)
        abort();
    for (i = 0; i < source.n_modules; i++) {
        const struct demand_rates *r = &source.module[i].rates;

        check(r->arrived);
        check(r->cached);
        check(r->served);
        check(r->refused);
        check(r->inflight);
    }
}

static void check_question(void)
{
    static struct demand_share share[DEMAND_MODULES_MAX];
    static char text[DEMAND_QUESTION_SIZE];
    unsigned i;
    json_t *o;

    for (i = 0; i < source.n_modules; i++)
        share[i] = (struct demand_share){
            source.module[i].modid, source.module[i].cmdid,
            demand_question_share(source.module[i].rates.served, 1000, 3)};
    demand_question_write(text, "id", 3, DEMAND_ORDER_SERVE, share, source.n_modules, 0);
    o = json_loads(text, 0, NULL);
    if (!o)
        abort();
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    uint64_t now_ms = 1;

    memset(&source, 0, sizeof(source));
    while (p < end) {
        const char *line = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((line ? line : end) - p);
        json_t *o = json_loadb(p, len, 0, NULL);

        now_ms += 500;
        if (demand_answer_read(&answer, o) == 0) {
            demand_rates_add(&source, &answer, now_ms);
            check_rates();
        }
        json_decref(o);
        p += len + (line != NULL);
    }
    check_question();
    return 0;
}
