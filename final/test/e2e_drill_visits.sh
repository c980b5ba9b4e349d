#!/bin/sh
# e2e_drill_visits.sh -- a node of the exhibition site behind a real gateway: the load of a
# drill is served and is no visit, and no visitor can say the same of himself.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - visits in a drill: not under $LARS_MODE"; exit 0; }
for p in curl openssl; do command -v $p >/dev/null || { echo "skip - visits in a drill: no $p"; exit 0; }; done
build=${BUILD:-build} page=/zh/2026/exhibit/rice n=0; dir=$(mktemp -d); db=$dir/db; bad=0; node=; gateway=
trap 'for p in $node $gateway; do kill -KILL $p 2>/dev/null; done; sh common/mariadb wipe "$db" >/dev/null 2>&1; rm -rf "$dir"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$dir/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 600 "$dir/out")"; bad=1; fi
}
# Tries until it succeeds, 20 s at most.
soon() { end=$(($(date +%s) + 20)); until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt $end ] || { "$@"; return 1; }; sleep 0.1; done; }
sql() { sh common/mariadb sql "$db" "USE lars_site; $1"; }
status() { # EXPECTED PATH CURL-ARGUMENT...
    n=$((n + 1)); want=$1 path=$2; shift 2 # each request has an address that no copy has
    got=$(curl -s --max-time 10 -o "$dir/body" -w '%{http_code}' "$base$path?n=$n" "$@"); [ "$got" = "$want" ] || { echo "$got"; return 1; }
}
n_visits() { sql "SELECT COALESCE(SUM(visits), 0) FROM ExhibitVisit WHERE id = '$1'"; }
visits() { got=$(n_visits "$1"); [ "$got" = "$2" ] || { echo "$got visits"; return 1; }; }
# The node writes its visits every 5 s: when the one that comes last is in the database,
# all before it are.
written() { last=$(($(n_visits plough) + 1)); status 200 /en/2026/exhibit/plough && soon visits plough $last; }
marked() { curl -s --max-time 10 "http://$http/metrics" | grep -qx "lars_gateway_drill_requests_total{valid=\"$1\"} $2"; }
mark() { # KEY SECONDS: the value of Lars-Drill that ends so many seconds from now
    expiry=$(($(date +%s) + $2))
    printf '1.%s.%s' $expiry "$(printf 'lars-drill-1\n%s\n' $expiry | openssl dgst -sha256 -hmac "$1" -r | cut -d' ' -f1)"
}
drill() { # KEY-FILE FOLDER: 10 requests of a drill, and the one that it begins with
    for i in 1 2 3 4 5 6 7 8 9 10; do echo "$page?$2=$i"; done >"$dir/paths"
    printf '[db]\nsocket = %s/sock\n[gateways]\nadmin =\nkey_file = %s\n' "$db" "$1" >"$dir/larsctl.ini"
    $build/larsctl -c "$dir/larsctl.ini" drill run "$dir/drill.ini" "$dir/$2" --for-real >"$dir/said" 2>&1
    code=$?; cat "$dir/said"; return $code
}

key=0123456789abcdef0123456789abcdef0123456789abcdef; echo $key >"$dir/key"
other=fedcba9876543210fedcba9876543210fedcba9876543210; echo $other >"$dir/other"
printf '[site]\nlisten = 127.0.0.1:0\npages = site/pages\nsnapshot = %s/snapshot\nnode = one\n[db]\nsocket = %s/sock\nuser = lars_site\npassword = lars_site\nname = lars_site\n[http]\nlisten =\n' "$dir" "$db" >"$dir/node.ini"
hash=$(printf '<svg/>' | sha256sum | cut -d' ' -f1)
{ sh common/mariadb start "$db" && sh common/site "$db"; } >"$dir/out" || { cat "$dir/out"; echo 'not ok - the database starts'; exit 1; }
sql "INSERT INTO Picture VALUES ('$hash', 'image/svg+xml', '<svg/>');
INSERT INTO Exhibit (edition, id, category, title_zh, title_en, summary_zh, summary_en, body_zh, body_en, position, sample) VALUES
(2026, 'rice', 'crops', '水稻', 'Rice', '', '', '', '', 1, 1), (2026, 'plough', 'machines', '犁', 'Plough', '', '', '', '', 2, 0);
INSERT INTO Edition VALUES (2026, '展览', 'Show', 'published', UTC_TIMESTAMP())"
$build/showcase-node -c "$dir/node.ini" >"$dir/node.out" 2>"$dir/node.log" & node=$!
check 'the node starts' soon grep -q 'listening on' "$dir/node.out"
at=$(sed -n 's/listening on //p' "$dir/node.out")
printf '[rule site]\nmodule = 3/1\ncache_ms = 0\nstale_s = 0\nstale_error_s = 0\nnodes = %s\n' "$at" >"$dir/rules"
printf '[gateway]\nlisten = 127.0.0.1:0\nrules = %s/rules\nkey_file = %s/key\nloops = 1\nstate_dir =\n[agent]\ndir = %s/none\n[log]\npath =\n[http]\nlisten = 127.0.0.1:0\n[admin]\nlisten =\n' "$dir" "$dir" "$dir" >"$dir/gateway.ini"
$build/lars-gateway -c "$dir/gateway.ini" >"$dir/gateway.out" 2>&1 & gateway=$!
check 'the gateway starts' soon grep -q 'listening on' "$dir/gateway.out"
base=http://$(sed -n 's/^listening on //p' "$dir/gateway.out" | head -1)
http=127.0.0.1:$(sed -n 's/.*http.listen.* port=\([0-9]*\).*/\1/p' "$dir/gateway.out" | head -1)
check 'a visitor gets a page' soon status 200 $page
check 'that is a visit' written; first=$(n_visits rice)

