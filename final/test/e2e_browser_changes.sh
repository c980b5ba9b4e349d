#!/bin/sh
# e2e_browser_changes.sh -- the pages in a browser: problems, changes of routes and their effect.
set -u
. test/lib/browser.sh
browser_tests changes 23000
