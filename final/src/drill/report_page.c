/* Colours are those of the reader's system, light or dark; a result is a word and not a
 * colour alone.  All texts of the file stand in report_texts.inc, in both languages.
 *
 * Invariant: what comes from the report passes report_page_escape(), because the name
 * of a drill and its commands are any text. */
#include "drill/report_page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drill/report_chart.h"

enum text {
    T_LANG,
    T_DRILL,
    T_PASS,
    T_FAIL,
    T_WHO,
    T_BEGAN,
    T_URL,
    T_MODULE,
    T_ABORTED,
    T_NOT_UNDONE,
    T_TARGETS,
    T_TARGET,
    T_WANTED,
    T_SEEN,
    T_RESULT,
    T_NOT_SEEN,
    T_REQUESTS,
    T_FAILED,
    T_WAITING,
    T_LATE,
    T_CURVES,
    T_PER_S,
    T_DUE,
    T_OK,
    T_ERRORS,
    T_LATENCY,
    T_NODES,
    T_NODES_WANTED,
    T_NODES_UP,
    T_EVENTS,
    T_EVENT,
    T_AT,
    T_UNDONE,
    T_DETECT,
    T_SHIFT,
    T_SCALE,
    T_NEVER,
    T_S,
    T_MAX_ERROR_PERCENT,
    T_P50_MS,
    T_P99_MS,
    T_DETECT_S,
    T_SHIFT_S,
    T_SCALE_S,
    T_NOTE,
    TEXTS
};

static const char *const texts[TEXTS][2] = {
#include "drill/report_texts.inc"
};

static const char style[] =
    "<style>:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#60646c;"
    "--line:#d9d9e0;--card:#f7f8fa;--blue:#0b68cb;--red:#c62a2f;--green:#18794e;"
    "--amber:#ad5700;--surge:#0b68cb1a;--fault:#c62a2f1a}@media(prefers-color-scheme:"
    "dark){:root{--bg:#111316;--fg:#edeef0;--dim:#b0b4ba;--line:#363a3f;--card:#1a1d21;"
    "--blue:#70b8ff;--red:#ff9592;--green:#3dd68c;--amber:#ffca16;--surge:#70b8ff24;"
    "--fault:#ff959224}}*{box-sizing:border-box}body{margin:0 auto;padding:24px;"
    "max-width:1080px;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,"
    "\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif}h1{font-size:"
    "26px;margin:0;overflow-wrap:anywhere}h2{font-size:18px;margin:32px 0 8px}header{"
    "display:flex;gap:16px;align-items:center;flex-wrap:wrap}.badge{padding:2px 14px;"
    "border-radius:999px;font-weight:700;border:2px solid}.pass{color:var(--green)}"
    ".fail{color:var(--red)}p,dl{color:var(--dim);margin:8px 0}dl{display:flex;flex-wrap:"
    "wrap;gap:4px 24px}dl div{display:flex;gap:6px}dd{margin:0;color:var(--fg);"
    "overflow-wrap:anywhere}.warn{color:var(--red);font-weight:600}.tiles{display:grid;"
    "grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:20px 0 0}"
    ".tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:10px 14px}.tiles b{display:block;font-size:24px;font-variant-numeric:"
    "tabular-nums}.tiles span{color:var(--dim);font-size:14px}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{"
    "text-align:left;padding:8px 12px;border-bottom:1px solid var(--line)}th{color:"
    "var(--dim);font-weight:600;font-size:14px;white-space:nowrap}td.n,th.n{text-align:"
    "right;white-space:nowrap}td b{white-space:nowrap}code{font:14px "
    "ui-monospace,Consolas,monospace;min-width:9em;display:inline-block;"
    "overflow-wrap:anywhere}svg{width:100%;min-width:640px;height:auto;background:"
    "var(--card);border:1px solid var(--line);border-radius:10px}svg "
    "text{fill:var(--dim);"
    "font-size:12px}svg .title{fill:var(--fg);font-weight:600;font-size:13px}.grid{"
    "stroke:var(--line)}.curve{fill:none;stroke-width:2;stroke-linejoin:round}.curve.due{"
    "stroke:var(--dim);stroke-dasharray:5 4}.curve.ok{stroke:var(--blue)}.curve.failed{"
    "stroke:var(--red)}.curve.p99{stroke:var(--amber)}.curve.up{stroke:var(--green)}"
    ".key{font-weight:400}svg .key.due{fill:var(--dim)}svg .key.ok{fill:var(--blue)}svg "
    ".key.up{fill:var(--green)}.surge{fill:var(--surge)}.fault{fill:var(--fault)}line."
    "mark"
    "{stroke:var(--dim);stroke-dasharray:2 3}circle.mark{fill:var(--fg)}svg .number{fill:"
    "var(--bg);font-weight:700}@media(max-width:600px){body{padding:14px}th,td{padding:"
    "6px 8px}}</style>\n";

