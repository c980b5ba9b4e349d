/* The syntax of configuration files: one line is one key, whatever its length and
 * indentation, and a wrong line is named by its number. */
#include "t.h"

#include "base/conf.h"
#include "base/ini_file.h"

struct values {
    char agents[3000];
    uint32_t threads, port;
};

#define AT(field) offsetof(struct values, field)
static const struct conf_key keys[] = {
    {"ctl", "agents", CONF_TEXT, AT(agents), 0, 3000, "", "a long list"},
    {"ctl", "threads", CONF_U32, AT(threads), 1, 16, "2", "how many"},
    {"net", "port", CONF_U32, AT(port), 0, 65535, "7777", "TCP port"},
    {"nett", "port", CONF_U32, AT(port), 0, 65535, NULL, "an old name"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static struct values v;
static char err[CONF_ERR_MAX];

static int load_bytes(const char *text, size_t len)
{
    char path[] = "/tmp/lars_ini_XXXXXX";
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    err[0] = '\0';
    conf_preset(keys, &v);
    rc = conf_load(keys, &v, path, err);
    unlink(path);
    return rc;
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* The message without the name of the file, which ends with the first colon. */
static const char *message(void)
{
    const char *text = strchr(err, ':');

    return text ? text + 1 : err;
}

static void t_indented_key_is_a_key_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(load("[ctl]\n  agents = a\n   threads = 3\n\t[net]\n\tport=1\n"), 0);
    assert_string_equal(v.agents, "a");
    assert_int_equal(v.threads, 3);
    assert_int_equal(v.port, 1);
}

static void t_indented_line_without_a_key_is_refused_with_its_number(void **state)
{
    (void)state;
    assert_int_equal(load("[ctl]\nagents = a\n  b\n"), -EINVAL);
    assert_string_equal(message(), "3: neither [section] nor key = value");
    assert_int_equal(load("[net]\nport = 1\n  prot = 2\n"), -EINVAL);
    assert_string_equal(message(), "3: [net] prot: unknown key; did you mean [net] "
                                   "port?");
}

static void t_value_of_2900_bytes_is_read_whole(void **state)
{
    char text[3100] = "[ctl]\nagents = ";
    size_t at = strlen(text), i;

    (void)state;
    for (i = 0; i < 2900; i++)
        text[at + i] = (char)('a' + i % 26);
    assert_int_equal(load(text), 0);
    assert_string_equal(v.agents, text + at);
}

static void t_fourteen_agents_are_read(void **state)
{
    char text[400] = "; agents\n[ctl]\nagents =", one[40];
    int i;

    (void)state;
    for (i = 0; i < 14; i++) {
        snprintf(one, sizeof(one), " 192.168.100.%d:8888", 100 + i);
        strcat(text, one);
    }
    strcat(text, "\nthreads = x\n");
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(message(), "4: [ctl] threads = x: not a whole number; use 1 to "
                                   "16");
    assert_non_null(strstr(v.agents, "192.168.100.113:8888"));
}

static void t_line_that_is_too_long_is_refused_with_its_number(void **state)
{
    static char text[INI_FILE_LINE_MAX + 200];
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        memset(text, 'x', sizeof(text));
        memcpy(text, "[ctl]\n;", 7); /* a comment that fits, and then one byte more */
        memcpy(text + 6 + INI_FILE_LINE_MAX + (i == 1), "\r\n[net]\nport = 5\n", 18);
        if (i == 2)
            text[6 + INI_FILE_LINE_MAX + 1] = 'x';
        assert_int_equal(load(text), i == 0 ? 0 : -EINVAL);
        if (i == 0)
            assert_int_equal(v.port, 5);
        else
            assert_string_equal(message(), "2: the line is longer than 4000 bytes");
    }
}

static void t_comments_and_long_comments_keep_the_line_numbers(void **state)
{
    static char text[1000];

    (void)state;
    memset(text, '#', 900);
    strcpy(text + 900, "\n ; x = 1\n\n[net]  ; c\nport = 5 ; c\n[ctl]\nthreads = y");
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(message(), "7: [ctl] threads = y: not a whole number; use 1 to "
                                   "16");
    assert_int_equal(v.port, 5);
    assert_int_equal(load("[ctl]\nagents = a;b\n"), 0);
    assert_string_equal(v.agents, "a;b");
    assert_int_equal(load("[ctl]\nagents = ;b\n"), 0);
    assert_string_equal(v.agents, "");
}

static void t_dos_line_ends_byte_order_mark_and_no_last_line_end_are_read(void **state)
{
    (void)state;
    assert_int_equal(load("\xef\xbb\xbf[ctl]\r\nagents: b c \r\n[net]\r\nport = 9"), 0);
    assert_string_equal(v.agents, "b c");
    assert_int_equal(v.port, 9);
}

static void t_key_that_is_set_twice_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load("[ctl]\nagents = a\n[net]\n[ctl]\nagents = b\n"), -EINVAL);
    assert_string_equal(message(), "5: [ctl] agents is set for the second time, after "
                                   "[ctl] agents; keep one of the two lines");
    assert_int_equal(load("[net]\nport = 1\n[nett]\nport = 2\n"), -EINVAL);
    assert_string_equal(message(), "4: [nett] port is set for the second time, after "
                                   "[net] port; keep one of the two lines");
    assert_int_equal(load("[ctl]\nagents = a\n[net]\nport = 1\n[ctl]\nthreads = 2\n"), 0);
}

