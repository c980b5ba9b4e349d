# bench/lib.sh -- what the scripts of bench/ share: where a page goes, what its head says,
# medians and quartiles, and the figures that docs/ref/benchmarks.md is made of.  A script
# runs in final/ and begins with
#     . bench/lib.sh
#
# QUICK=1      each part takes about a second for each of its figures; its pages go to
#              build/bench/ and not to docs/ref, because such figures say nothing
# ROUNDS=N     the number of interleaved rounds
# BENCH_RUN    set by bench/run: the run to which the figures belong
build=${BUILD:-build}; quick=${QUICK:-}
bench_dir=$build/bench; mkdir -p "$bench_dir"
figures=$bench_dir/figures.tsv
bench_load=$(cut -d' ' -f1-3 /proc/loadavg)
PATH=$PATH:/usr/sbin

# either QUICK USUAL: the size of a part.
either() { [ -n "$quick" ] && echo "$1" || echo "$2"; }
# page_of NAME: the file of the page docs/ref/NAME.md.
page_of() {
    if [ -z "$quick" ] && [ -d ../docs/ref ]; then echo "../docs/ref/$1.md"; else echo "$bench_dir/$1.md"; fi
}
# page_write FILE NAME: FILE becomes the page NAME.
page_write() {
    to=$(page_of "$2"); cp "$1" "$to" && echo "written: ${to#../}"
}

# --- the head of a page --------------------------------------------------------------
machine() { echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) processors, Linux $(uname -r)" | sed 's/  */ /g'; }
# The commit; "-dirty" when final/ differs from it.  The pages do not count: a run changes them.
commit() {
    c=$(git describe --always 2>/dev/null) || { echo 'no repository'; return; }
    git diff --quiet HEAD -- . || c=$c-dirty
    echo "$c"
}
compiler() { ${CC:-cc} --version 2>/dev/null | head -n 1; }
database() { mariadbd --version 2>/dev/null | sed 's/^[^ ]* *Ver *//; s/ *(.*//' | grep . || echo 'none'; }
# page_head SCRIPT ROUNDS: the lines that say from where the figures are.
page_head() {
    [ -z "$quick" ] || echo '**A smoke test with `QUICK=1`: its figures say nothing.**'
    [ -z "$quick" ] || echo
    echo "Written by \`make -C final bench\`, part \`bench/$1\` (alone: \`cd final && sh bench/$1\`); every figure below was measured by that run."
    echo
    echo "- Machine: $(machine); load averages $bench_load at the start"
    echo "- Versions: commit $(commit); $(compiler); MariaDB $(database)"
    echo "- Run: $(date -u +'%Y-%m-%d %H:%M UTC'), $2 interleaved rounds; figures are medians, in brackets the quartiles, and ratios are the medians of the rounds' ratios"
}

# --- numbers ---------------------------------------------------------------------------
# Numbers, one a line -> "median lower-quartile upper-quartile count", times SCALE.
spread() { # [SCALE]
    sort -n | awk -v scale="${1:-1}" 'function at(q,   x, i) { x = 1 + (NR - 1) * q; i = int(x)
            return scale * (i < NR ? v[i] + (x - i) * (v[i + 1] - v[i]) : v[NR]) }
        { v[NR] = $1 } END { if (NR) printf "%.9g %.9g %.9g %d\n", at(.5), at(.25), at(.75), NR }'
}
median() { spread | cut -d' ' -f1; }
# "median (lower to upper)"; FORMAT is for one number.
quartiles() { # FORMAT [SCALE]
    spread "${2:-1}" | { read -r m a b n || { echo none; exit; }; [ "$n" -gt 1 ] && printf "$1 ($1 to $1)" "$m" "$a" "$b" || printf "$1" "$m"; }
}
ratios() { paste "$1" "$2" | awk '$2 > 0 { print $1 / $2 }'; } # of each round
ratio() { ratios "$1" "$2" | median; }
field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p"; }
# figure KEY [SCALE]: the numbers of stdin are what KEY of bench/summary was in the rounds.
figure() {
    s=$(spread "${2:-1}"); [ -n "$s" ] || { echo "bench: no figure for $1" >&2; return 1; }
    { [ ! -f "$figures" ] || grep -v "^$1	" "$figures"; printf '%s\t%s\t%s\n' "$1" "$s" "${BENCH_RUN:-alone}" | tr ' ' '\t'; } >"$figures.new.$$"
    mv "$figures.new.$$" "$figures"
}

# --- programs ------------------------------------------------------------------------
# The port that a program prints into FILE.
port_of() {
    n=0; until grep -qs 'listening on' "$1"; do n=$((n + 1)); [ $n -lt 200 ] || { echo "bench: $1: no port after 10 s" >&2; exit 1; }; sleep 0.05; done
    sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$1" | head -n 1
}
cpu_ns() { cat /proc/$1/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s }'; } # of a process
now_ms() { date +%s%3N; }
