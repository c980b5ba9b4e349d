#!/bin/sh
# e2e_site.sh -- a node of the exhibition site with a real database: pages, compression,
# ETags, a new edition, visits, the database lost, the limit, drills, the end.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the exhibition site: not under $LARS_MODE"; exit 0; }
command -v curl >/dev/null || { echo 'skip - the exhibition site: no curl'; exit 0; }
build=${BUILD:-build}; dir=$(mktemp -d); db=$dir/db; bad=0; node=
trap '[ -z "$node" ] || kill -KILL $node 2>/dev/null; sh common/mariadb wipe "$db" >/dev/null 2>&1; rm -rf "$dir"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$dir/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$dir/out")"; bad=1; fi
}
# Tries until it succeeds, 20 s at most.
soon() { end=$(($(date +%s) + 20)); until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt $end ] || { "$@"; return 1; }; sleep 0.1; done; }
sql() { sh common/mariadb sql "$db" "USE lars_site; $1"; }
get() { curl -s --max-time 10 "$@"; }
status() { # EXPECTED CURL-ARGUMENT...
    want=$1; shift; got=$(get -o "$dir/body" -w '%{http_code}' "$@"); [ "$got" = "$want" ] || { echo "$got"; return 1; }
}
has() { # TEXT CURL-ARGUMENT...: the headers and the body have this text
    text=$1; shift; get -i "$@" | tr -d '\r' >"$dir/body"; grep -qF -- "$text" "$dir/body" || { head -c 300 "$dir/body"; return 1; }
}
lacks() { ! has "$@" >/dev/null; }
start() {
    : >"$dir/listening"
    "$build/showcase-node" -c "$dir/ini" >"$dir/listening" 2>"$dir/log" & node=$!
    soon grep -q listening "$dir/listening" || { cat "$dir/log"; return 1; }
    base=http://$(sed -n 's/listening on //p' "$dir/listening")
}
stop() { kill -TERM $node && wait $node; rc=$?; node=; return $rc; }

cat >"$dir/ini" <<EOF
[site]
listen = 127.0.0.1:0
pages = site/pages
snapshot = $dir/snapshot
node = one
inflight = 2
accept_ms = 300
[db]
socket = $db/sock
user = lars_site
password = lars_site
name = lars_site
timeout_s = 1
EOF
hash=$(printf '<svg/>' | sha256sum | cut -d' ' -f1)
{ sh common/mariadb start "$db" && sh common/site "$db"; } >"$dir/out" || { cat "$dir/out"; echo 'not ok - the database starts'; exit 1; }
check 'site.sql can be loaded again' sh common/site "$db"
edition() { # YEAR: an edition with two exhibits
    sql "INSERT IGNORE INTO Picture VALUES ('$hash', 'image/svg+xml', '<svg/>');
    INSERT INTO Exhibit (edition, id, category, title_zh, title_en, summary_zh, summary_en, body_zh, body_en, position, sample) VALUES
    ($1, 'rice', 'crops', '水稻 <$1>', 'Rice <$1>', '摘要', 'summary', '第一段', 'one', 1, 1), ($1, 'plough', 'machines', '犁', 'Plough', '', '', '', '', 2, 0);
    INSERT INTO ExhibitPicture VALUES ($1, 'rice', 0, '$hash', '图', 'drawing');
    INSERT INTO Edition VALUES ($1, '$1 展览', 'Show $1', 'published', UTC_TIMESTAMP())"
}
edition 2026
check 'the node starts' start
check '/healthz is 200 with the catalogue' soon status 200 "$base/healthz"
check 'the first page, in Chinese' has '2026 展览' "$base/zh/"
check 'and in English' has 'Show 2026' "$base/en/"
check 'titles are escaped' has 'Rice &lt;2026&gt;' "$base/en/2026/exhibit/rice"
check 'a sample is labelled' has '样例' "$base/zh/2026/exhibit/rice"
check 'a category' has '犁' "$base/zh/2026/machines/"
check 'the search finds Chinese' has '/zh/2026/exhibit/rice' "$base/zh/search?q=%E6%B0%B4%E7%A8%BB"
check 'and English' has '/en/2026/exhibit/plough' "$base/en/search?q=PLOUGH"
check '/ leads to the language of the browser' has 'Location: /en/' -H 'Accept-Language: en-GB,zh;q=0.5' "$base/"
check 'a missing slash is added' has 'Location: /zh/2026/crops/' "$base/zh/2026/crops"
check 'the language switch leads to the same page' has 'href="/zh/2026/exhibit/plough"' "$base/en/2026/exhibit/plough"
check 'pages may be kept for 2 s, and longer on errors' has 'Cache-Control: max-age=2, stale-while-revalidate=10, stale-if-error=600' "$base/zh/"
check 'pictures for ever' has 'immutable' "$base/picture/$hash.svg"
check 'no page has a script' lacks '<script' "$base/zh/"
check 'gzip for browsers that take it' has 'Content-Encoding: gzip' -H 'Accept-Encoding: br, gzip' "$base/zh/" --output -
check 'not for those that refuse it' lacks 'Content-Encoding' -H 'Accept-Encoding: gzip;q=0' "$base/zh/"
same() { get "$base/zh/" >"$dir/plain" && get --compressed "$base/zh/" | cmp "$dir/plain"; }
check 'both are the same page' same
etag() { get -I "$base/zh/" | tr -d '\r' | sed -n 's/^ETag: //p'; }
check '304 for what the browser has' status 304 -H "If-None-Match: $(etag)" "$base/zh/"
check '200 for another ETag' status 200 -H 'If-None-Match: "0000000000000000"' "$base/zh/"
check 'HEAD has no body' sh -c "[ \$(curl -s -I '$base/zh/' -o '$dir/h' -w '%{size_download}') = 0 ] && grep -q '^Content-Length: [1-9]' '$dir/h'"
for p in /nope /zh/2026/exhibit/none /zh/2026/exhibit/../rice /%2e%2e/etc/passwd '/zh/%00' '//zh/' missing /zh/9999/; do
    check "404 for $p" status 404 --path-as-is --request-target "$p" "$base/"
