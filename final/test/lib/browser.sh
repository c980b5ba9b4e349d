# test/lib/browser.sh -- what the tests of the pages share: the system of `make run` on ports
# of its own, with the pages that `make web` has built, and the tests of
# web/test/browser/NAME.mjs in a browser.  web/test/browser/harness.mjs explains how to add one.
#   . test/lib/browser.sh; browser_tests 23000 changes forms   (the ports 23000 to 23999 are free)
# Two scripts and no more have such tests: a browser and a system beside each other need a
# processor, so four of them at once make each other late, and each start takes seconds.
browser_tests() {
    port=$1; shift; name=$*
    [ -z "${LARS_MODE:-}" ] || { echo "skip - the pages in a browser ($name): not under $LARS_MODE"; exit 0; }
    for CHROMIUM in chromium chromium-browser google-chrome ''; do command -v "${CHROMIUM:-true}" >/dev/null && break; done
    why=
    [ -n "$CHROMIUM" ] || why='no chromium; mend: sudo apt-get install chromium'
    command -v npm >/dev/null || why='no npm; mend: sudo apt-get install npm'
    [ -n "$why" ] || { [ -f web/dist/index.html ] && [ -d web/node_modules/playwright-core ]; } || why='the pages are not built; mend: make web'
    [ -z "$why" ] || { echo "skip - the pages in a browser ($name): $why"; exit 0; }
    CHROMIUM=$(command -v "$CHROMIUM")
    tmp=$(mktemp -d)
    export CHROMIUM LARS_RUN="$tmp/run" LARS_GATEWAY=$((port + 80)) LARS_SHOWCASE=$((port + 100)) LARS_DNSD=$((port + 778)) LARS_REPORTD=$((port + 779)) LARS_PORT=$((port + 888)) LARS_NODES=$((port + 1)) LARS_HTTP=$((port + 880)) LARS_CONSOLE=$((port + 890)) LARS_SECONDS=280
    trap 'sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
    trap 'exit 130' INT TERM HUP
    LARS_SITE=${LARS_SITE:-no} LARS_SCALE=${LARS_SCALE:-no} sh common/run start >"$tmp/out" 2>&1 || { cat "$tmp/out"; echo "not ok - $name: the system starts"; exit 1; }
    node web/test/browser/run.mjs "$@"
    exit $?
}
