/* Panels one under another with the same seconds, so that a cause and its effects stand
 * in one vertical line.  A drill of more seconds than points has the highest value of
 * each group of seconds, because a second of errors must not vanish in a mean. */
#include "drill/report_chart.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "drill/report_page.h"

#define LEFT 64
#define WIDTH 880
#define HEIGHT 110
#define GAP 44
#define TOP 34
#define POINTS 880

struct chart {
    struct buf *b;
    const json_t *seconds, *events;
    size_t n, group; /* seconds; of a point */
    double y; /* top of the panel */
};

struct curve {
    const char *member, *class, *text;
    double scale; /* of the values */
};

static double x_of(const struct chart *c, double second)
{
    return LEFT + WIDTH * second / (double)(c->n > 1 ? c->n : 1);
}

/* The highest value of the group that begins at <k>; negative: there is none. */
static double value(const struct chart *c, const struct curve *v, size_t k)
{
    const json_t *one;
    double most = -1;
    size_t i;

    for (i = k; i < k + c->group && i < c->n; i++) {
        one = json_object_get(json_array_get(c->seconds, i), v->member);
        if (json_is_number(one) && json_number_value(one) * v->scale > most)
            most = json_number_value(one) * v->scale;
    }
    return most;
}

/* 1, 2 or 5 times a power of ten that is not below <most>. */
static double nice(double most)
{
    double ten = pow(10, floor(log10(most > 1e-9 ? most : 1)));

    if (most <= ten)
        return ten;
    if (most <= 2 * ten)
        return 2 * ten;
    return most <= 5 * ten ? 5 * ten : 10 * ten;
}

static double top_of(const struct chart *c, const struct curve *v, unsigned n)
{
    double most = 1, one;
    unsigned i;
    size_t k;

    for (i = 0; i < n; i++)
        for (k = 0; k < c->n; k += c->group) {
            one = value(c, &v[i], k);
            most = one > most ? one : most;
        }
    return nice(most);
}

/* A gap where the value is not known. */
static void put_curve(struct chart *c, const struct curve *v, double top)
{
    bool open = false;
    double one;
    size_t k;

    for (k = 0; k < c->n; k += c->group) {
        one = value(c, v, k);
        if (one < 0 && open)
            report_page_put(c->b, "\"/>\n");
        else if (one >= 0 && !open)
            report_page_put(c->b, "<polyline class=\"curve %s\" points=\"", v->class);
        open = one >= 0;
        if (open)
            report_page_put(c->b, "%.1f,%.1f ", x_of(c, (double)k + 0.5),
                            c->y + HEIGHT * (1 - one / top));
    }
    if (open)
        report_page_put(c->b, "\"/>\n");
}

static void put_grid(struct chart *c, double top)
{
    unsigned i;

    for (i = 0; i <= 2; i++)
        report_page_put(c->b,
                        "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
                        "y2=\"%.1f\"/><text class=\"axis\" x=\"%d\" y=\"%.1f\" "
                        "text-anchor=\"end\">%g</text>\n",
                        LEFT, LEFT + WIDTH, c->y + HEIGHT * (1 - i / 2.0),
                        c->y + HEIGHT * (1 - i / 2.0), LEFT - 8,
                        c->y + HEIGHT * (1 - i / 2.0) + 4, top * i / 2);
}

static void put_legend(struct chart *c, const char *title, const struct curve *v,
                       unsigned n)
{
    unsigned i;

    report_page_put(c->b, "<text class=\"title\" x=\"%d\" y=\"%.1f\">%s", LEFT, c->y - 8,
                    title);
    for (i = 0; n > 1 && i < n; i++)
        report_page_put(c->b, "<tspan dx=\"14\" class=\"key %s\">&#9632; %s</tspan>",
                        v[i].class, v[i].text);
    report_page_put(c->b, "</text>\n");
}