done
check 'the page for it has both languages' sh -c "grep -q 不存在 '$dir/body' && grep -q 'does not exist' '$dir/body'"
check 'POST is not allowed' has 'Allow: GET, HEAD' -X POST -d x "$base/zh/"
check 'a long path is not found' status 404 "$base/$(printf '%0500d' 0)"
long=$(printf '%03000d' 0)
for q in '%3Cscript%3E' '%ff%fe' "'%20OR%201=1" '%00' "$long" '%E6%B0'; do check "the query $(printf %.20s "$q") is answered" status 200 "$base/zh/search?q=$q"; done
check 'a query is escaped' lacks '<script>alert' "$base/en/search?q=%22%3E%3Cscript%3Ealert"
visits() { [ "$(sql "SELECT COALESCE(SUM(visits), 0) FROM ExhibitVisit WHERE node = 'one' AND id = '$1' AND edition = 2026")" = "$2" ]; }
check 'a gateway that copies the site gets a page' status 200 -H 'Lars-Source: copy' "$base/zh/2026/exhibit/rice"
check 'and so does the load of a drill' status 200 -H 'Lars-Source: drill' "$base/zh/2026/exhibit/rice"
check 'a browser may have any name' status 200 -A lars-gateway "$base/zh/2026/exhibit/rice"
check 'visits are in the database: three of rice, without the copy and the drill' soon visits rice 3
check 'and one of the plough; HEAD is no visit' visits plough 1

edition 2027
check 'a new edition is shown' soon has 'Show 2027' "$base/en/"
check 'the old one stays' has 'Show 2026' "$base/en/2026/"
check 'both are among the editions' has 'Show 2026' "$base/en/editions/"
sql "UPDATE Edition SET state = 'draft' WHERE year = 2027"
check 'a draft is not shown' soon lacks 'Show 2027' "$base/en/"

# Drills, and the limit of twice two requests.
check 'a drill is refused through a proxy' status 403 -X POST -H 'X-Forwarded-For: 192.0.2.1' "$base/load?err_pct=100"
check 'and with a wrong number' status 400 -X POST "$base/load?err_pct=101"
get -X POST "$base/load?delay_ms=4000" >/dev/null
for i in 1 2 3 4; do get -o /dev/null -w '%{http_code}\n' "$base/zh/" >>"$dir/slow" & slow="${slow:-} $!"; done
check 'four requests wait, and /load counts itself as well' soon has 'inflight=5' "$base/load"
check 'a full node says so' has 'Lars-Load: 5/4' "$base/zh/"
check 'with 503' grep -q ' 503 ' "$dir/body"
check '/healthz is answered by a full node' status 200 "$base/healthz"
wait $slow
check 'the requests in progress are answered' [ "$(sort "$dir/slow" | uniq -c | tr -s ' ')" = ' 4 200' ]
get -X POST "$base/load?delay_ms=0&err_pct=100" >/dev/null
check 'errors of a drill' status 500 "$base/zh/"
get -X POST "$base/load?err_pct=0" >/dev/null

# The end: a request in progress is answered, and /healthz is 503 meanwhile.
get -X POST "$base/load?delay_ms=3000" >/dev/null
get -o /dev/null -w '%{http_code}\n' "$base/zh/" >"$dir/last" & last=$!
soon has 'inflight=2' "$base/load"; kill -TERM $node
check 'a node that ends is not healthy' soon status 503 "$base/healthz"
wait $last; wait $node; check 'it ends with 0' [ $? = 0 ]; node=
check 'a request in progress at SIGTERM is answered' grep -q '^200' "$dir/last"

# Without the database.
sh common/mariadb stop "$db" >/dev/null
check 'it starts from the snapshot file' start
check 'and serves' soon has 'Show 2026' "$base/en/"
check 'with its pictures' status 200 "$base/picture/$hash.svg"
get "$base/en/2026/exhibit/plough" >/dev/null
check 'the log names the database' soon grep -q 'site.db' "$dir/log"
sh common/mariadb start "$db" >/dev/null
check 'visits of that time are written when it is back' soon visits plough 2
check 'it ends' stop
printf x >>"$dir/snapshot"
check 'a damaged snapshot file is no obstacle' start
check 'the database is read' soon status 200 "$base/healthz"
check 'and it is named' grep -q 'site.snapshot.*EBADMSG' "$dir/log"
check 'it ends' stop
sed 's/^name = lars_site/name = lars_dns/' "$dir/ini" >"$dir/other.ini"
sql 'GRANT SELECT ON lars_dns.* TO lars_site@localhost'
check 'a wrong database: the log names the script to load' sh -c "timeout 3 '$build/showcase-node' -c '$dir/other.ini' >/dev/null 2>'$dir/log'; grep -q 'site.db.*load common/sql/site.sql' '$dir/log'"
sed -i "s#^pages = .*#pages = $dir#" "$dir/ini"
check 'without pages it does not start and names the file' sh -c "! '$build/showcase-node' -c '$dir/ini' >'$dir/out' 2>&1 && grep -q 'texts.zh cannot be read.*pages' '$dir/out'"
exit $bad
