/* The CA of a fleet: certificates are kept while they fit, renewed before they end, and
 * revoked when a machine, a role or a host is gone; a damaged folder is refused with what
 * to do. */
#include "t.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "roster/fleet_ca.h"
#include "roster/fleet_cert.h"
#include "roster/text_file.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000) /* 2027 */

static char dir[] = "/tmp/lars_ca_XXXXXX";
static char why[FLEET_CA_WHY];

static void path_of(const char *name, char out[200])
{
    snprintf(out, 200, "%s/%s", dir, name);
}

static int setup(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/lars_ca_XXXXXX");
    assert_non_null(mkdtemp(dir));
    return t_fds_save(state);
}

static int teardown(void **state)
{
    static const char *const names[] = {"ca.crt", "ca.key", "index", "crl.pem"};
    char path[200];
    size_t i;

    for (i = 0; i < 4; i++) {
        path_of(names[i], path);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
    return t_fds_check(state);
}

static struct fleet_ca *open_at(int64_t now_s)
{
    struct fleet_ca *ca = NULL;
    int rc = fleet_ca_open(&ca, dir, "expo", now_s, why);

    if (rc < 0)
        fail_msg("open: %d, %s", rc, why);
    return ca;
}

struct pair {
    char *cert, *key;
};

static void free_pair(struct pair *p)
{
    free(p->cert);
    free(p->key);
    p->cert = p->key = NULL;
}

/* What <s> gets after <old>. */
static struct pair certify(struct fleet_ca *ca, const struct fleet_ca_subject *s,
                           const struct pair *old)
{
    struct pair p = {NULL, NULL};
    int rc = fleet_ca_certificate(ca, s, old ? old->cert : NULL, old ? old->key : NULL,
                                  &p.cert, &p.key, why);

    if (rc < 0)
        fail_msg("certificate: %d, %s", rc, why);
    return p;
}

static char *read_own(const char *name)
{
    char path[200], *text;

    path_of(name, path);
    assert_int_equal(text_file_read(path, &text), 0);
    return text;
}

static void write_own(const char *name, const char *text)
{
    char path[200];

    path_of(name, path);
    assert_true(text_file_write(path, text) >= 0);
}

static bool is_revoked(const char *crl_pem, const char *cert_pem)
{
    X509_CRL *crl = fleet_cert_read_crl(crl_pem);
    X509 *x = fleet_cert_read(cert_pem);
    X509_REVOKED *r = NULL;
    bool found;

    assert_true(crl && x);
    found = X509_CRL_get0_by_cert(crl, &r, x) == 1;
    X509_CRL_free(crl);
    X509_free(x);
    return found;
}

/* As a peer does: against the CA and the list. */
static int verify(struct fleet_ca *ca, const char *cert, int64_t now_s)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *root = fleet_cert_read(fleet_ca_cert(ca)), *x = fleet_cert_read(cert);
    X509_CRL *crl = fleet_cert_read_crl(fleet_ca_crl(ca));
    int error;

    assert_true(store && ctx && root && x && crl);
    X509_STORE_add_cert(store, root);
    X509_STORE_add_crl(store, crl);
    X509_STORE_CTX_init(ctx, store, x, NULL);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
    error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_CRL_free(crl);
    X509_free(root);
    X509_free(x);
    return error;
}

static const struct fleet_ca_subject a1 = {"a1", "dnsd", "10.0.1.11", 1};
static const struct fleet_ca_subject b1 = {"b1", "agent", "10.0.2.11", 1};

static void t_new_certificate_is_accepted_and_names_its_owner(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL);
    X509 *x = fleet_cert_read(p.cert);

    (void)state;
    assert_non_null(x);
    assert_true(fleet_cert_has_san(
        x, "URI:urn:lars:role:dnsd,URI:urn:lars:machine:1,IP:10.0.1.11"));
    assert_false(fleet_cert_has_san(x, "URI:urn:lars:role:dnsd"));
    assert_int_equal(fleet_cert_end_s(x), NOW + FLEET_CA_CERT_DAYS * DAY);
    assert_int_equal(X509_check_ca(x), 0);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(verify(ca, p.cert, NOW), X509_V_OK);
    assert_int_equal(verify(ca, p.cert, NOW + FLEET_CA_CERT_DAYS * DAY + 1),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(fleet_ca_n_issued(ca), 1);
    assert_int_equal(fleet_ca_n_revoked(ca), 0);
    X509_free(x);
    free_pair(&p);
    fleet_ca_close(ca);
}

