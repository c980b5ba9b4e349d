#!/bin/sh
# e2e_browser_faults.sh -- the pages in a browser: alarms, what is down, the display; with
# axe-core, on a phone, and by keyboard only.
set -u
. test/lib/browser.sh
browser_tests 24000 faults access
