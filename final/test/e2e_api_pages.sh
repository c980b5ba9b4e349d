#!/bin/sh
# The commands at the beginning of docs/*/api/{c,cpp,java}.md build their example from an
# empty folder, in both languages with the same commands, and the example runs.  Those of
# python.md are in e2e_wheel.sh.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the pages of the API: not under $LARS_MODE"; exit 0; }
[ -d ../docs/en/api ] || { echo 'skip - the pages of the API: docs/ is not here'; exit 0; }
bad=0; root=$(realpath ..)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -c 300 "$tmp/out")"; bad=1; fi
}
block() { awk '/^```$/ { n++; next } n == 1' "$1"; }
# From ". lars/" on the commands use the running system of `make run`.
build_part() { block "../docs/en/api/$1.md" | grep -v '^sudo ' | sed '/^\. lars\//,$d'; }
# The example without arguments: it starts, so it finds its library, and prints its usage.
last() { block "../docs/en/api/$1.md" | sed -n '$s| [0-9].*||p'; }
for page in c cpp java; do
    block "../docs/zh/api/$page.md" >"$tmp/zh"
    block "../docs/en/api/$page.md" >"$tmp/en"
    check "$page.md has the same commands in Chinese and English" cmp "$tmp/zh" "$tmp/en"
    mkdir "$tmp/$page" && ln -s "$root" "$tmp/$page/lars"
    { build_part "$page"; echo "rc=0; $(last "$page") >usage 2>&1 || rc=\$?; cat usage; [ \$rc = 2 ]"; } >"$tmp/$page.sh"
    check "the commands of $page.md build the example, which runs" sh -c "cd '$tmp/$page' && sh -e '$tmp/$page.sh'"
    check "the example of $page.md prints its usage" grep -qi 'get MODID CMDID' "$tmp/$page/usage"
done
exit $bad
