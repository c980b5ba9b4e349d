# plot.awk -- the figures of one scenario (score -o) as a picture, SVG on standard output:
# the median and the 99th percentile of the durations in each second, the failed calls in
# each second, and each node's part of the calls, where 1 is an equal part.
BEGIN {
    FS = ","; W = 860; L = 64; R = 20; PW = W - L - R; PH = 150; gap = 58; top = 74
    side[1] = "rr"; side[2] = "default"; side[3] = "own"
    label["rr"] = "round robin"; label["default"] = "default"; label["own"] = "your policy"
    color["rr"] = "#9a6700"; color["default"] = "#57606a"; color["own"] = "#0969da"
    dash["rr"] = "6 4"; dash["default"] = "2 3"; dash["own"] = "none"
}
$1 == "title" { title = substr($0, 7) }
$1 == "time" {
    s = $3 + 0; if (s > last) last = s
    p50[$2, s] = $4; p99[$2, s] = $5; err[$2, s] = $6
    if ($4 > m50) m50 = $4
    if ($5 > m99) m99 = $5
    if ($6 > merr) merr = $6
}
$1 == "node" { n = $3 + 1; part[$2, $3 + 0] = $4; if ($4 > mpart) mpart = $4 }
function text(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); return s }
# The next round number that is not less than x.
function roof(x,   p) {
    if (x <= 0) return 1
    for (p = 1; p < x; p *= 10) continue
    for (; p / 10 >= x; p /= 10) continue
    return x <= p / 5 ? p / 5 : x <= p / 2 ? p / 2 : p
}
function panel(k, name, max, unit,   y, i, v) {
    y0 = top + k * (PH + gap)
    printf "<text x=\"%d\" y=\"%d\" class=\"h\">%s</text>\n", L, y0 - 10, text(name)
    for (i = 0; i <= 4; i++) {
        y = y0 + PH - PH * i / 4; v = max * i / 4
        printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" class=\"g\"/>\n", L, y, W - R, y
        printf "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s%s</text>\n", L - 6, y + 4, v == int(v) ? v : sprintf("%.2f", v), unit
    }
}
function lines(k, max, a,   j, i, y) {
    for (j = 1; j <= 3; j++) {
        printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" points=\"", color[side[j]], dash[side[j]]
        for (i = 0; i <= last; i++) {
            y = a == 50 ? p50[side[j], i] : a == 99 ? p99[side[j], i] : err[side[j], i]
            printf "%.1f,%.1f ", L + PW * (i + 0.5) / (last + 1), y0 + PH - PH * y / max
        }
        print "\"/>"
    }
    for (i = 0; i <= last; i += 2)
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", L + PW * (i + 0.5) / (last + 1), y0 + PH + 16, i
    printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">s</text>\n", W - 4, y0 + PH + 16
}
function bars(max,   i, j, w, h) {
    w = PW / n / 4
    for (i = 0; i < n; i++) {
        for (j = 1; j <= 3; j++) {
            h = PH * part[side[j], i] / max
            printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", L + PW * i / n + w * (j - 0.5), y0 + PH - h, w, h, color[side[j]]
        }
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", L + PW * (i + 0.5) / n, y0 + PH + 16, i
    }
}
END {
    H = top + 4 * (PH + gap)
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", W, H, W, H
    print "<style>text{font:12px sans-serif;fill:#1f2328}.h{font-weight:bold;font-size:13px}.t{font-weight:bold;font-size:16px}.g{stroke:#d0d7de;stroke-width:1}</style>"
    printf "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n<text x=\"%d\" y=\"24\" class=\"t\">%s</text>\n", W, H, L, text(title)
    for (j = 1; j <= 3; j++) {
        x = L + (j - 1) * 150
        printf "<line x1=\"%d\" y1=\"42\" x2=\"%d\" y2=\"42\" stroke=\"%s\" stroke-width=\"3\" stroke-dasharray=\"%s\"/><text x=\"%d\" y=\"46\">%s</text>\n", x, x + 30, color[side[j]], dash[side[j]], x + 36, label[side[j]]
    }
    panel(0, "median of the durations, ms", roof(m50), ""); lines(0, roof(m50), 50)
    panel(1, "99th percentile, ms (a failed call counts as 1000)", roof(m99), ""); lines(1, roof(m99), 99)
    panel(2, "failed calls per second", roof(merr), ""); lines(2, roof(merr), 0)
    panel(3, "calls of each node (1 = an equal part)", roof(mpart), ""); bars(roof(mpart))
    print "</svg>"
}
