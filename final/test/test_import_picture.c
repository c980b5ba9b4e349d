/* Which files showcase-import takes as pictures: whole ones of the type that their name
 * says, and of SVG only drawings. */
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "site/import_picture.h"

static char why[IMPORT_PICTURE_WHY];
static uint8_t bytes[IMPORT_PICTURE_MAX + 2];
static size_t len;

/* Fill <bytes> with the file of the corpus, which begins with a byte for the fuzzer. */
static void load(const char *name)
{
    char path[100];
    FILE *f;

    snprintf(path, sizeof(path), "test/corpus/fuzz_import_picture/%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    fgetc(f);
    memset(bytes, 0, sizeof(bytes));
    len = fread(bytes, 1, sizeof(bytes) - 1, f);
    fclose(f);
}

static int check(const char *name)
{
    const char *mime;

    return import_picture_check(name, bytes, len, &mime, why);
}

static int check_text(const char *text)
{
    len = strlen(text);
    memcpy(bytes, text, len + 1);
    return check("a.svg");
}

static const struct {
    const char *file, *name, *mime;
} whole[] = {{"png", "a.png", "image/png"},    {"png", "A.PNG", "image/png"},
             {"jpeg", "a.jpg", "image/jpeg"},  {"jpeg", "a.b.jpeg", "image/jpeg"},
             {"webp", "a.webp", "image/webp"}, {"svg", "a.svg", "image/svg+xml"}};
#define N_WHOLE (sizeof(whole) / sizeof(whole[0]))

static void t_each_type_is_taken(void **state)
{
    const char *mime;
    size_t i;

    (void)state;
    for (i = 0; i < N_WHOLE; i++) {
        load(whole[i].file);
        if (import_picture_check(whole[i].name, bytes, len, &mime, why) != 0)
            fail_msg("%s: %s", whole[i].name, why);
        assert_string_equal(mime, whole[i].mime);
    }
}

static void t_another_type_than_the_name_says_is_refused(void **state)
{
    size_t i, j;

    (void)state;
    for (i = 0; i < N_WHOLE; i++) {
        load(whole[i].file);
        for (j = 0; j < N_WHOLE; j++) {
            int same = strcmp(whole[i].mime, whole[j].mime) == 0;

            assert_int_equal(check(whole[j].name), same ? 0 : -EINVAL);
            assert_true(same || strstr(why, "as its name says"));
        }
        assert_int_equal(check("a.gif"), -EINVAL);
        assert_int_equal(check("png"), -EINVAL);
        assert_int_equal(check("a.png.exe"), -EINVAL);
    }
}

/* The file cut at each length is refused, unless what is missing is not needed. */
static void assert_cut_is_refused(const char *file, const char *name, size_t needed)
{
    size_t all;

    load(file);
    for (all = len; len-- > 0;) {
        bytes[len] = '\0';
        if (len < needed && check(name) != -EINVAL)
            fail_msg("%s: %zu of %zu bytes were taken", name, len, all);
    }
}

static void t_a_picture_that_is_cut_is_refused(void **state)
{
    (void)state;
    load("png");
    assert_cut_is_refused("png", "a.png", len);
    load("jpeg");
    assert_cut_is_refused("jpeg", "a.jpg", len);
    load("webp");
    assert_cut_is_refused("webp", "a.webp", len);
    load("svg");
    assert_cut_is_refused("svg", "a.svg", len - 1);
}

static void t_sides_of_no_or_too_many_pixels_are_refused(void **state)
{
    (void)state;
    load("png");
    bytes[16] = 1; /* 16777217 pixels */
    assert_int_equal(check("a.png"), -EINVAL);
    assert_non_null(strstr(why, "16777217 x 1 pixels"));
    load("png");
    bytes[23] = 0;
    assert_int_equal(check("a.png"), -EINVAL);
}

static void t_more_than_1_mib_is_refused(void **state)
{
    (void)state;
    load("jpeg");
    len = IMPORT_PICTURE_MAX; /* bytes behind the end of a JPEG are not shown */
    assert_int_equal(check("a.jpg"), 0);
    len++;
    assert_int_equal(check("a.jpg"), -EINVAL);
    assert_non_null(strstr(why, "more than 1 MiB"));
    len = 0;
    assert_int_equal(check("a.jpg"), -EINVAL);
}

static const char *const drawings[] = {
    "<svg/>",
    "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<svg></svg>\n<!-- end -->\n",
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'>"
    "<linearGradient id='a'/><radialGradient xlink:href='#a'/></svg>",
    "<svg><style>.a { fill: url(#b); }</style><style><![CDATA[ .c{} ]]></style></svg>",
    "<svg><text>a &lt;script&gt; on line = http://x &#20013;</text></svg>",
    "<svg font-family=\"Noto Sans, 'X'\" fill='url( \"#a\" )'><g ></g ></svg>",
};

static void t_drawings_are_taken(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(drawings) / sizeof(drawings[0]); i++)
        if (check_text(drawings[i]) != 0)
            fail_msg("%s: %s", drawings[i], why);
}

