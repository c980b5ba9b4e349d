# rules.mk -- build rules, byte-identical in all stages.  A stage's Makefile lists its
# sources and includes this file; `make help` there says what can be asked for.
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG   ?= clang
BUILD   ?= $(if $(DEBUG),build-debug,build)
OPT     := $(if $(DEBUG),-O0 -g3,-O2 -g)
CFLAGS  ?=
WARN    := -Wall -Wextra -Wformat-security -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-missing-field-initializers
WERROR  ?= $(if $(CI),-Werror)
# What makes a fault in the code harder to exploit.  FORTIFY needs -O2, and the sanitizers
# replace the same functions; -pie belongs to programs only, so it is not part of ALL_LD.
FORTIFY  = $(if $(SAN),,$(if $(filter -O2,$(OPT)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN   = -fstack-protector-strong -fPIE $(FORTIFY)
ALL_CF   = -std=c11 -D_GNU_SOURCE -pthread -Isrc -I$(BUILD) -MMD -MP $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SAN) $(CFLAGS)
ALL_LD   = -pthread $(SAN) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LINK     = $(CC) -pie $(ALL_LD)
Q       := $(if $(V),,@)
# $(call say,CC,file): one line for each step; whole commands with V=1, nothing with make -s
SILENT  := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say      = $(if $(V)$(SILENT),,@printf '  %-4s %s\n' '$(1)' '$(2)')
# What a recipe passes to another make: every processor builds, unless -j was given.
CORES   := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
J        = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(CORES))
TOOLS   := $(patsubst %/lint,%,$(firstword $(wildcard tools/lint ../docs/tools/lint)))
-include lab.mk

LIB    := $(BUILD)/libstage.a
PBC    := $(PROTOS:src/%.proto=$(BUILD)/%.pb-c.c)
OBJS   := $(SRCS:%.c=$(BUILD)/%.o) $(PBC:.c=.o)
BINS   := $(APPS:%=$(BUILD)/%)
UNITS  := $(filter-out %.sh,$(TESTS))
FUZZES := $(FUZZ:%=$(BUILD)/%_corpus)
TBINS  := $(UNITS:%=$(BUILD)/%) $(FUZZES)
BBINS  := $(BENCH:%=$(BUILD)/%)
# T=conn runs only what has "conn" in its name; ONLY="a b" runs exactly those
PICK    = $(if $(ONLY),$(filter $(ONLY),$(TESTS) $(FUZZ)),$(if $(T),$(foreach t,$(TESTS) $(FUZZ),$(if $(findstring $(T),$t),$t)),$(TESTS) $(FUZZ)))

all: $(BINS)

help:
	@echo "make            build the programs ($(APPS))"
	@echo "make test       build and run every test; T=name runs those with that name"
	@echo "make memcheck   the tests under valgrind: no error, no byte left"
	@echo "make asan tsan  the tests with the compiler's sanitizers"
	@echo "make coverage   lines covered by the tests, per file"
	@echo "make bench fuzz lint grade clean;  V=1 shows commands, DEBUG=1 builds with -O0 in build-debug/"

# Names what is missing before a compiler error does.  NEEDS: header.h:package or
# command:package ...
$(BUILD)/.needs: Makefile
	$(Q)mkdir -p $(BUILD); command -v $(CC) >/dev/null || \
	  { echo "missing: $(CC); mend: sudo apt-get install build-essential"; exit 1; }
	$(Q)miss=; PATH=$$PATH:/usr/sbin; for n in $(NEEDS); do case $${n%%:*} in *.h) ;; \
	  *) command -v $${n%%:*} >/dev/null || miss="$$miss $${n#*:}"; continue ;; esac; \
	  printf '#include <stdarg.h>\n#include <%s>\n' "$${n%%:*}" | $(CC) -E - >/dev/null 2>&1 \
	  || miss="$$miss $${n#*:}"; done; \
	  [ -z "$$miss" ] || { echo "missing:$$miss; mend: sudo apt-get install$$miss"; exit 1; }
	$(Q)touch $@

$(LIB): $(OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/%.o: %.c | $(BUILD)/.needs
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CF) -c -o $@ $<
# Generated code, into build/: "proto/x.pb-c.h" is found there by -I$(BUILD).
$(BUILD)/%.pb-c.c: src/%.proto | $(BUILD)/.needs
	$(call say,GEN,$@)
	$(Q)protoc-c --c_out=$(BUILD) -Isrc $<
$(BUILD)/%.pb-c.o: $(BUILD)/%.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CF) -c -o $@ $<
$(SRCS:%.c=$(BUILD)/%.o) $(APPS:%=$(BUILD)/app/%.o) $(UNITS:%=$(BUILD)/test/%.o) $(FUZZ:%=$(BUILD)/test/%.o) $(BENCH:%=$(BUILD)/bench/%.o): | $(PBC)

