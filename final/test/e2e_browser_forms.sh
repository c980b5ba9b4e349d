#!/bin/sh
# e2e_browser_forms.sh -- the pages in a browser: what was typed, many modules, administrators.
set -u
. test/lib/browser.sh
browser_tests forms 26000