static const struct {
    const char *svg, *why;
} hostile[] = {
    {"<svg><script>alert(1)</script></svg>", "element script"},
    {"<svg><SCRIPT/></svg>", "element SCRIPT"},
    {"<svg><x:script xmlns:x='http://www.w3.org/2000/svg'/></svg>", "of an editor"},
    {"<svg><foreignObject/></svg>", "element foreignObject"},
    {"<svg><iframe src='x'/></svg>", "element iframe"},
    {"<svg><image href='http://x/a.png'/></svg>", "element image"},
    {"<svg><a href='http://x'/></svg>", "element a,"},
    {"<svg><use href='#x'/></svg>", "element use"},
    {"<svg><animate attributeName='href' to='javascript:x'/></svg>", "element animate"},
    {"<svg><set attributeName='onload' to='x'/></svg>", "element set"},
    {"<svg onload='x()'/>", "event attribute onload"},
    {"<svg OnLoad='x()'/>", "event attribute OnLoad"},
    {"<svg\nonload\t=\n'x()'/>", "event attribute onload"},
    {"<svg ev:onclick='x'/>", "event attribute"},
    {"<svg><path fill='url(http://x/a)'/></svg>", "outside"},
    {"<svg><path fill='URL( //x/a)'/></svg>", "outside"},
    {"<svg><path style='fill:u\\72l(http://x)'/></svg>", "outside"},
    {"<svg><path fill='u&#114;l(http://x)'/></svg>", "entity"},
    {"<svg><path fill='&x;'/></svg>", "entity"},
    {"<svg><linearGradient xlink:href='http://x#a'/></svg>", "outside"},
    {"<svg><linearGradient y:href='//x#a'/></svg>", "outside"},
    {"<svg><linearGradient href=' #a'/></svg>", "outside"},
    {"<svg><g xml:base='http://x/'/></svg>", "xml:base"},
    {"<svg xmlns='http://www.w3.org/1999/xhtml'/>", "another namespace"},
    {"<svg><style>@import 'http://x';</style></svg>", "style sheet"},
    {"<svg><style>a{b:url(x)}</style></svg>", "style sheet"},
    {"<svg><style>a{b:image-set('x' 1x)}</style></svg>", "style sheet"},
    {"<svg><style>a{b:u<!-- -->rl(x)}</style></svg>", "style sheet"},
    {"<svg><style>a{b:u&#114;l(x)}</style></svg>", "style sheet"},
    {"<svg><style><![CDATA[a{b:u]]><![CDATA[rl(x)}]]></style></svg>", "style sheet"},
    {"<svg><style><![CDATA[</style><!--]]><script >x</script><![CDATA[-->]]></style>"
     "</svg>",
     "style sheet"},
    {"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg/>", "document type"},
    {"<?xml-stylesheet href='http://x'?><svg/>", "processing instruction"},
    {"<?xml version='1.0' encoding='UTF-7'?><svg/>", "another encoding"},
    {"<svg>\xff</svg>", "not in UTF-8"},
    {"<html><svg/></html>", "element html"},
    {"<g/>", "damaged"},
    {"<svg/><svg/>", "damaged"},
    {"<svg/>text", "damaged"},
    {"<svg><g></svg></g>", "damaged"},
    {"<svg a='1'b='2'/>", "damaged"},
    {"<svg a=1/>", "damaged"},
    {"<svg a='<'/>", "damaged"},
    {"<svg><!-- </svg>", "damaged"},
    {"<", "damaged"},
    {"<svg", "damaged"},
    {"<svg a='", "damaged"},
};

