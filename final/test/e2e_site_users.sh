#!/bin/sh
# e2e_site_users.sh -- the rights that common/sql/site.sql gives in the database: with them
# showcase-node, showcase-import and larsctl site do their work, without any one of them
# the work fails, and everything else is refused.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - users of the site's database: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; dir=$(mktemp -d); tmp=$(mktemp -d); bad=0; node=
end() { [ -z "$node" ] || kill -KILL "$node" 2>/dev/null; sh common/mariadb wipe "$dir" >/dev/null 2>&1; rm -rf "$tmp"; }
trap end EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/check" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(cat "$tmp/check" "$tmp/log" | tail -n 8 | head -c 600)"; bad=1; fi
}
: >"$tmp/log"
sh common/mariadb start "$dir" >/dev/null || { echo 'not ok - the server starts'; exit 1; }
sh common/users "$dir"
sh common/site "$dir"
admin() { mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" lars_site -N "$@"; }
soon() { n=0; until "$@"; do n=$((n + 1)); [ $n -lt 200 ] || return 1; sleep 0.1; done; }

# --- the work of each user; a statement that is refused leaves "denied" in the log ----------
printf '[db]\nsocket = %s/sock\nuser = lars_ctl\npassword = lars_ctl\n' "$dir" >"$tmp/ctl.ini"
printf '[site]\nlisten = 127.0.0.1:0\npages = site/pages\nnode = one\n[db]\nsocket = %s/sock\nuser = lars_site\npassword = lars_site\nname = lars_site\n[http]\nlisten =\n' "$dir" >"$tmp/node.ini"
mkdir "$tmp/pictures"
for n in 1 2 3; do printf '<svg xmlns="http://www.w3.org/2000/svg"><circle r="%s"/></svg>\n' $n >"$tmp/pictures/p$n.svg"; done
titles='id,category,title_zh,title_en,summary_zh,summary_en,body_zh,body_en,organisation_zh,organisation_en,pictures,alt_zh,alt_en'
sheet() { echo "$titles"; for i; do echo "$i,crops,T,T,S,S,B,B,O,O,p${i#e}.svg,A,A"; done; }
sheet e1 e2 e3 >"$tmp/a.csv"          # exhibits, pictures and an edition are added
sheet e2 e1 >"$tmp/b.csv"             # two move, one and its picture are removed
import() { timeout 60 "$build/showcase-import" -c /dev/null -s "$dir/sock" -e 2027 --apply "$tmp/$1.csv" "$tmp/pictures" >>"$tmp/log" 2>&1; }
ctl() { timeout 60 "$build/larsctl" -c "$tmp/ctl.ini" site "$@" >>"$tmp/log" 2>&1; }
listens() { grep -q '^listening on ' "$tmp/node.out"; }
ready() { curl -sf -m 5 "$base/healthz" >/dev/null 2>&1; }
ready_or_denied() { ready || grep -q denied "$tmp/log"; }
of_lars_site_edit() { import a && import b; }
of_lars_ctl() { of_lars_site_edit && ctl list && ctl publish 2027 && ctl freeze 2027; }
of_lars_site() { # a node shows an exhibit, and writes the visit when it ends
    of_lars_ctl || return 1
    : >"$tmp/node.out"
    "$build/showcase-node" -c "$tmp/node.ini" >"$tmp/node.out" 2>>"$tmp/log" & node=$!
    soon listens || return 1
    base=http://$(sed -n 's/^listening on //p' "$tmp/node.out")
    soon ready_or_denied
    curl -sf -m 5 "$base/zh/2027/exhibit/e1" >/dev/null 2>&1
    kill -TERM $node; wait $node; node=
    [ "$(admin -e 'SELECT SUM(visits) FROM ExhibitVisit')" = 1 ]
}
empty() { admin -e 'DELETE FROM Edition; DELETE FROM Exhibit; DELETE FROM ExhibitPicture; DELETE FROM Picture; DELETE FROM ExhibitVisit'; : >"$tmp/log"; }
fails_denied() { "of_$1" && return 1; grep -q denied "$tmp/log"; }

# Of each GRANT of site.sql one line: USER TABLE RIGHT.
sed 's/--.*//' common/sql/site.sql | tr '\n' ' ' | tr ';' '\n' | sed -n 's/^ *GRANT \(.*\) ON \([^ ]*\) TO \(.*\)$/\3|\2|\1/p' | tr -d ' ' | while IFS='|' read -r users table rights; do
    for u in $(echo "$users" | tr , ' '); do for r in $(echo "$rights" | tr , ' '); do echo "${u%@*} $table $r"; done; done
done | sort >"$tmp/grants"
for u in lars_site lars_site_edit lars_ctl; do
    empty
    check "with its rights $u does its work" "of_$u"
    grep "^$u " "$tmp/grants" >"$tmp/mine"
    check "$u has rights" [ "$(wc -l <"$tmp/mine")" -ge 2 ]
    while read -r _ table right; do
        empty
        admin -e "REVOKE $right ON $table FROM $u@localhost"
        check "without $right on $table $u fails" fails_denied $u
        admin -e "GRANT $right ON $table TO $u@localhost"
    done <"$tmp/mine"
done

# --- everything else is refused -------------------------------------------------------------
# One line for each right on each table; the server names the lines that it refuses.
admin -e "SELECT CONCAT(table_schema, '.', table_name), column_name FROM information_schema.columns WHERE
    table_schema IN ('lars_site', 'lars_dns') AND ordinal_position = 1 ORDER BY 1" >"$tmp/tables"
while read -r table column; do
    echo "$table SELECT|SELECT $column FROM $table WHERE 0"
    echo "$table INSERT|INSERT INTO $table ($column) SELECT 1 FROM DUAL WHERE 0"
    echo "$table UPDATE|UPDATE $table SET $column = 1"
    echo "$table DELETE|DELETE FROM $table"
    echo "$table ALTER|ALTER TABLE $table COMMENT = ''"
    echo "$table DROP|DROP TABLE $table"
    echo "$table TRIGGER|CREATE TRIGGER ${table%.*}.x AFTER INSERT ON $table FOR EACH ROW SET @x = 1"
done <"$tmp/tables" >"$tmp/trials"
for d in lars_site lars_dns; do echo "$d CREATE|CREATE TABLE $d.x (x INT)"; done >>"$tmp/trials"
check 'every table is tried' [ "$(wc -l <"$tmp/trials")" -ge 200 ]
allowed() { # USER: TABLE RIGHT of each trial that is not refused; nothing of them stays
    { echo 'SET autocommit = 0;'; sed 's/.*|\(.*\)/\1;/' "$tmp/trials"; } >"$tmp/sql"
    mariadb --no-defaults --socket="$dir/sock" --user="$1" --password="$1" --force lars_site <"$tmp/sql" 2>"$tmp/refused" >/dev/null
    sed -n 's/^ERROR [0-9]* ([^)]*) at line \([0-9]*\): .*denied.*/\1/p' "$tmp/refused" >"$tmp/lines"
    awk -F'|' 'NR == FNR { no[$1] = 1; next } !((FNR + 1) in no) { print $1 }' "$tmp/lines" "$tmp/trials" | sort
}
given() { # USER: TABLE RIGHT of site.sql; a right on all tables is one on each
    grep "^$1 " "$tmp/grants" | while read -r _ table right; do
        case $table in *.'*') grep "^${table%.*}[.]" "$tmp/tables" | cut -f1 | while read -r t; do echo "$t $right"; done ;; *) echo "$table $right" ;; esac
    done | sort
}
for u in lars_site lars_site_edit; do
    given $u >"$tmp/given"; allowed $u >"$tmp/allowed"
    check "$u may do what site.sql gives and nothing else" diff "$tmp/given" "$tmp/allowed"
done
given lars_ctl >"$tmp/given"; allowed lars_ctl | grep '^lars_site[. ]' >"$tmp/allowed"
check 'in the database of the site lars_ctl may do what site.sql gives and nothing else' diff "$tmp/given" "$tmp/allowed"
exit $bad
