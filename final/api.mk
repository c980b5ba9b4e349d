# api.mk -- the client library liblars and its bindings: C, C++, Python, Java; the
# conformance suite and the examples.  `make api` builds the C library alone: it needs a C
# compiler and protobuf-c, no database and no JDK.  It has its own copy of the generated
# code, because that of the programs depends on everything that the programs need.
# liblars.so and liblars.a export lars_* and nothing else.
API := src/api/lars.c src/api/client.c src/api/lars_retry.c src/api/lars_budget.c src/api/lars_tally.c src/api/lars_nowait.c src/api/lars_strerror.c src/api/status.c src/api/last_error.c src/api/counts.c src/api/shm_doctor.c src/api/retired_pickers.c src/api/shm_client.c src/api/udp_client.c src/api/fallback.c src/api/fork_detector.c src/shmem/segment.c src/shmem/segment_files.c src/shmem/segment_tables.c src/shmem/shared_file.c \
       src/shmem/module_table.c src/shmem/module_capacity.c src/shmem/node_table.c src/shmem/route_reader.c src/shmem/call_log.c src/shmem/log_owner.c src/shmem/picker.c src/shmem/elsewhere.c src/lb/pick.c src/lb/policies.c src/lb/scan_row.c $(POLICIES) \
       src/route/routefile.c src/proto/msg.c src/proto/msg_host.c src/proto/budget.c src/net/frame.c \
       src/net/sock.c src/base/buf.c src/base/err.c src/base/heartbeat.c src/base/latency.c src/base/log.c src/base/log_sink.c \
       src/base/mono.c src/base/net_addr.c src/base/own_fd.c src/base/quick_clock.c src/base/rnd.c
PIC_PBC := $(BUILD)/pic/proto/lars.pb-c.c
PIC := $(API:%.c=$(BUILD)/pic/%.o) $(PIC_PBC:.c=.o)
VERSION := $(shell sed -n 's/^.define LARS_VERSION "\(.*\)"$$/\1/p' src/base/version.h)
NEEDS_api    := protoc-c:protobuf-c-compiler protobuf-c/protobuf-c.h:libprotobuf-c-dev
NEEDS_cxx    := $(CXX):build-essential curl/curl.h:libcurl4-openssl-dev
NEEDS_java   := javac:default-jdk-headless
NEEDS_python  = $(PY_INC)/Python.h:python3-dev
NEEDS_pytest := pip3:python3-pip gunicorn:gunicorn
$(BUILD)/pic/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -I$(BUILD)/pic $(ALL_CF) -fPIC -c -o $@ $<
$(PIC_PBC): src/proto/lars.proto | $(BUILD)/.needs.api
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && protoc-c --c_out=$(BUILD)/pic -Isrc $<
$(PIC_PBC:.c=.o): $(PIC_PBC)
	$(call say,CC,$<)
	$(Q)$(CC) -I$(BUILD)/pic $(ALL_CF) -fPIC -c -o $@ $<
$(PIC): | $(PIC_PBC)
# A function that no library has fails the link, not the first program that calls it.
SHARED := -shared -Wl,-z,defs
$(BUILD)/liblars.so.1: $(PIC) src/api/liblars.map api.mk
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) $(SHARED) -Wl,-soname,liblars.so.1 -Wl,--version-script=src/api/liblars.map -o $@ $(PIC) -lprotobuf-c -lm
$(BUILD)/liblars.a: $(PIC) src/api/liblars.map api.mk
	$(call say,AR,$@)
	$(Q)rm -f $@ && ld -r -o $(BUILD)/pic/liblars.o $(PIC) && grep -o 'lars_[a-z_]*' src/api/liblars.map >$(BUILD)/pic/exported && objcopy --keep-global-symbols=$(BUILD)/pic/exported $(BUILD)/pic/liblars.o && $(AR) rcs $@ $(BUILD)/pic/liblars.o
