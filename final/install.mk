# install.mk -- what `make install` puts where, and the Debian packages.
#     make install DESTDIR=/tmp/x PREFIX=/usr      everything; install-api: only liblars;
#                                                  install-java: only the jars
#     make conf                                    writes conf/ anew from the programs' tables
#     make deb                                     packages in build/deb/, checked by lintian
# Configuration is always in SYSCONFDIR, because the programs look in /etc/lars whatever the
# PREFIX.  An existing configuration file is kept.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
# put(files, folder, mode)
put = $(Q)install -d $(DESTDIR)$(2) && install -m $(3) $(1) $(DESTDIR)$(2)

COMMANDS := larsctl showcase-import lars-load
DAEMONS := $(filter-out $(COMMANDS),$(APPS))
MAN     := $(DAEMONS:%=$(BUILD)/man/%.8) $(COMMANDS:%=$(BUILD)/man/%.1)
COMPLETE := $(APPS:%=$(BUILD)/completion/%)
$(BUILD)/man/%.8: $(BUILD)/% deploy/man.awk
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D) && $< --describe | awk -v section=8 -f deploy/man.awk >$@
$(BUILD)/man/%.1: $(BUILD)/% deploy/man.awk
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D) && $< --describe | awk -v section=1 -f deploy/man.awk >$@
$(BUILD)/completion/%: $(BUILD)/% deploy/completion.awk
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $< --describe | awk -f deploy/completion.awk >$@
man: $(MAN)
completion: $(COMPLETE)

# conf/ holds complete files: every key of a program with its explanation, and the values of
# an installation, which deploy/conf sets where they differ from the defaults.
CONF := $(APPS:%=conf/%.ini)
conf: $(BINS)
	$(Q)for p in $(APPS); do f=deploy/conf/$$p.ini; [ -e $$f ] || f=/dev/null; \
	  $(BUILD)/$$p -c $$f --print-config >$(BUILD)/$$p.ini && mv $(BUILD)/$$p.ini $(or $(CONFDIR),conf)/ || exit 1; done

install: install-api install-java install-programs install-pages install-site install-hooks install-drills install-monitoring install-two-zones install-fleet install-system
install-api: api
	$(call put,src/api/lars.h src/api/lars_retry.h src/api/lars_nowait.h src/api/lars_status.h src/api/lars_tally.h api/cpp/lars.hpp,$(INCLUDEDIR),644)
	$(call put,$(BUILD)/liblars.a $(BUILD)/liblars.so.1,$(LIBDIR),644)
	$(Q)ln -sf liblars.so.1 $(DESTDIR)$(LIBDIR)/liblars.so
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig && \
	  sed -e 's#@PREFIX@#$(PREFIX)#' -e 's#@VERSION@#$(VERSION)#' \
	    -e 's#@LIBDIR@#$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))#' \
	    -e 's#@INCLUDEDIR@#$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))#' \
	    src/api/lars.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/lars.pc
	$(Q)install -d $(DESTDIR)$(LIBDIR)/cmake/lars && for f in larsConfig larsConfigVersion; do \
	  sed -e 's#@VERSION@#$(VERSION)#' \
	    -e "s#@INCLUDEDIR@#$$(realpath -ms --relative-to=$(LIBDIR) $(INCLUDEDIR))#" \
	    src/api/$$f.cmake.in >$(DESTDIR)$(LIBDIR)/cmake/lars/$$f.cmake || exit 1; done
	$(Q)$(if $(DESTDIR),echo "liblars.so.1 is below DESTDIR: run ldconfig where it is used",$(loader))
# The loader finds a new library after ldconfig, and only in the folders that it searches.
loader = PATH=$$PATH:/usr/sbin:/sbin; if [ "$$(id -u)" != 0 ]; then echo "ldconfig was not run, because you are not root; mend: sudo ldconfig"; \
	  elif ! ldconfig; then echo "ldconfig failed: programs may not find $(LIBDIR)/liblars.so.1"; \
	  elif ! ldconfig -p | grep -qF '$(LIBDIR)/liblars.so.1'; then \
	    echo "the loader does not search $(LIBDIR); mend: echo $(LIBDIR) >/etc/ld.so.conf.d/lars.conf && ldconfig"; fi