static void t_svg_that_is_no_mere_drawing_is_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        why[0] = '\0';
        if (check_text(hostile[i].svg) != -EINVAL || !strstr(why, hostile[i].why))
            fail_msg("%s: %s", hostile[i].svg, why);
    }
}

static void t_nul_within_svg_is_refused(void **state)
{
    static const char svg[] = "<svg/>\0<script/>";

    (void)state;
    len = sizeof(svg) - 1;
    memcpy(bytes, svg, sizeof(svg));
    assert_int_equal(check("a.svg"), -EINVAL);
}

static void t_elements_deeper_than_64_are_refused(void **state)
{
    char svg[1000] = "<svg>";
    int i;

    (void)state;
    for (i = 0; i < 64; i++)
        snprintf(svg + strlen(svg), 4, "<g>");
    assert_int_equal(check_text(svg), -EINVAL);
    assert_non_null(strstr(why, "64 elements"));
}

static char folder[] = "/tmp/picture-XXXXXX";

static int open_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/picture-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void t_read_gives_the_bytes_with_their_sha256(void **state)
{
    int dir = open_folder(),
        fd = openat(dir, "a.svg", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct import_picture p;

    (void)state;
    assert_int_equal(write(fd, "<svg/>", 6), 6);
    close(fd);
    assert_int_equal(import_picture_read(&p, dir, "a.svg", why), 0);
    assert_int_equal(p.len, 6);
    assert_memory_equal(p.bytes, "<svg/>", 6);
    assert_string_equal(
        p.hash, "d4dc56669143034f31aa309635d4113d9ad76a02b1739da22c965ed2049be9e6");
    import_picture_free(&p);
    unlinkat(dir, "a.svg", 0);
    close(dir);
    rmdir(folder);
}

/* A name that leaves the folder, a link, a pipe and a folder are no pictures; a pipe does
 * not block the program. */
static void t_what_is_no_file_of_the_folder_is_refused(void **state)
{
    static const char *const names[] = {"",         ".",          "..",
                                        "../a.svg", "/a.svg",     "x/a.svg",
                                        ".a.svg",   "x\\a.svg",   "link.svg",
                                        "pipe.svg", "folder.svg", "missing.svg"};
    struct import_picture p;
    int dir = open_folder();
    size_t i;

    (void)state;
    assert_int_equal(symlinkat("/etc/passwd", dir, "link.svg"), 0);
    assert_int_equal(mkfifoat(dir, "pipe.svg", 0600), 0);
    assert_int_equal(mkdirat(dir, "folder.svg", 0700), 0);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        why[0] = '\0';
        assert_int_equal(import_picture_read(&p, dir, names[i], why), -EINVAL);
        assert_true(why[0] != '\0');
    }
    unlinkat(dir, "link.svg", 0);
    unlinkat(dir, "pipe.svg", 0);
    unlinkat(dir, "folder.svg", AT_REMOVEDIR);
    close(dir);
    rmdir(folder);
}

T_MAIN(T(t_each_type_is_taken), T(t_another_type_than_the_name_says_is_refused),
       T(t_a_picture_that_is_cut_is_refused),
       T(t_sides_of_no_or_too_many_pixels_are_refused), T(t_more_than_1_mib_is_refused),
       T(t_drawings_are_taken), T(t_svg_that_is_no_mere_drawing_is_refused),
       T(t_nul_within_svg_is_refused), T(t_elements_deeper_than_64_are_refused),
       T(t_read_gives_the_bytes_with_their_sha256),
       T(t_what_is_no_file_of_the_folder_is_refused))