static void t_files_of_the_ca_are_of_the_owner_alone(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    struct stat st;
    char path[200];

    (void)state;
    fleet_ca_close(ca);
    path_of("ca.key", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void t_second_render_keeps_every_byte(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), q;
    char *before[2], *after[2];
    int i;

    (void)state;
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    before[0] = read_own("index");
    before[1] = read_own("crl.pem");
    ca = open_at(NOW + 100 * DAY);
    q = certify(ca, &a1, &p);
    assert_string_equal(q.cert, p.cert);
    assert_string_equal(q.key, p.key);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(fleet_ca_n_issued(ca), 0);
    after[0] = read_own("index");
    after[1] = read_own("crl.pem");
    for (i = 0; i < 2; i++) {
        assert_string_equal(before[i], after[i]);
        free(before[i]);
        free(after[i]);
    }
    free_pair(&p);
    free_pair(&q);
    fleet_ca_close(ca);
}

/* Renewed with 30 days left, not with 31; the key stays, and so does the old one's
 * validity. */
static void t_certificate_is_renewed_30_days_before_its_end(void **state)
{
    int64_t end = NOW + FLEET_CA_CERT_DAYS * DAY;
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), q;

    (void)state;
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    ca = open_at(end - 31 * DAY);
    q = certify(ca, &a1, &p);
    assert_string_equal(q.cert, p.cert);
    fleet_ca_close(ca);
    free_pair(&q);
    ca = open_at(end - 30 * DAY + 1);
    q = certify(ca, &a1, &p);
    assert_string_not_equal(q.cert, p.cert);
    assert_string_equal(q.key, p.key);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(fleet_ca_n_revoked(ca), 0);
    assert_int_equal(verify(ca, p.cert, end - 30 * DAY), X509_V_OK);
    assert_int_equal(verify(ca, q.cert, end + DAY), X509_V_OK);
    free_pair(&p);
    free_pair(&q);
    fleet_ca_close(ca);
}

static void t_exchanged_machine_gets_a_new_key_and_the_old_one_is_revoked(void **state)
{
    struct fleet_ca_subject grown = a1;
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), other = certify(ca, &b1, NULL), q, r;

    (void)state;
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    ca = open_at(NOW + DAY);
    grown.machine = 2;
    q = certify(ca, &grown, &p);
    r = certify(ca, &b1, &other);
    assert_string_not_equal(q.key, p.key);
    assert_string_equal(r.key, other.key);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(fleet_ca_n_revoked(ca), 1);
    assert_int_equal(verify(ca, p.cert, NOW + DAY), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify(ca, q.cert, NOW + DAY), X509_V_OK);
    assert_int_equal(verify(ca, other.cert, NOW + DAY), X509_V_OK);
    free_pair(&p);
    free_pair(&q);
    free_pair(&r);
    free_pair(&other);
    fleet_ca_close(ca);
}

/* Also one that was renewed before: both certificates of the host are revoked. */
static void t_host_that_is_gone_is_revoked_and_comes_back_with_a_new_key(void **state)
{
    int64_t later = NOW + (FLEET_CA_CERT_DAYS - 10) * DAY;
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), q, r;

    (void)state;
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    ca = open_at(later);
    q = certify(ca, &a1, &p);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    ca = open_at(later);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(fleet_ca_n_revoked(ca), 2);
    assert_true(is_revoked(fleet_ca_crl(ca), p.cert));
    assert_true(is_revoked(fleet_ca_crl(ca), q.cert));
    fleet_ca_close(ca);
    ca = open_at(later);
    r = certify(ca, &a1, &q);
    assert_string_not_equal(r.key, q.key);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(verify(ca, r.cert, later), X509_V_OK);
    assert_int_equal(verify(ca, q.cert, later), X509_V_ERR_CERT_REVOKED);
    free_pair(&p);
    free_pair(&q);
    free_pair(&r);
    fleet_ca_close(ca);
}

