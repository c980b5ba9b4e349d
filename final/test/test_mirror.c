/* The copy of a site: what is put in is found, languages, what a file may have, and files
 * that are cut short, damaged or half written. */
#include "t.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zlib.h>

#include "gateway/mirror.h"

#define HTML "Content-Type: text/html; charset=utf-8\r\n"

static char dir[200], path[240], beside[260];
static struct mirror *m;
static struct mirror_draft *d;
static struct mirror_page page;

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(dir, sizeof(dir), "%s/lars_mirror_%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    snprintf(path, sizeof(path), "%s/copy", dir);
    snprintf(beside, sizeof(beside), "%s.new", path);
    mkdir(dir, 0755);
    m = NULL;
    assert_int_equal(mirror_draft_create(&d), 0);
    return 0;
}

static int teardown(void **state)
{
    mirror_draft_destroy(d);
    mirror_unref(m);
    unlink(path);
    unlink(beside);
    rmdir(dir);
    return t_fds_check(state);
}

static struct http_text text(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static int add(const char *at, enum cache_control_language language, const char *body)
{
    return mirror_draft_add(d, &(struct mirror_page){.path = at,
                                                     .language = language,
                                                     .status = 200,
                                                     .fields = text(HTML),
                                                     .plain = text(body)});
}

static void store(void)
{
    mirror_unref(m);
    m = NULL;
    assert_int_equal(mirror_draft_store(d, path, 1000, &m), 0);
}

static bool found(const char *target, enum cache_control_language language,
                  const char *body)
{
    return mirror_find(m, text(target), language, &page) &&
           page.plain.len == strlen(body) &&
           memcmp(page.plain.at, body, page.plain.len) == 0;
}

static void t_what_was_added_is_found_after_the_file_was_read_again(void **state)
{
    (void)state;
    assert_int_equal(add("/zh/", CACHE_CONTROL_NONE, "chinese"), 0);
    assert_int_equal(add("/en/", CACHE_CONTROL_NONE, "english"), 0);
    store();
    mirror_unref(m);
    assert_int_equal(mirror_open(&m, path), 0);
    assert_true(found("/zh/", CACHE_CONTROL_EN, "chinese"));
    assert_true(found("/en/", CACHE_CONTROL_NONE, "english"));
    assert_int_equal(page.status, 200);
    assert_int_equal(page.fields.len, strlen(HTML));
    assert_memory_equal(page.fields.at, HTML, page.fields.len);
    assert_int_equal(mirror_n_pages(m), 2);
    assert_int_equal(mirror_taken_s(m), 1000);
}

static void t_the_part_from_the_question_mark_on_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(add("/search", CACHE_CONTROL_NONE, "form"), 0);
    store();
    assert_true(found("/search?q=rice", CACHE_CONTROL_NONE, "form"));
    assert_false(mirror_find(m, text("/searc"), CACHE_CONTROL_NONE, &page));
    assert_false(mirror_find(m, text("/search/"), CACHE_CONTROL_NONE, &page));
}

static void t_the_page_of_the_language_comes_before_one_of_another(void **state)
{
    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_EN, "english"), 0);
    assert_int_equal(add("/", CACHE_CONTROL_ZH, "chinese"), 0);
    store();
    assert_true(found("/", CACHE_CONTROL_EN, "english"));
    assert_true(found("/", CACHE_CONTROL_ZH, "chinese"));
    assert_true(found("/", CACHE_CONTROL_OTHER, "chinese"));
}

static void t_a_path_that_is_not_there_gets_the_page_for_missing_paths(void **state)
{
    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "first"), 0);
    assert_int_equal(add(MIRROR_MISSING, CACHE_CONTROL_NONE, "missing"), 0);
    store();
    assert_true(found("/other", CACHE_CONTROL_NONE, "missing"));
    assert_true(found("/../../etc/passwd", CACHE_CONTROL_NONE, "missing"));
    assert_true(found("*", CACHE_CONTROL_NONE, "missing"));
}

static void t_a_text_is_kept_in_gzip_as_well_and_a_picture_is_not(void **state)
{
    char body[4000], out[4000];
    z_stream z = {0};

    (void)state;
    memset(body, 'a', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    assert_int_equal(add("/", CACHE_CONTROL_NONE, body), 0);
    assert_int_equal(
        mirror_draft_add(d, &(struct mirror_page){.path = "/p.png",
                                                  .status = 200,
                                                  .fields =
                                                      text("Content-Type: image/png\r\n"),
                                                  .plain = text(body)}),
        0);
    store();
    assert_true(mirror_find(m, text("/p.png"), CACHE_CONTROL_NONE, &page));
    assert_int_equal(page.gzip.len, 0);
    assert_true(found("/", CACHE_CONTROL_NONE, body));
    assert_true(page.gzip.len > 0 && page.gzip.len < 200);
    z.next_in = (Bytef *)(uintptr_t)page.gzip.at;
    z.avail_in = page.gzip.len;
    z.next_out = (Bytef *)out;
    z.avail_out = sizeof(out);
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, strlen(body));
    assert_memory_equal(out, body, strlen(body));
    inflateEnd(&z);
}