# The jars, for programs that put $(DATADIR)/java/lars.jar into their class path, and what
# Maven needs to take them into a repository.  An installation without a JDK has none.
JARS := $(BUILD)/lars.jar $(BUILD)/lars-sources.jar $(BUILD)/lars-javadoc.jar
ifneq ($(JDK),)
java: $(JARS)
install-java: java
	$(Q)install -d $(DESTDIR)$(DATADIR)/java && for j in '' -sources -javadoc; do \
	  install -m 644 $(BUILD)/lars$$j.jar $(DESTDIR)$(DATADIR)/java/lars-$(VERSION)$$j.jar || exit 1; done
	$(Q)install -m 644 api/java/pom.xml $(DESTDIR)$(DATADIR)/java/lars-$(VERSION).pom
	$(Q)ln -sf lars-$(VERSION).jar $(DESTDIR)$(DATADIR)/java/lars.jar
else
java install-java:
	$(Q)echo "the Java archives are left out, because there is no JDK (no javac in PATH); mend: sudo apt-get install default-jdk-headless, then make install-java"
endif
install-programs: $(BINS) $(MAN) $(COMPLETE)
	$(call put,$(DAEMONS:%=$(BUILD)/%),$(SBINDIR),755)
	$(call put,$(COMMANDS:%=$(BUILD)/%),$(BINDIR),755)
	$(call put,$(filter %.8,$(MAN)),$(DATADIR)/man/man8,644)
	$(call put,$(filter %.1,$(MAN)),$(DATADIR)/man/man1,644)
	$(call put,$(COMPLETE),$(DATADIR)/bash-completion/completions,644)
	$(call put,$(wildcard common/sql/*.sql),$(DATADIR)/lars/sql,644)
# The pages of the console, which web/ builds with Node.  The names of assets/ have a checksum
# in them, so the folder of an earlier version is removed first.
PAGES := $(DATADIR)/lars/console
install-pages:
	$(Q)rm -rf $(DESTDIR)$(PAGES) && install -d $(DESTDIR)$(PAGES)
ifneq ($(wildcard web/dist/index.html),)
	$(call put,$(wildcard web/dist/*.*),$(PAGES),644)
	$(call put,$(wildcard web/dist/assets/*),$(PAGES)/assets,644)
else
	$(Q)echo "the pages of lars-console are left out, because web/dist/index.html is not there: it will answer only its API; mend: make web, then make install-pages"
endif
# The pages and the samples of the exhibition site.
install-site:
	$(call put,$(wildcard site/pages/*),$(DATADIR)/lars/site,644)
	$(call put,site/samples/exhibits.csv,$(DATADIR)/lars/site/samples,644)
	$(call put,$(wildcard site/samples/pictures/*),$(DATADIR)/lars/site/samples/pictures,644)
# Programs for [hook] of lars-autoscaler: examples that an operator configures.
install-hooks:
	$(call put,deploy/hooks/k8s/lars-hook-k8s,$(DATADIR)/lars/hooks/k8s,755)
	$(call put,deploy/hooks/k8s/hook-k8s.ini deploy/hooks/k8s/site.yaml,$(DATADIR)/lars/hooks/k8s,644)
	$(call put,$(wildcard deploy/hooks/front/lars-*),$(DATADIR)/lars/hooks/front,755)
	$(call put,deploy/hooks/front/front-common,$(DATADIR)/lars/hooks/front,644)
# Scripts for larsctl drill run: examples that an operator copies and changes.  Those of
# drills/ are for the system of `make run`; the paths and the first comment become those of an
# installation.  showcase-day.ini kills the two zones of `make run` and stays there.
DRILLS := $(DATADIR)/lars/drills
install-drills:
	$(call put,drills/kill-nodes,$(DRILLS),755)
	$(Q)for f in surge kill-node slow-node; do to=$(DESTDIR)$(DRILLS)/$$f.ini; install -m 644 /dev/null $$to && { \
	  echo "; An example: copy it, and write the url of your gateway, your module, and instead of"; \
	  echo "; host-a the host whose nodes are meant (larsctl host list); then"; \
	  echo ";     larsctl drill run MY-$$f.ini --for-real"; \
	  sed -e '1,/^\[/{/^;/d}' -e 's#sh drills/#$(DRILLS)/#' -e 's#build/run/#$(DRILLS)/#' drills/$$f.ini; } >$$to || exit 1; done
	$(Q)awk 'BEGIN { for (i = 1; i <= 5000; i++) printf "/%s/?n=%d\n", i % 2 ? "zh" : "en", i }' >$(DESTDIR)$(DRILLS)/paths && chmod 644 $(DESTDIR)$(DRILLS)/paths
# What to scrape, alert rules and dashboards: examples for Prometheus and Grafana.
install-monitoring:
	$(call put,$(wildcard deploy/monitoring/*),$(DATADIR)/lars/monitoring,644)
# The database of two zones: scripts that an operator runs on its hosts, and their templates.
ZONES := $(DATADIR)/lars/two-zones
install-two-zones:
	$(call put,$(addprefix deploy/two-zones/,render zone-db recover-all),$(ZONES),755)
	$(call put,$(addprefix deploy/two-zones/,zone-common values.ini db.cnf.in garbd.cfg.in lars-zone-db.service),$(ZONES),644)
	$(call put,deploy/two-zones/keepalived/render,$(ZONES)/keepalived,755)
# Templates of larsctl fleet render: an operator who wants other values copies the folder and
# names the copy in [larsctl] fleet.
FLEET := $(DATADIR)/lars/fleet
install-fleet:
	$(call put,$(wildcard deploy/fleet/*.ini),$(FLEET),644)
	$(Q)install -d $(DESTDIR)$(FLEET)/conf && for f in $(CONF); do to=$(DESTDIR)$(FLEET)/conf/$${f##*/}; \
	  install -m 644 /dev/null $$to && sed 's#/usr/share/lars/#$(DATADIR)/lars/#' $$f >$$to || exit 1; done
	$(Q)f=$(DESTDIR)$(FLEET)/slot-modules.ini && sed 's#/usr/sbin/#$(SBINDIR)/#' deploy/fleet/slot-modules.ini >$$f
	$(call put,deploy/fleet/lars-fleet deploy/fleet/host-script,$(FLEET),755)
	$(call put,$(wildcard deploy/fleet/fleet-*),$(FLEET),644)
install-system:
	$(Q)install -d $(DESTDIR)$(SYSCONFDIR)/lars $(DESTDIR)$(UNITDIR)
	$(Q)for f in $(CONF); do to=$(DESTDIR)$(SYSCONFDIR)/lars/$${f##*/}; [ -e $$to ] || \
	  { install -m 640 /dev/null $$to && sed 's#/usr/share/lars/#$(DATADIR)/lars/#' $$f >$$to; } || exit 1; done
	$(Q)for p in $(DAEMONS); do \
	  sed 's#@SBINDIR@#$(SBINDIR)#' deploy/systemd/$$p.service >$(DESTDIR)$(UNITDIR)/$$p.service || exit 1; done
	$(call put,$(wildcard deploy/sysusers/*.conf),$(PREFIX)/lib/sysusers.d,644)
	$(call put,$(wildcard deploy/tmpfiles/*.conf),$(PREFIX)/lib/tmpfiles.d,644)
	$(call put,$(wildcard deploy/logrotate/*),$(SYSCONFDIR)/logrotate.d,644)

# The packages are built in a copy, because debian/ has to stand at the top of the sources.
# The license stands above them, where lars.jar takes it from.
DEB := $(BUILD)/deb/lars-$(VERSION)
deb-sources:
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(DEB) && cp ../LICENSE $(BUILD)/deb/ && \
	  tar -cf - --exclude='./build*' --exclude=./web/node_modules . | tar -xf - -C $(DEB) && cp -r deploy/debian $(DEB)/debian
deb:
	$(Q)for p in dpkg-buildpackage:dpkg-dev dh:debhelper lintian:lintian; do \
	  command -v $${p%:*} >/dev/null || { echo "missing: $${p#*:}; mend: sudo apt-get install $${p#*:}"; exit 1; }; done
	$(Q)grep -qF 'lars ($(VERSION))' deploy/debian/changelog || \
	  { echo "deploy/debian/changelog has no entry for $(VERSION), the version in src/base/version.h"; exit 1; }
	$(Q)$(MAKE) -s deb-sources
	$(Q)cd $(DEB) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD dpkg-buildpackage -b -us -uc >../build.log 2>&1 || \
	  { tail -n 20 ../build.log; exit 1; }
	$(Q)lintian --fail-on error $(BUILD)/deb/*.changes && ls $(BUILD)/deb/*.deb
# For docs/tools/install-test: linked to the shared library, which the packages bring.
$(BUILD)/install_probe: test/install_probe.c $(BUILD)/liblars.so.1
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CF) -Isrc/api -pie $(ALL_LD) -o $@ $^
.PHONY: man completion conf install install-api java install-java install-programs install-pages install-hooks install-drills install-monitoring install-two-zones install-fleet install-system deb deb-sources