static void t_other_address_gets_a_new_certificate_for_its_key(void **state)
{
    struct fleet_ca_subject moved = a1;
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), q;

    (void)state;
    moved.ip = "10.0.1.99";
    q = certify(ca, &moved, &p);
    assert_string_equal(q.key, p.key);
    assert_string_not_equal(q.cert, p.cert);
    assert_int_equal(fleet_ca_save(ca, why), 0);
    assert_int_equal(fleet_ca_n_revoked(ca), 0);
    free_pair(&p);
    free_pair(&q);
    fleet_ca_close(ca);
}

/* A certificate that another CA or another host has is not taken over. */
static void t_foreign_certificate_is_replaced(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    struct pair p = certify(ca, &a1, NULL), q, junk = {(char *)"x", (char *)"y"}, r;

    (void)state;
    q = certify(ca, &b1, &p);
    assert_string_not_equal(q.cert, p.cert);
    assert_string_not_equal(q.key, p.key);
    r = certify(ca, &a1, &junk);
    assert_string_not_equal(r.key, p.key);
    free_pair(&p);
    free_pair(&q);
    free_pair(&r);
    fleet_ca_close(ca);
}

static void expect_refused(const char *name, int64_t now_s, const char *text)
{
    struct fleet_ca *ca = NULL;

    assert_true(fleet_ca_open(&ca, dir, name, now_s, why) < 0);
    assert_null(ca);
    if (!strstr(why, text))
        fail_msg("\"%s\" does not say \"%s\"", why, text);
}

static void t_damaged_folder_is_refused_with_what_to_do(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    char *key = read_own("ca.key"), path[200];

    (void)state;
    assert_int_equal(fleet_ca_save(ca, why), 0);
    fleet_ca_close(ca);
    expect_refused("other", NOW, "belongs to \"Lars fleet expo\"");
    expect_refused("expo", 0, "the clock of this machine is before the year 2024");
    expect_refused("expo", NOW - DAY, "the clock of this machine is before the time");
    expect_refused("expo", NOW + 3630 * DAY, "ca.crt ends in less than 30 days");
    write_own("index", "AB a1 1 dnsd 2029-03-01T08:49:49Z valid\nAB a1 1 dnsd\n");
    expect_refused("expo", NOW, "index:2: not SERIAL HOST MACHINE ROLE END STATE");
    write_own("index", "AB a1 1 dnsd 2029-03-01T08:49:49Z gone\n");
    expect_refused("expo", NOW, "index:1: not SERIAL");
    write_own("index", "AB a1 1 dnsd 2029-03-01T08:49:49Z valid");
    expect_refused("expo", NOW, "index:1: not SERIAL");
    write_own("index", "");
    write_own("ca.key", "no key");
    expect_refused("expo", NOW, "ca.key is damaged; mend: restore");
    path_of("ca.key", path);
    unlink(path);
    expect_refused("expo", NOW, "has ca.crt and no ca.key; mend: restore");
    write_own("ca.key", key);
    write_own("ca.crt", "no certificate");
    expect_refused("expo", NOW, "ca.crt is damaged; mend: restore");
    free(key);
}

/* A render that was interrupted after the key of the CA was written. */
static void t_key_without_a_certificate_gets_one(void **state)
{
    struct fleet_ca *ca = open_at(NOW);
    char *key = read_own("ca.key"), *same, path[200];

    (void)state;
    fleet_ca_close(ca);
    path_of("ca.crt", path);
    assert_int_equal(unlink(path), 0);
    ca = open_at(NOW);
    fleet_ca_close(ca);
    same = read_own("ca.key");
    assert_string_equal(key, same);
    free(key);
    free(same);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(C(t_new_certificate_is_accepted_and_names_its_owner),
       C(t_files_of_the_ca_are_of_the_owner_alone), C(t_second_render_keeps_every_byte),
       C(t_certificate_is_renewed_30_days_before_its_end),
       C(t_exchanged_machine_gets_a_new_key_and_the_old_one_is_revoked),
       C(t_host_that_is_gone_is_revoked_and_comes_back_with_a_new_key),
       C(t_other_address_gets_a_new_certificate_for_its_key),
       C(t_foreign_certificate_is_replaced),
       C(t_damaged_folder_is_refused_with_what_to_do),
       C(t_key_without_a_certificate_gets_one))