api: $(BUILD)/liblars.so.1 $(BUILD)/liblars.a
# This benchmark has the library that users have.
$(BUILD)/plane_bench: $(BUILD)/bench/plane_bench.o $(BUILD)/liblars.a
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ -lprotobuf-c -lm
test-build: api

# The other languages, and the programs of the conformance suite.
PYTHON ?= /usr/bin/python3
CXX_FLAGS := -std=c++11 -O2 -g -Wall -Wextra -Wpedantic -Isrc/api -Iapi/cpp $(SAN)
PY_INC := $(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)
# Without SHARED: the interpreter that loads it has the functions Py*.  e2e_liblars.sh
# checks that nothing else is missing.  protobuf-c is inside, as in the jar below.
$(BUILD)/python/lars.abi3.so: $(wildcard api/python/*.[ch]) api/python/lars.map $(BUILD)/liblars.a
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CF) -Isrc/api -isystem $(PY_INC) -fPIC -fvisibility=hidden -shared -Wl,--version-script=api/python/lars.map -o $@ $(filter %.c,$^) $(BUILD)/liblars.a -l:libprotobuf-c.a -lm
$(BUILD)/conform_c: api/conformance/conform.c api/conformance/allocations.h $(BUILD)/liblars.a
	$(Q)$(CC) $(ALL_CF) -Isrc/api -o $@ $(filter-out %.h,$^) -lprotobuf-c -lm -pthread
$(BUILD)/conform_cpp: api/conformance/conform.cpp api/cpp/lars.hpp api/conformance/allocations.h $(BUILD)/liblars.a
	$(Q)$(CXX) $(CXX_FLAGS) -o $@ $< $(BUILD)/liblars.a -lprotobuf-c -lm -pthread
$(BUILD)/conform_python: api/conformance/conform.py $(BUILD)/python/lars.abi3.so
	$(Q)printf '#!/bin/sh\nPYTHONPATH=%s/python exec %s %s "$$@"\n' '$(BUILD)' '$(PYTHON)' '$<' >$@ && chmod +x $@
$(BUILD)/conform_udp: api/conformance/conform.py api/conformance/pure/lars.py
	$(Q)printf '#!/bin/sh\nPYTHONPATH=api/conformance/pure LARS_SUITE=UDP exec %s -B %s "$$@"\n' '$(PYTHON)' '$<' >$@ && chmod +x $@
$(BUILD)/get_c: api/examples/get.c $(BUILD)/liblars.a
	$(Q)$(CC) $(ALL_CF) -Isrc/api -o $@ $^ -lcurl -lprotobuf-c -lm -pthread
$(BUILD)/get_cpp: api/examples/get.cpp api/cpp/lars.hpp $(BUILD)/liblars.a
	$(Q)$(CXX) $(CXX_FLAGS) -o $@ $< $(BUILD)/liblars.a -lcurl -lprotobuf-c -lm -pthread
$(BUILD)/server_cpp: api/examples/server.cpp api/cpp/lars.hpp $(BUILD)/liblars.a
	$(Q)$(CXX) $(CXX_FLAGS) -o $@ $< $(BUILD)/liblars.a -lcurl -lprotobuf-c -lm -pthread
# The examples for Python: NAME of name.py.
$(BUILD)/%_python: api/examples/%.py $(BUILD)/python/lars.abi3.so
	$(Q)printf '#!/bin/sh\nPYTHONPATH=%s/python exec %s -B %s "$$@"\n' '$(BUILD)' '$(PYTHON)' '$<' >$@ && chmod +x $@
$(BUILD)/get_java: api/examples/Get.java $(BUILD)/lars.jar
	$(Q)javac -Xlint:all -encoding UTF-8 -cp $(BUILD)/lars.jar -d $(BUILD)/examples $< && \
	  printf '#!/bin/sh\nexec java -cp %s:%s Get "$$@"\n' '$(BUILD)/examples' '$(BUILD)/lars.jar' >$@ && chmod +x $@
# The other examples for Java: NAME of Name.java.
$(BUILD)/%_java: api/examples/%.java $(BUILD)/lars.jar
	$(Q)javac -Xlint:all -Werror -encoding UTF-8 -cp $(BUILD)/lars.jar -d $(BUILD)/examples $< && \
	  printf '#!/bin/sh\nexec java -Xcheck:jni -cp %s:%s $* "$$@"\n' '$(BUILD)/examples' '$(BUILD)/lars.jar' >$@ && chmod +x $@
JDK := $(patsubst %/bin/javac,%,$(realpath $(shell command -v javac)))
JAVA_SRC := $(wildcard api/java/org/lars/*.java)
$(BUILD)/java/org_lars_Native.h: $(JAVA_SRC)
	$(Q)javac -Xlint:all -Werror -encoding UTF-8 --release 11 -h $(BUILD)/java -d $(BUILD)/java $(JAVA_SRC)
# The jar needs no other library than those of C: protobuf-c is inside, and the version
# script lets the linker bind its functions although they are not position independent.
JNI := $(BUILD)/java/org/lars/linux-$(patsubst x86_64,amd64,$(shell uname -m))/liblarsjni.so
$(JNI): api/java/larsjni.c api/java/larsjni.map $(BUILD)/java/org_lars_Native.h $(BUILD)/liblars.a
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CF) -Isrc/api -I$(BUILD)/java -isystem $(JDK)/include -isystem $(JDK)/include/linux -fPIC $(SHARED) -Wl,--version-script=api/java/larsjni.map -o $@ $< $(BUILD)/liblars.a -l:libprotobuf-c.a -lm
$(BUILD)/java.manifest: src/base/version.h
	$(Q)mkdir -p $(@D) && printf 'Automatic-Module-Name: org.lars\nImplementation-Title: lars\nImplementation-Version: %s\n' '$(VERSION)' >$@
# The licence of protobuf-c asks for its notice in binary forms as well.
$(BUILD)/lars.jar: $(JNI) $(BUILD)/java.manifest ../LICENSE api/python/LICENSE.protobuf-c
	$(Q)mkdir -p $(BUILD)/java/META-INF && cp $(filter %LICENSE %.protobuf-c,$^) $(BUILD)/java/META-INF
	$(Q)jar cfm $@ $(BUILD)/java.manifest -C $(BUILD)/java org -C $(BUILD)/java META-INF
$(BUILD)/lars-sources.jar: $(JAVA_SRC) | $(BUILD)/.needs.java
	$(Q)jar cf $@ -C api/java org
$(BUILD)/lars-javadoc.jar: $(JAVA_SRC) | $(BUILD)/.needs.java
	$(Q)rm -rf $(BUILD)/javadoc && javadoc -quiet -Xdoclint:all -Werror -encoding UTF-8 --release 11 -notimestamp -d $(BUILD)/javadoc $(JAVA_SRC) && jar cf $@ -C $(BUILD)/javadoc .
test-build: $(BUILD)/lars-sources.jar $(BUILD)/lars-javadoc.jar
$(BUILD)/conform_java: api/conformance/Conform.java $(BUILD)/lars.jar
	$(Q)javac -Xlint:all -encoding UTF-8 -cp $(BUILD)/lars.jar -d $(BUILD)/conform $< && \
	  printf '#!/bin/sh\nexec java -Xcheck:jni -cp %s:%s Conform "$$@"\n' '$(BUILD)/conform' '$(BUILD)/lars.jar' >$@ && chmod +x $@
$(BUILD)/conform_jni: api/conformance/conform.c api/conformance/jni_as_c.c api/java/larsjni.c api/conformance/jni_as_c.h api/conformance/allocations.h $(BUILD)/java/org_lars_Native.h $(BUILD)/liblars.a
	$(Q)$(CC) $(ALL_CF) -Isrc/api -I$(BUILD)/java -isystem $(JDK)/include -isystem $(JDK)/include/linux -Iapi/conformance -c -include jni_as_c.h -o $@.o $<
	$(Q)$(CC) $(ALL_CF) -Isrc/api -I$(BUILD)/java -isystem $(JDK)/include -isystem $(JDK)/include/linux -o $@ $@.o $(filter-out $< %.h,$^) -lprotobuf-c -lm -pthread
$(BUILD)/embed_java: api/conformance/embed/Embed.java $(BUILD)/lars.jar
	$(Q)javac -Xlint:all -encoding UTF-8 -cp $(BUILD)/lars.jar -d $(BUILD)/embed $< && \
	  printf '#!/bin/sh\nexec java -Xmx64m -Xms64m -XX:+AlwaysPreTouch -Xcheck:jni -cp %s:%s Embed %s\n' '$(BUILD)/embed' '$(BUILD)/lars.jar' '$(BUILD)/lars.jar' >$@ && chmod +x $@
$(BUILD)/embed_python: api/conformance/embed/embed.py $(BUILD)/python/lars.abi3.so
	$(Q)printf '#!/bin/sh\nPYTHONPATH=%s/python exec %s %s\n' '$(BUILD)' '$(PYTHON)' '$<' >$@ && chmod +x $@
$(BUILD)/embed_promises: api/conformance/embed/promises.py $(BUILD)/python/lars.abi3.so
	$(Q)printf '#!/bin/sh\nPYTHONPATH=%s/python exec %s %s\n' '$(BUILD)' '$(PYTHON)' '$<' >$@ && chmod +x $@
$(BUILD)/embed_gunicorn: api/conformance/embed/app.py $(BUILD)/python/lars.abi3.so
	$(Q)printf '#!/bin/sh\nPYTHONPATH=%s/python:api/conformance/embed exec %s -B -m gunicorn --preload -w 2 --threads 2 -b 127.0.0.1:0 app:app\n' '$(BUILD)' '$(PYTHON)' >$@ && chmod +x $@
$(BUILD)/java/org_lars_Native.h: | $(BUILD)/.needs.java
$(BUILD)/python/lars.abi3.so: | $(BUILD)/.needs.python
$(BUILD)/embed_gunicorn: | $(BUILD)/.needs.pytest
$(BUILD)/conform_cpp $(BUILD)/get_c $(BUILD)/get_cpp $(BUILD)/api_bench: | $(BUILD)/.needs.cxx
CONFORM := embed_java embed_python embed_promises embed_gunicorn conform_c conform_cpp conform_jni conform_python conform_java conform_udp get_c get_cpp get_python key_python tasks_python pool_python get_java Key_java Nowait_java Pool_java
$(BUILD)/server_cpp: | $(BUILD)/.needs.cxx
CONFORM += server_cpp
test-build: $(CONFORM:%=$(BUILD)/%)
$(BUILD)/api_bench: bench/api_bench.cpp api/cpp/lars.hpp $(BUILD)/liblars.a
	$(Q)$(CXX) $(CXX_FLAGS) -o $@ $< $(BUILD)/liblars.a -lprotobuf-c -lm -pthread
$(BUILD)/bench-java/ApiBench.class: bench/ApiBench.java $(BUILD)/lars.jar
	$(Q)javac -Xlint:all -encoding UTF-8 -cp $(BUILD)/lars.jar -d $(BUILD)/bench-java $<
test-build: $(BUILD)/api_bench $(BUILD)/bench-java/ApiBench.class
# bench/run-api and bench/run-gateway-faults have no program without these.
bench: $(BUILD)/api_bench $(BUILD)/bench-java/ApiBench.class $(BUILD)/e2e_gateway_overload
conformance: test-build
	$(Q)BUILD=$(BUILD) sh test/run e2e_conformance e2e_conformance_runtimes e2e_conformance_vm
.PHONY: api conformance
-include $(PIC:.o=.d)