static void t_two_bodies_have_two_etags_and_the_same_body_has_one(void **state)
{
    char first[MIRROR_ETAG_LEN];

    (void)state;
    assert_int_equal(add("/a", CACHE_CONTROL_NONE, "one"), 0);
    assert_int_equal(add("/b", CACHE_CONTROL_NONE, "two"), 0);
    assert_int_equal(add("/c", CACHE_CONTROL_NONE, "one"), 0);
    store();
    assert_true(found("/a", CACHE_CONTROL_NONE, "one"));
    memcpy(first, page.etag, sizeof(first));
    assert_true(found("/b", CACHE_CONTROL_NONE, "two"));
    assert_string_not_equal(page.etag, first);
    assert_true(found("/c", CACHE_CONTROL_NONE, "one"));
    assert_string_equal(page.etag, first);
}

static void t_a_path_or_a_field_that_could_split_a_head_is_refused(void **state)
{
    static const char *const paths[] = {"zh",   "/a b",  "/a\r\nb",  "/a?b",
                                        "/a#b", "/\x80", "http://a/"};
    static const char *const fields[] = {"A: b", "A: b\n",      "A: b\r\n\r\n",
                                         "\r\n", "A: b\rC\r\n", "A: \x01\r\n"};
    char longest[MIRROR_PATH_MAX + 1];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(add(paths[i], CACHE_CONTROL_NONE, ""), -EINVAL);
    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        assert_int_equal(mirror_draft_add(d, &(struct mirror_page){.path = "/",
                                                                   .fields =
                                                                       text(fields[i])}),
                         -EINVAL);
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[MIRROR_PATH_MAX] = '\0';
    assert_int_equal(add(longest, CACHE_CONTROL_NONE, ""), -EINVAL);
    longest[MIRROR_PATH_MAX - 1] = '\0';
    assert_int_equal(add(longest, CACHE_CONTROL_NONE, ""), 0);
    store();
    assert_true(found(longest, CACHE_CONTROL_NONE, ""));
}

static void t_more_bytes_or_pages_than_the_bound_are_refused(void **state)
{
    static char large[16 << 20];
    struct mirror_page p = {.path = "/", .plain = {large, sizeof(large)}};
    unsigned i;

    (void)state;
    for (i = 0; i < MIRROR_BYTES_MAX / sizeof(large) - 1; i++)
        assert_int_equal(mirror_draft_add(d, &p), 0);
    assert_int_equal(mirror_draft_add(d, &p), -E2BIG);
    mirror_draft_destroy(d);
    assert_int_equal(mirror_draft_create(&d), 0);
    for (i = 0; i < MIRROR_PAGES_MAX; i++)
        assert_int_equal(add("/", CACHE_CONTROL_NONE, ""), 0);
    assert_int_equal(add("/", CACHE_CONTROL_NONE, ""), -E2BIG);
}

static void t_a_draft_with_nothing_or_with_a_path_twice_replaces_no_file(void **state)
{
    struct mirror *none = NULL;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "old"), 0);
    store();
    assert_int_equal(mirror_draft_store(d, path, 1, &none), -ENOENT);
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "a"), 0);
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "b"), 0);
    assert_int_equal(mirror_draft_store(d, path, 1, &none), -EEXIST);
    mirror_unref(m);
    assert_int_equal(mirror_open(&m, path), 0);
    assert_true(found("/", CACHE_CONTROL_NONE, "old"));
    assert_int_equal(access(beside, F_OK), -1);
}

static size_t read_file(const char *name, char *out, size_t size)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, out, size);

    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void write_file(const char *name, const char *p, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_int_equal(write(fd, p, len), len);
    close(fd);
}

static void t_a_file_that_is_cut_anywhere_or_has_a_wrong_byte_is_refused(void **state)
{
    char file[4096];
    struct mirror *none = NULL;
    size_t n, i;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "page"), 0);
    assert_int_equal(add("/zh/", CACHE_CONTROL_ZH, "page of the language"), 0);
    store();
    n = read_file(path, file, sizeof(file));
    for (i = 0; i < n; i++) {
        write_file(path, file, i);
        assert_int_equal(mirror_open(&none, path), -EBADMSG);
    }
    for (i = 0; i < n; i++) {
        if (i >= 8 && i < 16)
            continue; /* the time of the copy */
        file[i] ^= 1;
        write_file(path, file, n);
        assert_int_equal(mirror_open(&none, path), -EBADMSG);
        file[i] ^= 1;
    }
    write_file(path, file, n);
    assert_int_equal(mirror_open(&none, path), 0);
    mirror_unref(none);
}