$(BINS): $(BUILD)/%: $(BUILD)/app/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS)
$(UNITS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/test/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ -lcmocka $(LDLIBS)
# A fuzz target without a fuzzer: fuzz_main.c feeds it the files of its corpus.
$(FUZZES): $(BUILD)/%_corpus: $(BUILD)/test/%.o $(BUILD)/test/fuzz_main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS)
$(filter-out $(OWN_BBINS),$(BBINS)): $(BUILD)/%: $(BUILD)/bench/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS) $(LDLIBS_$*)
$(BUILD)/hog: $(BUILD)/test/hog.o
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^

test-build: all $(TBINS) $(filter-out $(NO_BENCH_IN_TEST:%=$(BUILD)/%),$(BBINS))
# ALONE (of a Makefile): tests whose figures other tests would change; they run when no
# other does.  LARS_JOBS=1 runs all of them one after the other.
test:
	$(Q)$(MAKE) $(J) test-build
	$(Q)BUILD=$(BUILD) ALONE="$(ALONE)" sh test/run $(PICK)
memcheck:
	$(Q)command -v valgrind >/dev/null || { echo "missing: sudo apt-get install valgrind"; exit 1; }
	$(Q)LARS_MODE=memcheck $(MAKE) $(J) test ONLY="$(ONLY)" T="$(T)"
asan:
	$(Q)LARS_MODE=asan $(MAKE) $(J) test BUILD=build-asan ONLY="$(ONLY)" T="$(T)" \
	  SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
tsan:
	$(Q)LARS_MODE=tsan $(MAKE) $(J) test BUILD=build-tsan ONLY="$(ONLY)" T="$(T)" SAN="-fsanitize=thread"
coverage:
	$(Q)rm -rf build-cov && LARS_MODE=coverage $(MAKE) $(J) test BUILD=build-cov SAN="--coverage" OPT=-O0
	$(Q)for o in $(SRCS:%.c=build-cov/%.o); do gcov -n $$o 2>/dev/null | awk \
	  "/^File 'src.*[.]c'/ { f = \$$2 } /^Lines/ && f { split(\$$2, p, \":\"); \
	  printf \"%s %s %s\n\", f, p[2] + 0, \$$4; f = \"\" }"; done | tr -d "'" | \
	  awk '{ printf "%6.1f %%  %s\n", $$2, $$1; n += $$3; c += $$2 * $$3 } \
	  END { printf "%6.1f %%  all %d lines\n", c / n, n }'
fuzz: $(PBC)
	$(Q)command -v $(CLANG) >/dev/null || { echo "missing: sudo apt-get install clang libclang-rt-14-dev"; exit 1; }
	$(Q)for f in $(FUZZ); do mkdir -p build-fuzz/$$f && \
	  $(CLANG) -std=c11 -D_GNU_SOURCE -Isrc -g -O1 -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=all -I$(BUILD) $(CFLAGS) -o build-fuzz/$$f.bin test/$$f.c $(SRCS) $(PBC) $(LDLIBS) && \
	  echo "fuzz: $$f for $(or $(FUZZ_S),10) s" && setarch -R build-fuzz/$$f.bin -max_total_time=$(or $(FUZZ_S),10) \
	  -print_final_stats=1 build-fuzz/$$f test/corpus/$$f 2>build-fuzz/$$f.log \
	  || { tail -40 build-fuzz/$$f.log; exit 1; }; \
	  grep -E 'number_of_executed_units|new_units' build-fuzz/$$f.log; done
bench: all $(BBINS) ; $(Q)[ ! -f bench/run ] || BUILD=$(BUILD) sh bench/run
lint:
	$(Q)[ -n "$(TOOLS)" ] || { echo "lint lives in docs/tools of the repository"; exit 1; }
	$(Q)sh $(TOOLS)/lint src/*/*.[ch] app/*.c $(wildcard tools/*.c) test/*.[ch] $(wildcard test/lib/*.[ch]) $(wildcard bench/*.c) && sh $(TOOLS)/layers .
grade:
	$(Q)[ -n "$(TOOLS)" ] || { echo "grade lives in docs/tools of the repository"; exit 1; }
	$(Q)sh $(TOOLS)/grade .
clean: ; $(Q)rm -rf build build-debug build-asan build-tsan build-cov build-fuzz
.PHONY: all help test test-build memcheck asan tsan coverage fuzz bench lint grade clean
.SECONDARY:
-include $(OBJS:.o=.d) $(APPS:%=$(BUILD)/app/%.d) $(UNITS:%=$(BUILD)/test/%.d) $(BENCH:%=$(BUILD)/bench/%.d) \
  $(FUZZ:%=$(BUILD)/test/%.d)