check 'a signed request is served' status 200 $page -H "Lars-Drill: $(mark $key 600)"
check 'and so is the next one with the same mark' status 200 $page -H "lars-drill:$(mark $key 600)"
check 'they are no visits' written
check 'none of them' visits rice "$first"
check 'the gateway has counted two' marked yes 2

no=0
forged() { no=$((no + 1)); what=$1; shift; check "$what: it is served" status 200 $page "$@"; }
forged 'with another key' -H "Lars-Drill: $(mark $other 600)"
forged 'with the end over' -H "Lars-Drill: $(mark $key -1)"
forged 'for two hours' -H "Lars-Drill: $(mark $key 7200)"
forged 'with a byte changed' -H "Lars-Drill: $(mark $key 600 | tr 0 1)x"
forged 'empty' -H 'Lars-Drill;'
forged 'twice' -H "Lars-Drill: $(mark $key 600)" -H "Lars-Drill: $(mark $key 600)"
check 'a field of its own' status 200 $page -H 'Lars-Source: drill'
check 'and as a copy of the site' status 200 $page -A lars-gateway -H 'lars-source: copy'
check 'named in Connection' status 200 $page -H 'Connection: Lars-Source' -H 'Lars-Source: drill'
check 'they are visits' written
check 'all of them' visits rice $((first + no + 3))
check 'the gateway has counted the forged ones' marked no $no

# A drill signs its load.  Its question before the load has the mark as well.
printf '[load]\nurl = %s\nrate = 10\nseconds = 1\narrivals = fixed\npaths = %s/paths\n[target]\nmax_error_percent = 0\n' "$base$page" "$dir" >"$dir/drill.ini"
before=$(n_visits rice)
check 'a drill runs' drill "$dir/key" one
check 'it says how its load counts' grep -q 'ok        the load is signed: it counts as demand, not as visits' "$dir/said"
check 'its load is no visit' written
check 'none of it' visits rice "$before"
check 'the gateway has counted it' marked yes 13
check 'a drill without a key runs' drill '' two
check 'it says so' grep -q 'ok        \[gateways\] key_file is empty: the load counts as visits' "$dir/said"
check 'its load is visits' written
check 'all of it' visits rice $((before + 11))
lacks_key() { drill "$dir/none" three; [ $? = 1 ] && [ ! -e "$dir/three/report.json" ]; }
check 'a key that cannot be read keeps it from beginning' lacks_key
check 'it says why' grep -q 'the drill did not begin: cannot read .*/none, \[gateways\] key_file: No such file' "$dir/said"

# The keys are read again with the rules, and what was remembered is forgotten.
echo $other >"$dir/key"; kill -HUP $gateway
read_again() { curl -s "http://$http/metrics" | grep -qx 'lars_gateway_reloads_total 1'; }
check 'the gateway reads the keys again' soon read_again
before=$(n_visits rice)
check 'a mark of the old key is served' status 200 $page -H "Lars-Drill: $(mark $key 600)"
check 'one of the new key, too' status 200 $page -H "Lars-Drill: $(mark $other 600)"
check 'both are written' written
check 'the first was a visit' visits rice $((before + 1))
exit $bad