/* The checksum is right, and the table is that of an attacker. */
static void t_a_table_that_points_out_of_the_file_is_refused(void **state)
{
    char file[4096];
    struct mirror *none = NULL;
    size_t n, i;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "page"), 0);
    store();
    n = read_file(path, file, sizeof(file));
    for (i = 0; i < 32; i += 4) { /* the spans of the first row */
        char evil[4096];
        uint32_t sum, most = UINT32_MAX - 3;

        memcpy(evil, file, n);
        memcpy(evil + 32 + i, &most, 4);
        sum = (uint32_t)crc32_z(0, (const void *)(evil + 32), n - 32);
        memcpy(evil + 28, &sum, 4);
        write_file(path, evil, n);
        assert_int_equal(mirror_open(&none, path), -EBADMSG);
    }
}

static void t_a_copy_that_was_half_written_beside_it_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "old"), 0);
    store();
    write_file(beside, "LARSCOP1 and then a crash", 25);
    mirror_unref(m);
    assert_int_equal(mirror_open(&m, path), 0);
    assert_true(found("/", CACHE_CONTROL_NONE, "old"));
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "new"), 0);
    store();
    assert_true(found("/", CACHE_CONTROL_NONE, "new"));
    assert_int_equal(access(beside, F_OK), -1);
}

/* A child is killed after each number of bytes that it may write: SIGXFSZ. */
static void t_a_process_that_dies_while_it_writes_leaves_the_old_copy(void **state)
{
    rlim_t most;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "old"), 0);
    store();
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "the new page"), 0);
    for (most = 0; most < 140; most += 7) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            struct rlimit limit = {most, most};
            struct mirror *none = NULL;

            signal(SIGXFSZ, SIG_DFL);
            setrlimit(RLIMIT_FSIZE, &limit);
            mirror_draft_store(d, path, 2, &none);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        mirror_unref(m);
        m = NULL;
        assert_int_equal(mirror_open(&m, path), 0);
        assert_true(found("/", CACHE_CONTROL_NONE, "old"));
    }
}

static void t_a_disk_that_takes_no_more_is_reported_and_the_old_copy_stays(void **state)
{
    struct rlimit old, limit;
    struct mirror *none = NULL;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "old"), 0);
    store();
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "the new page"), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){64, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(mirror_draft_store(d, path, 2, &none), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(access(beside, F_OK), -1);
    mirror_unref(m);
    assert_int_equal(mirror_open(&m, path), 0);
    assert_true(found("/", CACHE_CONTROL_NONE, "old"));
}

static void t_a_reference_outlives_the_copy_that_replaces_it(void **state)
{
    struct mirror *old;

    (void)state;
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "old"), 0);
    store();
    old = mirror_ref(m);
    assert_int_equal(add("/", CACHE_CONTROL_NONE, "new"), 0);
    store();
    assert_true(mirror_find(old, text("/"), CACHE_CONTROL_NONE, &page));
    assert_memory_equal(page.plain.at, "old", 3);
    mirror_unref(old);
}

static void t_a_folder_a_link_and_a_missing_file_are_no_copies(void **state)
{
    struct mirror *none = NULL;

    (void)state;
    assert_int_equal(mirror_open(&none, path), -ENOENT);
    assert_int_equal(mirror_open(&none, dir), -EBADMSG);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(mirror_open(&none, path), -ELOOP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(t_what_was_added_is_found_after_the_file_was_read_again),
        TEST(t_the_part_from_the_question_mark_on_does_not_count),
        TEST(t_the_page_of_the_language_comes_before_one_of_another),
        TEST(t_a_path_that_is_not_there_gets_the_page_for_missing_paths),
        TEST(t_a_text_is_kept_in_gzip_as_well_and_a_picture_is_not),
        TEST(t_two_bodies_have_two_etags_and_the_same_body_has_one),
        TEST(t_a_path_or_a_field_that_could_split_a_head_is_refused),
        TEST(t_more_bytes_or_pages_than_the_bound_are_refused),
        TEST(t_a_draft_with_nothing_or_with_a_path_twice_replaces_no_file),
        TEST(t_a_file_that_is_cut_anywhere_or_has_a_wrong_byte_is_refused),
        TEST(t_a_table_that_points_out_of_the_file_is_refused),
        TEST(t_a_copy_that_was_half_written_beside_it_does_not_matter),
        TEST(t_a_process_that_dies_while_it_writes_leaves_the_old_copy),
        TEST(t_a_disk_that_takes_no_more_is_reported_and_the_old_copy_stays),
        TEST(t_a_reference_outlives_the_copy_that_replaces_it),
        TEST(t_a_folder_a_link_and_a_missing_file_are_no_copies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
