# Lars in C.  `make test` is the one command; `make help` lists the others.
SHELL  := /bin/sh
TOOLS  := docs/tools
STAGES := $(shell $(TOOLS)/stage list)
NEWEST := $(lastword $(STAGES))
Q      := $(if $(V),,@)
J       = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN))
export V DEBUG

all: deps ; $(Q)for s in $(STAGES); do echo "== $$s"; $(MAKE) $(J) -C $$s all || exit 1; done

help:
	@echo "make test        install what is missing, build everything, run every test"
	@echo "                 (a test runs in the first tree that has it, and again where what it links changed;"
	@echo "                 make -C final test: all of final); T=conn: by name"
	@echo "make run stop    the whole system in the background with a private database, and its end"
	@echo "make two-zones two-zones-stop  two zones with a Galera node each, on six hosts in network"
	@echo "                 namespaces of this machine (root)"
	@echo "make two-zones-drill  plays faults on it and prints what they cost; WRITE=yes: docs/ref/two-zones.md"
	@echo "make check       lint, layers, drift and size of the stages, pages, the labs and bugs that"
	@echo "                 have changed (LAB=no: without these), the tools' own tests"
	@echo "make memcheck    the newest tree under valgrind: no error, no byte left, no descriptor"
	@echo "make asan tsan   the newest tree with the compiler's sanitizers"
	@echo "make nightly     every tree, both compilers, all of the above, labs, faults, fuzzing, with a"
	@echo "                 line for each part; PARTS=\"faults sim\": these; docs/tools/nightly list: all"
	@echo "make faults      the suite of faults, half an hour -> docs/ref/faults.md has its last figures"
	@echo "make bench       measured beside bare loops, libevent, libuv -> docs/ref/benchmarks*.md"
	@echo "make install     programs, library, configuration, units; DESTDIR= PREFIX="
	@echo "make deb         Debian packages in final/build/deb, checked by lintian"
	@echo "make install-test  installs the packages in a clean system in a folder and runs them (root)"
	@echo "make handout STAGE=02 LANG=zh OUT=a.html  a lesson as one page for printing; PAGE=x.md: that page"
	@echo "make fleet-test  larsctl fleet on six clean systems: install, swap, upgrade, restore (root)"
	@echo "make coverage fuzz figures clean"
	@echo "make diff STAGE=02          what a stage adds to the one before"
	@echo "make lab STAGE=02 OUT=dir   a starter in which the modules of this lab are to be written;"
	@echo "                 SEED=text picks among them and sets the numbers of the tests"
	@echo "make course OUT=dir         the starters of all stages; SEED=text"
	@echo "make bug STAGE=02 OUT=dir SEED=text   the stage with two bugs to find"
	@echo "make grade STAGE=02         the points of a stage, one by one"
	@echo "make doctor      what is wrong with this machine or database (DB=folder), and the mend; STAGE=01: for that stage"
	@echo "DEPS=no installs nothing; V=1 shows commands; DEBUG=1 builds with -O0"

deps: ; $(Q)sh $(TOOLS)/deps test

# over_trees(target, trees[, all]): run it for the tests that belong to each tree, or for all
# of them; at the end what each tree took, with its build, and one sum.
define over_trees
	$(Q)rm -f .sum .took; touch .sum .took; rc=0; \
	for s in $(2); do echo "== $$s"; t0=$$(date +%s); \
	  only=; [ -n "$(T)$(3)" ] || only=$$(echo $$($(TOOLS)/stage tests $$s)); \
	  rm -f $$s/build/summary; $(MAKE) --no-print-directory -C $$s $(1) ONLY="$$only" T="$(T)" || rc=1; \
	  cat $$s/build/summary >>.sum 2>/dev/null || { echo "0 1 0" >>.sum; rc=1; }; \
	  echo "$$(($$(date +%s) - t0)) s  $$s" >>.took; \
	done; echo; sed 's/^/  /' .took; \
	awk '{ p += $$1; f += $$2; s += $$3 } END { printf "%d passed, %d failed", p, f; \
	  if (s) printf ", %d skipped", s; print "" }' .sum; rm -f .sum .took; exit $$rc
endef
test: deps ; $(call over_trees,test,$(if $(T),$(NEWEST),$(STAGES)))
memcheck: ; $(call over_trees,memcheck,$(NEWEST),all)
asan:
	$(Q)$(MAKE) -s -C $(NEWEST) asan
