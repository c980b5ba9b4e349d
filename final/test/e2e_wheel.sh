#!/bin/sh
# The Python wheel is built, installed and used as docs/*/api/python.md describes it, without
# a network and from an empty folder; it needs no library but those of C.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the wheel: not under $LARS_MODE"; exit 0; }
build=$(realpath "${BUILD:-build}"); python=${PYTHON:-/usr/bin/python3}; bad=0
tmp=$(mktemp -d); trap '[ ! -d "$tmp/run" ] || sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -c 300 "$tmp/out")"; bad=1; fi
}
version=$(sed -n 's/^#define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
# The commands of the page; `lars` in them is the repository.
block() { awk '/^```$/ { n++; next } n == 1' "$1"; }
mkdir "$tmp/bin" && ln -s "$(realpath ..)" "$tmp/lars"
block ../docs/en/api/python.md >"$tmp/lines"; block ../docs/zh/api/python.md >"$tmp/zh"
check 'the Chinese and the English page have the same four commands' sh -c "cmp '$tmp/lines' '$tmp/zh' && [ \$(wc -l <'$tmp/lines') = 4 ]"
ln -s "$python" "$tmp/bin/python3"
line() { sed -n "$1p" "$tmp/lines" | sed 's/ -m pip / -m pip -q --no-cache-dir --disable-pip-version-check /'; }
offline() { (cd "$tmp" && PATH="$tmp/bin:$PATH" LARS_BUILD="$build" PYTHONDONTWRITEBYTECODE=1 PIP_NO_INDEX=1 PIP_ROOT_USER_ACTION=ignore sh -ec "$1"); }
check 'the first command builds a wheel without a network' offline "$(line 1)"
check 'the wheel is for every Python from 3.10 on' sh -c "cd '$tmp'; ls | grep -q '^lars_client-$version-cp310-abi3-linux_.*\\.whl$'"
check 'the second command installs it' offline "$(line 2)"
check 'the wheel has the licences of what is inside' sh -c "cd '$tmp/site/lars_client-$version.dist-info' && grep -q MIT LICENSE && grep -q protobuf-c LICENSE.protobuf-c && grep -q '^Requires-Python: >=3.10$' METADATA"
check 'pip installs the folder of the repository into a virtual environment' offline \
    "python3 -m venv --without-pip venv && python3 -m pip --python venv/bin/python install -q ./lars/final/api/python && venv/bin/python -I -c 'import lars' && python3 -m pip --python venv/bin/python uninstall -q -y lars-client && ! venv/bin/python -I -c 'import lars' 2>/dev/null"
alone() { # true when the process that uses the module has no libprotobuf-c, nor any other library of ours
    PYTHONPATH="$tmp/site" "$python" -c 'import lars; lars.Client().close(); print(open("/proc/self/maps").read())' >"$tmp/maps" &&
        grep -q 'lars\.abi3\.so' "$tmp/maps" && ! grep -E 'protobuf|liblars' "$tmp/maps"
}
check 'the module maps no libprotobuf-c' alone
check 'the wheel has type stubs' test -s "$tmp/site/lars-stubs/__init__.pyi"
if command -v stubtest >/dev/null; then
    check 'the stubs are those of the module (stubtest)' env PYTHONPATH="$tmp/site" MYPYPATH="$tmp/site" stubtest lars
    for example in api/examples/*.py; do
        check "$example has no error of type (mypy --strict)" env PYTHONPATH="$tmp/site" MYPYPATH="$tmp/site" mypy --strict --cache-dir "$tmp/mypy" "$example"
    done
else echo 'skip - the stubs are those of the module: stubtest is missing (sudo apt-get install mypy)'; fi
cat >"$tmp/use.py" <<P
import lars
with lars.Client(port=9, dir="/nowhere", timeout_ms=20) as c:
    try:
        c.get_host(1, 1)
    except lars.Error as e:
        assert e.errno == 110, e
for wrong in (lambda: lars.Client(port=70000), lambda: lars.Client(1), lambda: lars.Host()):
    try:
        wrong()
    except (lars.Error, TypeError, OverflowError):
        continue
    raise SystemExit("accepted: " + str(wrong))
c = lars.Client(port=9, dir="/nowhere", timeout_ms=20)
for args in ((), (1,), ("a", 1), (-1, 1), (2**32, 1), (1, 1, 2**64), (1, 1, -2**63 - 1), (1, 1, 1.5), (1, 1, 1, 1)):
    try:
        c.get_host(*args)
    except (TypeError, OverflowError):
        continue
    raise SystemExit("accepted: " + str(args))
c.close()
c.close()
try:
    c.get_host(1, 1)
    raise SystemExit("a closed client answered")
except ValueError:
    pass
print("used", lars.__version__)
P
check 'the module works and refuses invalid arguments' env PYTHONPATH="$tmp/site" "$python" "$tmp/use.py"
leaks() { # true when valgrind reports no leak and no wrong access with the extension in its trace
    PYTHONPATH="$tmp/site" PYTHONMALLOC=malloc valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --num-callers=30 \
        --log-file="$tmp/vg" "$python" "$tmp/use.py" && ! grep -E 'lars' "$tmp/vg"
}
if command -v valgrind >/dev/null; then check 'the extension leaks no memory (PYTHONMALLOC=malloc)' leaks; fi
# The last two commands need a running system.
export LARS_RUN=$tmp/run LARS_DNSD=26778 LARS_REPORTD=26779 LARS_PORT=26888 LARS_NODES=26001 LARS_HTTP=26980 LARS_CONSOLE=26990 LARS_SECONDS=60
check 'a system starts' env LARS_SITE=no sh common/run start
gives_a_node() { # the first route may take up to 30 s
    lines=$(sed -n '3,4p' "$tmp/lines" | sed "s#lars/final/build/run#$LARS_RUN#; s#8888#26888#"); n=0
    until offline "$lines" 2>&1 | grep -E "^\('127\.0\.[0-9]+\.[0-9]+', [0-9]+\)$"; do n=$((n + 1)); [ $n -lt 60 ] || return 1; sleep 0.5; done
}
check 'the commands of the page print a node' gives_a_node
sh common/run stop >/dev/null 2>&1
exit $bad
