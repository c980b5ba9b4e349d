#!/bin/sh
# e2e_import.sh -- showcase-import and larsctl site with a real MariaDB: a preview changes
# nothing, an import is there wholly or not at all, also when it is killed, and a frozen
# edition stays as it is.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - import of a spreadsheet: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; dir=$(mktemp -d); tmp=$(mktemp -d); bad=0; holder=; node=
end() { [ -z "$holder" ] || kill "$holder" 2>/dev/null; [ -z "$node" ] || kill -KILL "$node" 2>/dev/null; sh common/mariadb wipe "$dir" >/dev/null 2>&1; rm -rf "$tmp"; }
trap end EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/check" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -n 5 "$tmp/out" "$tmp/err" | head -c 600)"; bad=1; fi
}
sh common/mariadb start "$dir" >/dev/null || { echo 'not ok - the server starts'; exit 1; }
sh common/site "$dir"
sh common/users "$dir"
printf '[db]\nsocket = %s/sock\nuser = lars_ctl\npassword = lars_ctl\n' "$dir" >"$tmp/ctl.ini"
sql() { mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" --default-character-set=utf8mb4 lars_site -N -e "$1"; }
import() { timeout 60 "$build/showcase-import" -c /dev/null -s "$dir/sock" --edition 2027 "$@" >"$tmp/out" 2>"$tmp/err"; code=$?; }
ctl() { timeout 60 "$build/larsctl" -c "$tmp/ctl.ini" "$@" >"$tmp/out" 2>"$tmp/err"; code=$?; }
until_true() { n=0; until eval "$1"; do n=$((n + 1)); [ $n -lt 300 ] || return 1; sleep 0.1; done; }
has() { grep -qF -- "$2" "$tmp/$1"; }
# All that an import may change, as text.
state() { sql "SELECT * FROM Edition; SELECT * FROM Exhibit ORDER BY edition, id; SELECT * FROM ExhibitPicture ORDER BY edition, id, n;
    SELECT hash, mime, bytes FROM Picture ORDER BY hash; SELECT revision FROM SiteRevision;
    SELECT subject, detail FROM lars_dns.Audit WHERE action = 'site import' ORDER BY id"; }
same() { state >"$tmp/now"; cmp -s "$tmp/was" "$tmp/now"; }
is() { [ "$(sql "$1")" = "$2" ]; }

pictures=$tmp/pictures; mkdir "$pictures"
for n in 1 2 3; do printf '<svg xmlns="http://www.w3.org/2000/svg"><circle r="%s"/></svg>\n' $n >"$pictures/p$n.svg"; done
titles='编号,类别,中文标题,英文标题,中文简介,英文简介,中文正文,英文正文,中文单位,英文单位,图片,图片中文说明,图片英文说明'
row() { printf '%s,作物,%s,%s,简介,Summary,"第一段\n\n第二段",Body,大学,University,%s,%s,%s\r\n' "$@"; }
sheet() { printf '%s\r\n' "$titles"; row rice 稻 Rice p1.svg 圆 Circle; row wheat 麦 Wheat 'p2.svg;p1.svg' '大；小' 'Large;Small'; }
sheet >"$tmp/a.csv"

state >"$tmp/was"
import "$tmp/a.csv" "$pictures"
check 'a preview exits with 0' [ $code = 0 ]
check 'a preview names the encoding' has out 'a.csv: UTF-8, fields separated by commas, 2 exhibits, 3 pictures'
check 'a preview counts' has out 'edition 2027 (new): 2 new, 0 changed, 0 removed, 0 only moved, 0 the same'
check 'a preview names the exhibits' has out '稻 / Rice'
check 'a preview ends with what to do' has out 'nothing was written; give --apply'
check 'a preview changes nothing' same

# A fault in the last line of a large spreadsheet.
{ sheet; for n in $(seq 300); do row "e$n" 品 Kind p3.svg 圆 Circle; done; row e301 '' '' missing.svg 圆 Circle; } >"$tmp/b.csv"
import --apply "$tmp/b.csv" "$pictures"
check 'a fault in the last line ends with 1' [ $code = 1 ]
check 'the fault has its line and column' has err 'b.csv:908:9: row 304, title_zh: it is empty'
check 'the other faults of the line are named' has err 'the picture "missing.svg" is not in the folder of the pictures'
check 'nothing was written' same

import --apply -r 'first rows' "$tmp/a.csv" "$pictures"
check 'an import is written' eval '[ $code = 0 ] && has out written'
audit() { sql "SELECT CONCAT_WS('|', actor, via, action, subject, reason, result) FROM lars_dns.Audit WHERE action = 'site import' ORDER BY id DESC LIMIT 1"; }
shown() { ctl -o csv audit show "$(sql "SELECT MAX(id) FROM lars_dns.Audit WHERE action = 'site import'")"; sed 1d "$tmp/out" | tr -d '\r' | cut -d, -f1-4 | tr '\n' ' '; }
check 'the audit has who imported it, and why' [ "$(audit)" = "$(id -un)|showcase-import|site import|edition:2027|first rows|done" ]
check 'the audit has the counts and the file' [ "$(shown)" = ',,,new=2 ,,,changed=0 ,,,removed=0 ,,,moved=0 ,,,retitled=no ,,,file=a.csv ' ]
check 'the list of the audit shows it' eval 'ctl -o csv audit list edition:2027; has out ",showcase-import,site import,edition:2027,done,"'
check 'the edition is a draft with a title' is "SELECT CONCAT(state, ' ', title_zh, ' ', title_en) FROM Edition" 'draft 2027 年展览 Exhibition 2027'
check 'the exhibits have their order' is "SELECT GROUP_CONCAT(id ORDER BY position) FROM Exhibit WHERE edition = 2027 AND sample = 0 AND category = 'crops'" rice,wheat
check 'paragraphs are kept' is "SELECT HEX(body_zh) FROM Exhibit WHERE id = 'rice'" "$(printf '第一段\n\n第二段' | od -An -tx1 | tr -d ' \n' | tr a-f A-F)"
check 'pictures have their descriptions' is "SELECT GROUP_CONCAT(CONCAT(n, alt_zh, alt_en) ORDER BY n) FROM ExhibitPicture WHERE id = 'wheat'" '0大Large,1小Small'
check 'each picture is stored once, under its checksum' is "SELECT CONCAT(COUNT(*), ' ', SUM(SHA2(bytes, 256) = CONVERT(hash USING utf8mb4)), ' ', MIN(mime)) FROM Picture" '2 2 image/svg+xml'

# What the encoding was makes no difference.
sql "UPDATE SiteRevision SET revision = 100"; state >"$tmp/was"
iconv -f UTF-8 -t GB18030 "$tmp/a.csv" >"$tmp/gbk.csv"
{ printf '\377\376'; tr , '\t' <"$tmp/a.csv" | iconv -f UTF-8 -t UTF-16LE; } >"$tmp/utf16.csv"
{ printf '\357\273\277'; cat "$tmp/a.csv"; } >"$tmp/bom.csv"
for f in 'gbk:GB18030 (GBK), fields separated by commas' 'utf16:UTF-16, little endian, fields separated by tabulators' 'bom:UTF-8 with a byte order mark'; do
    import --apply "$tmp/${f%%:*}.csv" "$pictures"
    check "${f%%:*}.csv is ${f#*:}" has out "${f#*:}"
    check "${f%%:*}.csv has the same exhibits" eval 'has out "0 new, 0 changed, 0 removed, 0 only moved, 2 the same" && has out "nothing is to be changed"'
done
check 'an import that changes nothing writes nothing' same

# Publish; a change of a published edition is seen by the nodes, which read the revision.
ctl site freeze 2027
check 'a draft is not frozen' eval '[ $code = 1 ] && has err "publish it first"'
ctl site publish 2026
check 'an unknown edition is not published' eval '[ $code = 1 ] && has err "there is no edition 2026"'
ctl -r opening site publish 2027
check 'an edition is published' eval '[ $code = 0 ] && is "SELECT CONCAT(state, published_at IS NOT NULL) FROM Edition" published1'
ctl site publish 2027
check 'a published edition is not published again' eval '[ $code = 1 ] && has err "is published already"'
check 'the audit has the change' is "SELECT CONCAT(via, ' ', action, ' ', subject, ' ', reason, ' ', result) FROM lars_dns.Audit WHERE action = 'site publish'" 'larsctl site publish edition:2027 opening done'
ctl -o csv site list
check 'site list shows it' has out '2027,published,2027 年展览,Exhibition 2027,2,3,0,'

# A node of the site shows what is published, and each import into it.
printf '[site]\nlisten = 127.0.0.1:0\npages = site/pages\n[db]\nsocket = %s/sock\nuser = lars_site\npassword = lars_site\nname = lars_site\n[http]\nlisten =\n' "$dir" >"$tmp/node.ini"
"$build/showcase-node" -c "$tmp/node.ini" >"$tmp/node.out" 2>&1 & node=$!
check 'a node starts' until_true 'grep -q "^listening on " "$tmp/node.out"'
shows() { curl -sf -m 5 "http://$(sed -n 's/^listening on //p' "$tmp/node.out")$1" 2>/dev/null | grep -qF -- "$2"; }
check 'the node shows the published edition' until_true 'shows /zh/2027/exhibit/wheat 麦'
row rice 新稻 Rice p1.svg 圆 Circle >"$tmp/rice"
{ printf '%s\r\n' "$titles"; cat "$tmp/rice"; row wheat 麦 Wheat 'p2.svg;p1.svg' '大；小' 'Large;Small'; } >"$tmp/e.csv"
import --apply "$tmp/e.csv" "$pictures"
check 'the node shows an import into the published edition' until_true 'shows /zh/2027/exhibit/rice 新稻'
check 'samples have no fault' eval 'import -e 2025 --sample site/samples/exhibits.csv site/samples/pictures; [ $code = 0 ] && has out "40 new"'
kill $node; wait $node 2>/dev/null; node=
sql "UPDATE SiteRevision SET revision = 200"
{ printf '%s\r\n' "$titles"; row wheat 小麦 Wheat p3.svg 圆 Circle; row soy 豆 Soy '' '' ''; } >"$tmp/c.csv"
import "$tmp/c.csv" "$pictures"
check 'a preview names what changes' eval 'has out "edition 2027 (published): 1 new, 1 changed, 1 removed" && has out "removed  rice"'

# Killed while it waits for a lock at its last statement: nothing of it stays.
state >"$tmp/was"
(echo 'BEGIN; SELECT revision FROM SiteRevision FOR UPDATE;'; while [ ! -e "$tmp/release" ]; do sleep 0.1; done; echo 'ROLLBACK;') |
    mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" --unbuffered lars_site -N >"$tmp/held" 2>&1 & holder=$!
check 'the lock is held' until_true '[ -s "$tmp/held" ]'
"$build/showcase-import" -c /dev/null -s "$dir/sock" -e 2027 --apply "$tmp/c.csv" "$pictures" >"$tmp/out" 2>"$tmp/err" & importer=$!
waits() { [ "$(sql "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE SiteRevision%'")" = 1 ]; }
check 'the import has written all but the edition' until_true waits
kill -KILL $importer; wait $importer 2>/dev/null
: >"$tmp/release"; wait $holder; holder=
gone() { [ "$(sql "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lars_site_edit' OR info LIKE 'UPDATE SiteRevision%'")" = 0 ]; }
check 'the server has ended the transaction' until_true gone
check 'an import that is killed in the middle leaves nothing' same

import --apply "$tmp/c.csv" "$pictures"
check 'the same import succeeds afterwards' [ $code = 0 ]
check 'its row in the audit has what changed' [ "$(shown)" = ',,,new=1 ,,,changed=1 ,,,removed=1 ,,,moved=0 ,,,retitled=no ,,,file=c.csv ' ]
check 'removed exhibits and pictures are gone' is "SELECT CONCAT((SELECT GROUP_CONCAT(id ORDER BY position) FROM Exhibit), ' ', (SELECT COUNT(*) FROM Picture), ' ', (SELECT COUNT(*) FROM ExhibitPicture))" 'wheat,soy 1 1'
check 'the revision that nodes read grows by one' is 'SELECT revision FROM SiteRevision' 201
{ printf '%s\r\n' "$titles"; row soy 豆 Soy '' '' ''; row wheat 小麦 Wheat p3.svg 圆 Circle; } >"$tmp/d.csv"
import --apply --title-en 'Day of the Field' "$tmp/d.csv" "$pictures"
check 'rows that only moved get their new order' eval 'has out "2 only moved" && is "SELECT GROUP_CONCAT(id ORDER BY position) FROM Exhibit" soy,wheat'
check 'its row in the audit has both' [ "$(shown)" = ',,,new=0 ,,,changed=0 ,,,removed=0 ,,,moved=2 ,,,retitled=yes ,,,file=d.csv ' ]
check 'an edition gets another title and keeps the other' is 'SELECT CONCAT(title_zh, title_en) FROM Edition' '2027 年展览Day of the Field'

# Two imports at once, a picture that grew between, and old editions.
# hold STATEMENT END -- run STATEMENT in a transaction, and END when $tmp/release is there
hold() {
    rm -f "$tmp/release"; : >"$tmp/held"
    (echo "BEGIN; $1;"; while [ ! -e "$tmp/release" ]; do sleep 0.1; done; echo "$2;") |
        mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" --unbuffered lars_site -N >"$tmp/held" 2>&1 & holder=$!
    check 'the lock is held' until_true '[ -s "$tmp/held" ]'
}
hold 'SELECT year FROM Edition WHERE year = 2027 FOR UPDATE' ROLLBACK
state >"$tmp/was"
import --apply "$tmp/a.csv" "$pictures"
check 'two imports do not run at once' eval '[ $code = 1 ] && has err "another import is running" && same'
: >"$tmp/release"; wait $holder; holder=

# The other one ends while this one waits at its last statement, as at another node of a
# cluster: what this one has compared is out of date.
hold 'SELECT revision FROM SiteRevision FOR UPDATE' 'UPDATE SiteRevision SET revision = revision + 1; COMMIT'
"$build/showcase-import" -c /dev/null -s "$dir/sock" -e 2027 --apply "$tmp/a.csv" "$pictures" >"$tmp/out" 2>"$tmp/err" & importer=$!
check 'the import has compared and written' until_true waits
: >"$tmp/release"; wait $holder; holder=
wait $importer; code=$?
sql 'UPDATE SiteRevision SET revision = revision - 1'
check 'an import is refused when another one has ended in the meantime' eval '[ $code = 1 ] && has err "has changed the exhibition since" && same'
import -e 2026 --sample --apply "$tmp/a.csv" "$pictures"
check 'another edition is imported beside it' eval '[ $code = 0 ] && is "SELECT GROUP_CONCAT(CONCAT(edition, id, sample) ORDER BY edition, id) FROM Exhibit" 2026rice1,2026wheat1,2027soy0,2027wheat0'

# The name of a file and the reason may have any bytes.
odd=$(printf 'a\377"\\.csv'); cp "$tmp/a.csv" "$tmp/$odd"
import --apply -r "it's \"ours\"; 展" "$tmp/$odd" "$pictures"
check 'a name of a file in another character set is kept readable' is "SELECT JSON_VALUE(detail, '$.settings[5].new') FROM lars_dns.Audit ORDER BY id DESC LIMIT 1" 'a?"\\.csv'
check 'a reason is kept as it is' is 'SELECT reason FROM lars_dns.Audit ORDER BY id DESC LIMIT 1' "it's \"ours\"; 展"
state >"$tmp/was"
import --apply -r "$(printf '\377')" "$tmp/d.csv" "$pictures"
check 'a reason that is not UTF-8 is refused' eval '[ $code = 2 ] && has err "the reason is not UTF-8" && same'
sql 'REVOKE INSERT ON lars_dns.Audit FROM lars_site_edit@localhost'
import --apply "$tmp/d.csv" "$pictures"
check 'without a row in the audit nothing is written' eval '[ $code = 1 ] && has err "load site.sql again" && same'
sql 'GRANT INSERT ON lars_dns.Audit TO lars_site_edit@localhost'
ctl site freeze 2027
check 'a published edition is frozen' [ $code = 0 ]
state >"$tmp/was"
import "$tmp/a.csv" "$pictures"
check 'a preview of a frozen edition is refused' eval '[ $code = 1 ] && has err "2027 is frozen"'
import --apply "$tmp/a.csv" "$pictures"
check 'an import into a frozen edition is refused' eval '[ $code = 1 ] && has err "2027 is frozen"'
ctl site publish 2027
check 'a frozen edition is not published' eval '[ $code = 1 ] && has err "is frozen already"'
check 'a frozen edition stays as it is' same

# The users of the database may do no more than their work.
denied() { mariadb --no-defaults --socket="$dir/sock" --user="$1" --password="$1" lars_site -e "$2" 2>&1 | grep -q denied; }
check 'lars_ctl changes no exhibit' denied lars_ctl 'DELETE FROM Exhibit'
check 'lars_ctl removes no edition' denied lars_ctl 'DELETE FROM Edition'
check 'lars_site_edit reads no audit' denied lars_site_edit 'SELECT id FROM lars_dns.Audit'
check 'lars_site_edit writes no visits' denied lars_site_edit 'DELETE FROM ExhibitVisit'

sh common/mariadb stop "$dir"
import "$tmp/a.csv" "$pictures"
check 'a server that is away ends with 3' eval '[ $code = 3 ] && has err "mend: start the server"'
import "$tmp/none.csv" "$pictures"
check 'a file that is missing is named' eval '[ $code = 1 ] && has err "none.csv: No such file"'
timeout 10 "$build/showcase-import" -c /dev/null "$tmp/a.csv" "$pictures" >"$tmp/out" 2>"$tmp/err"; code=$?
check 'an import without a year is refused' eval '[ $code = 2 ] && has err "give --edition"'
exit $bad
