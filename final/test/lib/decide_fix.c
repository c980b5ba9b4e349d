#include "decide_fix.h"

#include "../t.h"

struct decide_fix decide_fix;

/* All nodes that are wanted are up, in all zones. */
static void all_up(unsigned each)
{
    decide_fix.in.nodes_up = each * decide_fix.in.rule.zones;
    decide_fix.in.largest_zone_up = each;
    decide_fix.in.zones_up = decide_fix.in.rule.zones;
}

void decide_fix_begin(unsigned zones, unsigned wanted)
{
    memset(&decide_fix, 0, sizeof(decide_fix));
    decide_fix.in = (struct decide_input){
        .now_ms = 5000000, .fresh = true, .min_zone = 1, .all_gateways_60s = true};
    decide_fix.in.rule = (struct need_rule){0.70, 0.90, zones};
    all_up(wanted);
    assert_int_equal(
        decide_state_create(&decide_fix.s, NULL, wanted, decide_fix.in.now_ms), 0);
}

void decide_fix_round(double load, bool starting)
{
    decide_fix.in.now_ms += 1000;
    decide_fix.in.load = load;
    decide_round(decide_fix.s, &decide_fix.in, &decide_fix.out);
    decide_fix.urgent += decide_fix.out.rule == DECIDE_URGENT;
    decide_fix.floor += decide_fix.out.rule == DECIDE_FLOOR;
    decide_fix.plan += decide_fix.out.rule == DECIDE_PLAN;
    decide_fix.down += decide_fix.out.rule == DECIDE_DOWN;
    if (!starting)
        all_up(decide_fix.out.wanted);
}

void decide_fix_rounds(unsigned n, double load)
{
    while (n-- > 0)
        decide_fix_round(load, false);
}

int decide_fix_end(void **state)
{
    (void)state;
    decide_state_destroy(decide_fix.s);
    decide_fix.s = NULL;
    return 0;
}