static void t_section_without_its_end_or_with_more_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load("\n[net\nport = 1\n"), -EINVAL);
    assert_string_equal(message(), "2: the ] after the name of the section is missing");
    assert_int_equal(load("[net] port = 1\n"), -EINVAL);
    assert_string_equal(message(), "1: there is text after the ] of the section; write "
                                   "it on a line of its own");
}

static void t_zero_byte_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load_bytes("[net]\nport = 1\0 2\n", 18), -EINVAL);
    assert_string_equal(message(), "2: the line has a byte 0; save the file as text");
}

struct seen {
    char text[600];
    int stop_at;
};

static bool note_line(void *arg, const struct ini_file_line *l)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof(s->text) - n, "%d [%s] %s=%s %.30s\n", l->n, l->section,
             l->name ? l->name : "", l->value ? l->value : "", l->why ? l->why : "");
    return l->n != s->stop_at;
}

static int each(struct seen *s, const char *bytes, size_t len)
{
    FILE *f = fmemopen((void *)(uintptr_t)bytes, len, "r");
    int rc;

    assert_non_null(f);
    rc = ini_file_each(f, note_line, s);
    fclose(f);
    return rc;
}

/* Wrong lines are reported, and reading continues behind them. */
static void t_every_line_is_told_also_behind_wrong_ones(void **state)
{
    static const char text[] = "[a\nx\n; no\n\n[b]\ny = 1\nz\0 = 2\n[c] d\nlast: 3";
    struct seen s = {.stop_at = 0};

    (void)state;
    assert_int_equal(each(&s, text, sizeof(text) - 1), 0);
    assert_string_equal(s.text, "1 [] = the ] after the name of the se\n"
                                "2 [] = neither [section] nor key = va\n"
                                "5 [b] = \n"
                                "6 [b] y=1 \n"
                                "7 [b] = the line has a byte 0; save th\n"
                                "8 [b] = there is text after the ] of t\n"
                                "9 [b] last=3 \n");
    s = (struct seen){.stop_at = 5};
    assert_int_equal(each(&s, text, sizeof(text) - 1), 0);
    assert_null(strstr(s.text, "6 [b]"));
}

static void t_line_that_is_too_long_is_told_and_skipped(void **state)
{
    static char text[3 * INI_FILE_LINE_MAX];
    struct seen s = {.stop_at = 0};

    (void)state;
    memset(text, 'x', 2 * INI_FILE_LINE_MAX);
    strcpy(text + 2 * INI_FILE_LINE_MAX, "\nk = v\n");
    assert_int_equal(each(&s, text, strlen(text)), 0);
    assert_string_equal(s.text, "1 [] = the line is longer than 4000 b\n2 [] k=v \n");
}

T_MAIN(T(t_indented_key_is_a_key_of_its_own),
       T(t_indented_line_without_a_key_is_refused_with_its_number),
       T(t_value_of_2900_bytes_is_read_whole), T(t_fourteen_agents_are_read),
       T(t_line_that_is_too_long_is_refused_with_its_number),
       T(t_comments_and_long_comments_keep_the_line_numbers),
       T(t_dos_line_ends_byte_order_mark_and_no_last_line_end_are_read),
       T(t_key_that_is_set_twice_is_refused),
       T(t_section_without_its_end_or_with_more_is_refused), T(t_zero_byte_is_refused),
       T(t_every_line_is_told_also_behind_wrong_ones),
       T(t_line_that_is_too_long_is_told_and_skipped))
