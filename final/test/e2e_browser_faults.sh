#!/bin/sh
# e2e_browser_faults.sh -- the pages in a browser: alarms, what is down, and the display.
set -u
. test/lib/browser.sh
browser_tests faults 24000
