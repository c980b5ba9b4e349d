#include "rosterfix.h"

/* Tests name the numbers of these lines. */
const char rosterfix_good[] = "[fleet]\n" /* 1 */
                              "name = expo\n"
                              "quorum = arbiter\n"
                              "[host a1]\n" /* 4 */
                              "zone = a\n"
                              "address = 10.0.1.11\n"
                              "roles = db dnsd reportd console autoscaler agent\n"
                              "[host a2]\n" /* 8 */
                              "zone = a\n"
                              "address = 10.0.1.12\n"
                              "roles = gateway, agent, slots\n"
                              "[host b1]\n" /* 12 */
                              "zone = b\n"
                              "address = 10.0.2.11\n"
                              "roles = db dnsd reportd console autoscaler agent\n"
                              "machine = 3\n" /* 16 */
                              "[host b2]\n"
                              "zone = b\n"
                              "address = 10.0.2.12\n"
                              "roles = gateway agent site\n" /* 20 */
                              "[host c1]\n"
                              "zone = c\n"
                              "address = 10.0.3.11\n"
                              "roles = arbiter\n"; /* 24 */

const char *rosterfix_read(struct roster *out, const char *text)
{
    static char printed[ROSTER_FAULTS_MAX * (ROSTER_FAULT_LEN + 20)];
    static struct roster_faults faults;
    FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r"), *to;
    int rc;

    assert_non_null(f);
    memset(&faults, 0, sizeof(faults));
    rc = roster_read(out, f, &faults);
    fclose(f);
    assert_int_equal(rc, faults.n > 0 ? -EINVAL : 0);
    memset(printed, 0, sizeof(printed));
    to = fmemopen(printed, sizeof(printed) - 1, "w");
    assert_non_null(to);
    roster_faults_print(&faults, "f", to);
    fclose(to);
    return printed;
}

const char *rosterfix_changed(const char *from, const char *to)
{
    static char text[20000];
    const char *at = strstr(rosterfix_good, from);

    if (!at)
        fail_msg("the good fleet has no \"%s\"", from);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - rosterfix_good), rosterfix_good,
             to, at + strlen(from));
    return text;
}

void rosterfix_expect(const struct rosterfix_change *change, size_t n)
{
    static struct roster r;
    size_t i;

    for (i = 0; i < n; i++) {
        const char *text = rosterfix_changed(change[i].from, change[i].to);

        assert_string_equal(rosterfix_read(&r, text), change[i].faults);
    }
}
