#!/bin/sh
# The wheel, as a person makes and uses it: without a network, from an empty folder.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the wheel: not under $LARS_MODE"; exit 0; }
build=$(realpath "${BUILD:-build}"); python=${PYTHON:-/usr/bin/python3}; bad=0
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -c 300 "$tmp/out")"; bad=1; fi
}
cp -r api/python "$tmp/src"; mkdir -p "$tmp/build/x"
# setup.py finds lars.h beside: as in the tree
mkdir -p "$tmp/t/api" "$tmp/t/src"; mv "$tmp/src" "$tmp/t/api/python"; cp -r src/api "$tmp/t/src/api"
check 'a wheel is made' env LARS_BUILD="$build" sh -c "cd '$tmp/t/api/python' && '$python' setup.py -q bdist_wheel -d '$tmp/wheel'"
check 'one for all Python from 3.10 on' sh -c "ls '$tmp/wheel' | grep -q '^lars-1.1.0-cp310-abi3-linux_.*\\.whl$'"
mkdir "$tmp/site" && check 'it unpacks' "$python" -m zipfile -e "$tmp"/wheel/*.whl "$tmp/site"
check 'it has stubs' test -s "$tmp/site/lars-stubs/__init__.pyi"
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
    except (lars.Error, TypeError):
        continue
    raise SystemExit("accepted: " + str(wrong))
c = lars.Client(port=9, dir="/nowhere", timeout_ms=20)
for args in ((), (1,), ("a", 1), (-1, 1), (2**32, 1), (1, 1, -1), (1, 1, 1, 1)):
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
check 'it is used, and refuses nonsense' env PYTHONPATH="$tmp/site" "$python" "$tmp/use.py"
leaks() { # nothing of ours is lost, nothing wrong was read or written
    PYTHONPATH="$tmp/site" PYTHONMALLOC=malloc valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --num-callers=30 \
        --log-file="$tmp/vg" "$python" "$tmp/use.py" && ! grep -E 'lars' "$tmp/vg"
}
if command -v valgrind >/dev/null; then check 'no byte of ours is lost (PYTHONMALLOC=malloc)' leaks; fi
exit $bad