static void put_panel(struct chart *c, const char *title, const struct curve *v,
                      unsigned n)
{
    double top = top_of(c, v, n);
    unsigned i;

    put_legend(c, title, v, n);
    put_grid(c, top);
    for (i = 0; i < n; i++)
        put_curve(c, &v[i], top);
    c->y += HEIGHT + GAP;
}

/* The seconds under the last panel. */
static void put_seconds(struct chart *c)
{
    double step = nice((double)c->n / 10), k;

    for (k = 0; k <= (double)c->n; k += step < 1 ? 1 : step)
        report_page_put(c->b,
                        "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" "
                        "text-anchor=\"middle\">%g s</text>\n",
                        x_of(c, k), c->y - GAP + 18, k);
}

static double real_of(const json_t *of, const char *member, double otherwise)
{
    const json_t *n = json_object_get(of, member);

    return json_is_number(n) ? json_number_value(n) : otherwise;
}

/* The time in which each event was in force, behind the curves, with its number. */
static void put_events(struct chart *c, double bottom)
{
    const char *text;
    const json_t *e;
    double from, to;
    size_t i;

    json_array_foreach(c->events, i, e)
    {
        from = real_of(e, "did_s", -1);
        if (from < 0)
            continue;
        text = json_string_value(json_object_get(e, "do"));
        to = fmin(real_of(e, "undone_s", (double)c->n), (double)c->n);
        report_page_put(c->b,
                        "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
                        "height=\"%.1f\"><title>",
                        text && strncmp(text, "load", 4) == 0 ? "surge" : "fault",
                        x_of(c, from), TOP - 16, fmax(x_of(c, to) - x_of(c, from), 1),
                        bottom - TOP + 16);
        report_page_escape(c->b, text ? text : "");
        report_page_put(c->b,
                        "</title></rect><line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" "
                        "y1=\"%d\" y2=\"%.1f\"/><circle class=\"mark\" cx=\"%.1f\" "
                        "cy=\"%d\" r=\"9\"/><text class=\"number\" x=\"%.1f\" y=\"%d\" "
                        "text-anchor=\"middle\">%d</text>\n",
                        x_of(c, from), x_of(c, from), TOP - 16, bottom, x_of(c, from),
                        TOP - 20, x_of(c, from), TOP - 16, (int)real_of(e, "number", 0));
    }
}

static bool has(const struct chart *c, const char *member)
{
    const struct curve v = {member, "", "", 1};
    size_t k;

    for (k = 0; k < c->n; k += c->group)
        if (value(c, &v, k) >= 0)
            return true;
    return false;
}

void report_chart_write(struct buf *b, const json_t *report,
                        const struct report_chart_texts *t)
{
    const struct curve requests[] = {{"due", "due", t->due, 1}, {"ok", "ok", t->ok, 1}};
    const struct curve errors[] = {{"failed", "failed", t->failed, 1}};
    const struct curve latency[] = {{"p99_us", "p99", t->p99, 0.001}};
    const struct curve nodes[] = {{"wanted", "due", t->wanted, 1},
                                  {"up", "up", t->up, 1}};
    struct chart c = {b,
                      json_object_get(report, "seconds"),
                      json_object_get(report, "events"),
                      0,
                      1,
                      TOP + 22};
    unsigned panels;
    double bottom;

    c.n = json_array_size(c.seconds);
    c.group = c.n / POINTS + 1;
    panels = has(&c, "wanted") ? 4 : 3;
    bottom = c.y + panels * (HEIGHT + GAP) - GAP;
    report_page_put(b, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"%s\">\n",
                    LEFT + WIDTH + 24, bottom + 28, t->label);
    put_events(&c, bottom);
    put_panel(&c, t->requests, requests, 2);
    put_panel(&c, t->errors, errors, 1);
    put_panel(&c, t->latency, latency, 1);
    if (panels == 4)
        put_panel(&c, t->nodes, nodes, 2);
    put_seconds(&c);
    report_page_put(b, "</svg>\n");
}
