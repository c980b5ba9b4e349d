#!/bin/sh
# e2e_browser_access.sh -- the pages with axe-core, on a phone, and by keyboard only.
set -u
. test/lib/browser.sh
browser_tests access 25000
