#!/bin/sh
# e2e_browser_changes.sh -- the pages in a browser: problems, changes of routes and their
# effect; what was typed, many modules, administrators; scaling, drills.
set -u
. test/lib/browser.sh
browser_tests 23000 changes forms scaling drill
