# The pages of the web console (web/), built into web/dist when npm is there.  The rest of
# the system needs no Node: without the pages the console answers its API only.
WEB_SRC := web/package.json web/package-lock.json web/vite.config.js web/index.html \
           $(shell find web/src web/tools web/test -type f -not -path "*/browser/*" 2>/dev/null)
# Without a registry npm would try for minutes.
WEB_CI  := timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline \
           --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 --fetch-timeout=20000
WEB_LOCK := web/node_modules/.package-lock.json # written by npm, behind all packages

web: web/dist/index.html
web/dist/index.html: $(WEB_SRC)
	$(Q)if ! command -v npm >/dev/null 2>&1; then \
	  echo "web: npm is not installed, so the console has no pages (apt install npm, then make web)"; \
	else echo "NPM web/dist"; \
	  [ $(WEB_LOCK) -nt web/package-lock.json ] || (cd web && $(WEB_CI)) || \
	    { echo "web: npm could not fetch the packages of web/package-lock.json; mend: make $$(npm config get registry) reachable, then make web"; exit 1; }; \
	  cd web && npm test --silent && npm run --silent build || \
	  { rm -f dist/index.html; exit 1; }; fi
# The system starts without the pages too, for example where npm reaches no registry.
web-try: ; $(Q)$(MAKE) -s web || echo "web: the build failed, so the console has no pages; make web tries again"
# The tests in a browser need the pages, and playwright-core from node_modules; the test of
# the answers needs ajv from there, and that of the manifests the schema of Kubernetes.
test-build: $(if $(LARS_MODE),,$(if $(filter e2e_browser_% e2e_console_answers e2e_hook_k8s%,$(PICK)),web-try))
web-clean: ; $(Q)rm -rf web/dist web/node_modules
.PHONY: web web-try web-clean
