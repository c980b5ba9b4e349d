#!/bin/sh
# e2e_browser_site.sh -- the exhibition site in a browser, through the gateways of two zones:
# both languages, without script, on a phone; a node and a zone end; more visitors than capacity; the gateways in the console.
set -u
. test/lib/browser.sh
LARS_SITE=yes; browser_tests 25000 gateways site
