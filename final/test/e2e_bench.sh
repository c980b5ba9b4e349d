#!/bin/sh
# The scripts of bench/: medians and quartiles are right, a smoke test leaves docs/ref as it
# is, the page of the goals has the figures of the run and says which ones it does not have,
# and a part that fails or has no time does not end the run and is named.
set -u
cd "$(dirname "$0")/.."
programs=${BUILD:-build}; bad=0
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { what=$1; shift; if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what"; head -n 20 "$tmp/out"; bad=1; fi; }
same() { [ "$1" = "$2" ] || { echo "is: $1"; echo "should be: $2"; return 1; }; }
QUICK=1 BUILD=$tmp/build; export QUICK BUILD
unset ROUNDS BENCH_RUN
git status --porcelain ../docs >"$tmp/docs.before" 2>/dev/null

. bench/lib.sh
check 'the median of an even number of rounds is between the two in the middle' same "$(printf '9\n1\n4\n2\n' | median)" 3
check 'quartiles are between the numbers beside them' same "$(printf '4\n1\n3\n2\n5\n6\n' | quartiles %.2f)" '3.50 (2.25 to 4.75)'
check 'a single round has no quartiles' same "$(echo 1234567 | quartiles %.0f)" 1234567
check 'without numbers the result is "none"' same "$(quartiles %.0f </dev/null)" none
check 'a scale applies to all of them' same "$(printf '1000\n2000\n3000\n' | quartiles %.1f 0.001)" '2.0 (1.5 to 2.5)'
printf '10\n40\n' >"$tmp/a"; printf '5\n10\n' >"$tmp/b"
check 'a ratio is the median of the ratios of the rounds' same "$(ratio "$tmp/a" "$tmp/b")" 3
check 'a smoke test has its pages in build/' same "$(page_of benchmarks-x)" "$tmp/build/bench/benchmarks-x.md"
page_head run-x 5 >"$tmp/head"
check 'the head has machine, versions, commit, command, date and rounds' sh -c "grep -q 'Linux' '$tmp/head' && grep -q 'MariaDB' '$tmp/head' && grep -qE 'commit [0-9a-z]+' '$tmp/head' && grep -q 'bench/run-x' '$tmp/head' && grep -q '20[0-9][0-9]-' '$tmp/head' && grep -q '5 interleaved rounds' '$tmp/head'"
(cd "$tmp" && GIT_DIR=$tmp/none commit) >"$tmp/commit"
check 'without a repository the head says so' same "$(cat "$tmp/commit")" 'no repository'

printf '100\n80\n90\n' | figure pair_8; printf '7\n' | figure pair_8; printf '80\n100\n90\n' | figure pair_8
printf '4000\n5000\n4500\n' | figure visible_100 0.001
check 'the last figures of a key count' same "$(grep -c '^pair_8	' "$figures")" 1
check 'a part without figures says so' sh -c '. bench/lib.sh; ! figure nothing </dev/null'
check 'the summary can be written' sh bench/summary
page=$bench_dir/benchmarks.md zh=$bench_dir/benchmarks.zh.md
check 'the summary has median, quartiles, floor, aim and whether it is met' grep -q '8 nodes, ns of processor time | 90 (85 to 95) | 130 | 90 | aim |' "$page"
check 'less is better where less is better' grep -q '100 subscribers, ms | 4.5 (4.2 to 4.8) | 6 | 4 | floor |' "$page"
check 'a figure that the run does not have is "not measured"' grep -q '64 nodes, ns of processor time | not measured | 200 | 150 | - |' "$page"
numbers() { grep '^| ' "$1" | grep -o '| [0-9.]* ([^)]*)' | tr -d 'a-z'; }
check 'both languages have the same figures' same "$(numbers "$page")" "$(numbers "$zh")"
check 'both languages have the same rows' same "$(grep -c '^|' "$page")" "$(grep -c '^|' "$zh")"

check 'a part that fails makes the run fail' sh -c '! sh bench/run scale'
check 'and it is named' grep -q '^scale	failed	' "$bench_dir/parts.tsv"
check 'and the summary is written all the same' grep -q 'failed; an earlier page' "$page"
check 'figures of an earlier run are not taken' grep -q '8 nodes, ns of processor time | not measured' "$page"
check 'a part has its own limit of time' sh -c 'sh bench/run scale | grep -q "^== scale (at most 120 s)"'
check 'or what is left for the run' sh -c 'BENCH_S=30 sh bench/run scale | grep -qE "^== scale \(at most (30|29|28|27|26|25) s\)"'
check 'a run without time ends' sh -c '! BENCH_S=0 sh bench/run'
check 'and names the parts that it did not measure' same "$(grep -c 'no time left' "$bench_dir/parts.tsv")" 9
git status --porcelain ../docs >"$tmp/docs.after" 2>/dev/null
check 'docs/ref is as it was' cmp "$tmp/docs.before" "$tmp/docs.after"

floor() { "$programs/pair_floor" -c 8 -n 20000 | grep -qE '^nodes=8 vdso_ns=[0-9.]+ tsc_ns=[0-9.]+ alone_ns=[0-9.]+ two_to_one=[0-9.]+$'; }
[ ! -x "$programs/pair_floor" ] || check 'the bound of a pair is four figures' floor
exit $bad