tsan:
	$(Q)$(MAKE) -s -C $(NEWEST) tsan

check:
	$(Q)for s in $(STAGES); do printf '%s ' $$s; $(MAKE) -s -C $$s lint || exit 1; done
	$(Q)$(TOOLS)/stage check && $(TOOLS)/stage size && $(TOOLS)/docs check && $(TOOLS)/map && $(TOOLS)/metrics check && $(TOOLS)/faults check && $(TOOLS)/words
	$(Q)sh $(TOOLS)/test/run
ifneq ($(LAB),no)
	$(Q)$(TOOLS)/lab changed && $(TOOLS)/bugs changed
endif

nightly: ; $(Q)sh $(TOOLS)/deps nightly && sh $(TOOLS)/nightly $(PARTS)

bench:
	$(Q)sh $(TOOLS)/deps bench && $(MAKE) -s -C stage02_reactor all
	$(Q)for s in $(filter-out stage01% stage02%,$(STAGES)); do $(MAKE) -s -C $$s bench || exit 1; done
run: ; $(Q)sh $(TOOLS)/deps run && $(MAKE) $(J) -C $(NEWEST) run
stop: ; $(Q)$(MAKE) -s -C $(NEWEST) stop
two-zones:
	$(Q)[ "$$(id -u)" = 0 ] || { echo "make two-zones: root is needed, because network namespaces are made; mend: sudo make two-zones"; exit 2; }
	$(Q)sh $(TOOLS)/deps two-zones && $(MAKE) $(J) -C $(NEWEST) two-zones
two-zones-stop two-zones-drill: ; $(Q)$(MAKE) -s -C $(NEWEST) $@
# DESTDIR= and PREFIX= go with it.
install: ; $(Q)sh $(TOOLS)/deps run && $(MAKE) $(J) -C $(NEWEST) install
faults: deps ; $(Q)$(MAKE) $(J) -C $(NEWEST) faults
deb: ; $(Q)sh $(TOOLS)/deps deb && $(MAKE) $(J) -C $(NEWEST) deb
install-test: deb
	$(Q)$(MAKE) $(J) -C $(NEWEST) build/install_probe && \
	  sh $(TOOLS)/install-test $(NEWEST)/build/deb $(NEWEST)/build/install_probe
fleet-test: deb
	$(Q)$(MAKE) $(J) -C $(NEWEST) build/larsctl && sh $(NEWEST)/test/fleet/run $(NEWEST)/build
fuzz: ; $(Q)sh $(TOOLS)/deps nightly && $(MAKE) -s -C $(NEWEST) fuzz
coverage: ; $(Q)$(MAKE) -s -C $(NEWEST) $@
handout: ; $(Q)sh $(TOOLS)/deps handout && sh $(TOOLS)/handout $(or $(STAGE),$(PAGE),$(error say which: make handout STAGE=02 LANG=zh OUT=a.html)) "$(LANG)" $(or $(OUT),$(error say where to: OUT=a.html))
.PHONY: handout
figures: ; $(Q)sh $(TOOLS)/deps figures && sh $(TOOLS)/figures
doctor: ; $(Q)DB="$(DB)" sh $(TOOLS)/doctor
diff: ; $(Q)$(TOOLS)/stage diff $(or $(STAGE),$(error say which: make diff STAGE=02))
where = $(or $(OUT),$(error say where to: OUT=dir))
lab: ; $(Q)$(TOOLS)/lab starter $(or $(STAGE),$(error say which: make lab STAGE=02 OUT=dir)) $(where) "$(SEED)"
course: ; $(Q)$(TOOLS)/lab course $(where) "$(SEED)"
bug: ; $(Q)$(TOOLS)/lab bug $(or $(STAGE),$(error say which: make bug STAGE=02 OUT=dir SEED=text)) $(where) "$(SEED)"
# the points of a finished stage, in a folder made like a student's
grade:
	$(Q)d=$$(mktemp -d) && trap "rm -rf $$d" EXIT && $(TOOLS)/lab solution $(or $(STAGE),$(error say which: make grade STAGE=02)) $$d/x "$(SEED)" && sh $(TOOLS)/grade $$d/x
clean: ; $(Q)for s in $(STAGES); do $(MAKE) -s -C $$s clean; done
.PHONY: all help deps test memcheck asan tsan check nightly faults bench run stop two-zones two-zones-stop two-zones-drill install deb install-test fleet-test fuzz coverage figures doctor diff lab course bug grade clean