void report_page_put(struct buf *b, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0)
        buf_append(b, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void report_page_escape(struct buf *b, const char *text)
{
    static const char *const entity[][2] = {
        {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}};
    size_t n, i;

    while (*text) {
        n = strcspn(text, "&<>\"");
        buf_append(b, text, n);
        text += n;
        for (i = 0; *text && entity[i][0][0] != *text; i++)
            continue;
        if (*text++)
            buf_append(b, entity[i][1], strlen(entity[i][1]));
        else
            text--;
    }
}

struct page {
    struct buf *b;
    const json_t *report;
    enum report_language language;
};

static const char *t(const struct page *p, enum text which)
{
    return texts[which][p->language == REPORT_ZH];
}

static const char *text_of(const json_t *of, const char *member)
{
    const char *text = json_string_value(json_object_get(of, member));

    return text ? text : "";
}

static double number_of(const json_t *of, const char *member)
{
    const json_t *n = json_object_get(of, member);

    return json_is_number(n) ? json_number_value(n) : -1;
}

static bool is_true(const json_t *of, const char *member)
{
    return json_is_true(json_object_get(of, member));
}

/* --- head --------------------------------------------------------------------------- */

static void put_fact(struct page *p, enum text name, const char *value)
{
    if (!value[0])
        return;
    report_page_put(p->b, "<div><dt>%s</dt><dd>", t(p, name));
    report_page_escape(p->b, value);
    report_page_put(p->b, "</dd></div>\n");
}

static void put_head(struct page *p)
{
    const json_t *r = p->report;
    bool pass = is_true(r, "pass");

    report_page_put(p->b,
                    "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width\"><title>%s ",
                    t(p, T_LANG), t(p, T_DRILL));
    report_page_escape(p->b, text_of(r, "name"));
    report_page_put(p->b, "</title>\n");
    buf_append(p->b, style, sizeof(style) - 1);
    report_page_put(p->b, "</head><body><header><h1>%s ", t(p, T_DRILL));
    report_page_escape(p->b, text_of(r, "name"));
    report_page_put(p->b, "</h1><span class=\"badge %s\">%s</span></header>\n<dl>",
                    pass ? "pass" : "fail", t(p, pass ? T_PASS : T_FAIL));
    put_fact(p, T_BEGAN, text_of(r, "began"));
    put_fact(p, T_WHO, text_of(r, "who"));
    put_fact(p, T_URL, text_of(r, "url"));
    put_fact(p, T_MODULE, text_of(r, "module"));
    report_page_put(p->b, "</dl>\n");
    if (text_of(r, "aborted")[0]) {
        report_page_put(p->b, "<p class=\"warn\">%s ", t(p, T_ABORTED));
        report_page_escape(p->b, text_of(r, "aborted"));
        report_page_put(p->b, "</p>\n");
    }
    if (!is_true(r, "undone"))
        report_page_put(p->b, "<p class=\"warn\">%s</p>\n", t(p, T_NOT_UNDONE));
}

static void put_tile(struct page *p, const char *name, const char *fmt, double value)
{
    char text[40];

    snprintf(text, sizeof(text), value < 0 ? "-" : fmt, value);
    report_page_put(p->b, "<div><b>%s</b><span>%s</span></div>\n", text, name);
}

static void put_tiles(struct page *p)
{
    const json_t *all = json_object_get(p->report, "all");
    double p50 = number_of(all, "p50_us"), p99 = number_of(all, "p99_us");

    report_page_put(p->b, "<div class=\"tiles\">");
    put_tile(p, t(p, T_REQUESTS), "%.0f", number_of(all, "due"));
    put_tile(p, t(p, T_FAILED), "%.0f", number_of(all, "failed"));
    put_tile(p, "p50, ms", "%.4g", p50 < 0 ? p50 : p50 / 1000);
    put_tile(p, "p99, ms", "%.4g", p99 < 0 ? p99 : p99 / 1000);
    put_tile(p, t(p, T_WAITING), "%.0f", number_of(all, "waiting_page"));
    put_tile(p, t(p, T_LATE), "%.0f", number_of(all, "generator_late"));
    report_page_put(p->b, "</div>\n");
}

/* --- tables ------------------------------------------------------------------------- */

static const char *target_name(const struct page *p, const char *name)
{
    static const char *const names[] = {"max_error_percent", "p50_ms",  "p99_ms",
                                        "detect_s",          "shift_s", "scale_s"};
    unsigned i = 0;

    while (i < 6 && strcmp(names[i], name) != 0)
        i++;
    return i < 6 ? t(p, T_MAX_ERROR_PERCENT + i) : "?";
}

static void put_number_cell(struct page *p, double value, const char *unit)
{
    if (value < 0)
        report_page_put(p->b, "<td class=\"n\">-</td>");
    else
        report_page_put(p->b, "<td class=\"n\">%.4g%s</td>", value, unit);
}

static void put_targets(struct page *p)
{
    const json_t *one;
    bool pass;
    size_t i;

    report_page_put(
        p->b,
        "<h2>%s</h2><div class=\"wide\"><table><tr><th>%s</th><th class=\"n\">"
        "%s</th><th class=\"n\">%s</th><th>%s</th></tr>\n",
        t(p, T_TARGETS), t(p, T_TARGET), t(p, T_WANTED), t(p, T_SEEN), t(p, T_RESULT));
    json_array_foreach(json_object_get(p->report, "targets"), i, one)
    {
        pass = is_true(one, "pass");
        report_page_put(p->b, "<tr><td>%s</td>", target_name(p, text_of(one, "name")));
        put_number_cell(p, number_of(one, "wanted"), "");
        if (number_of(one, "got") < 0)
            report_page_put(p->b, "<td class=\"n\">%s</td>", t(p, T_NOT_SEEN));
        else
            put_number_cell(p, number_of(one, "got"), "");
        report_page_put(p->b, "<td class=\"%s\"><b>%s</b></td></tr>\n",
                        pass ? "pass" : "fail", t(p, pass ? T_PASS : T_FAIL));
    }
    report_page_put(p->b, "</table></div>\n");
}

static void put_event(struct page *p, const json_t *e)
{
    static const char *const members[] = {"undone_s", "detect_s", "shift_s", "scale_s"};
    unsigned i;

    report_page_put(p->b, "<tr><td class=\"n\">%.0f</td><td><code>",
                    number_of(e, "number"));
    report_page_escape(p->b, text_of(e, "do"));
    report_page_put(p->b, "</code>");
    if (text_of(e, "why")[0]) {
        report_page_put(p->b, "<br><span class=\"warn\">");
        report_page_escape(p->b, text_of(e, "why"));
        report_page_put(p->b, "</span>");
    }
    report_page_put(p->b, "</td>");
    if (number_of(e, "did_s") < 0)
        report_page_put(p->b, "<td class=\"n\">%s</td>", t(p, T_NEVER));
    else
        put_number_cell(p, number_of(e, "did_s"), t(p, T_S));
    for (i = 0; i < 4; i++)
        put_number_cell(p, number_of(e, members[i]), t(p, T_S));
    report_page_put(p->b, "</tr>\n");
}

static void put_events(struct page *p)
{
    const json_t *e;
    size_t i;

    report_page_put(p->b,
                    "<h2>%s</h2><div class=\"wide\"><table><tr><th class=\"n\">#</th>"
                    "<th>%s</th><th class=\"n\">%s</th><th class=\"n\">%s</th>",
                    t(p, T_EVENTS), t(p, T_EVENT), t(p, T_AT), t(p, T_UNDONE));
    report_page_put(
        p->b,
        "<th class=\"n\">%s</th><th class=\"n\">%s</th><th class=\"n\">%s</th>"
        "</tr>\n",
        t(p, T_DETECT), t(p, T_SHIFT), t(p, T_SCALE));
    json_array_foreach(json_object_get(p->report, "events"), i, e) put_event(p, e);
    report_page_put(p->b, "</table></div>\n");
}

int report_page_write(struct buf *b, const json_t *report, enum report_language language)
{
    struct page p = {b, report, language};
    const struct report_chart_texts chart = {
        t(&p, T_CURVES), t(&p, T_PER_S),        t(&p, T_DUE),     t(&p, T_OK),
        t(&p, T_ERRORS), t(&p, T_FAILED),       t(&p, T_LATENCY), "p99",
        t(&p, T_NODES),  t(&p, T_NODES_WANTED), t(&p, T_NODES_UP)};

    put_head(&p);
    put_tiles(&p);
    put_targets(&p);
    report_page_put(b, "<h2>%s</h2><div class=\"wide\">", t(&p, T_CURVES));
    report_chart_write(b, report, &chart);
    report_page_put(b, "</div>\n");
    put_events(&p);
    report_page_put(b, "<p>");
    report_page_escape(b, t(&p, T_NOTE));
    report_page_put(b, "</p></body>");
    return buf_append(b, "</html>\n", 8);
}
