#!/bin/sh
# The installed client library: pkg-config and CMake find it, C and C++ programs link the
# shared and the static one, and both export lars_* only.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the client library as it is installed: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; bad=0
version=$(sed -n 's/^#define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -c 300 "$tmp/out")"; bad=1; fi
    [ ! -s "$tmp/out" ] || mv "$tmp/out" "$tmp/said"
}
check 'make install-api' make -s BUILD="$build" install-api DESTDIR="$tmp" PREFIX=/opt/lars
lib=$tmp/opt/lars/lib
cat >"$tmp/use.c" <<C
#include <errno.h>
#include <lars.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    struct lars_options opt = {.size = sizeof(opt), .dir = "/nowhere", .port = 9, .timeout_ms = 20};
    struct lars_client *c;
    struct lars_host h;
    char header[32];
    snprintf(header, sizeof(header), "%d.%d.%d", LARS_VERSION_MAJOR, LARS_VERSION_MINOR, LARS_VERSION_PATCH);
    if (strcmp(header, lars_version()) != 0) {
        printf("lars.h has version %s, the library %s\\n", header, lars_version());
        return 1;
    }
    if (lars_open(&c, &opt) != 0 || lars_get_host(c, 0, 0, &h) != -EINVAL)
        return 1;
    printf("%s %s\n", lars_version(), lars_strerror(lars_get_host(c, 1, 1, &h)));
    lars_close(c);
    return 0;
}
C
export PKG_CONFIG_PATH="$lib/pkgconfig"
flags() { sed "s#^prefix=.*#prefix=$tmp/opt/lars#" "$lib/pkgconfig/lars.pc" >"$tmp/lars.pc" && mv "$tmp/lars.pc" "$lib/pkgconfig/lars.pc"; }
flags
if command -v pkg-config >/dev/null; then cf=$(pkg-config --cflags lars) ld=$(pkg-config --libs lars)
else cf="-I$tmp/opt/lars/include" ld="-L$lib -llars"; fi
check 'a program is linked with the shared library' ${CC:-gcc} -Wall -Wextra -Werror $cf -o "$tmp/dyn" "$tmp/use.c" $ld
check 'the program runs with the shared library' sh -c "LD_LIBRARY_PATH='$lib' '$tmp/dyn' >'$tmp/printed'"
check 'the program prints the version and why the call failed' grep -q "^$version the agent does not answer" "$tmp/printed"
check 'a program is linked with the static library' ${CC:-gcc} -Wall -Wextra -Werror $cf -o "$tmp/sta" "$tmp/use.c" "$lib/liblars.a" -lprotobuf-c -lm -pthread
check 'the program runs with the static library' "$tmp/sta"
check 'a C++ compiler accepts the header' sh -c "echo '#include <lars_retry.h>' | ${CXX:-g++} -x c++ -Wall -Wextra -Werror $cf -fsyntax-only -"
check 'the shared library exports versioned lars_* only' sh -c "! nm -D --defined-only '$lib/liblars.so.1' | awk '\$3 !~ /^(lars_[a-z_]+@@LARS_1.[012]|LARS_1.[012])\$/' | grep ."
# A program that was linked names these; the list of a version that was released never changes.
cat >"$tmp/symbols" <<L
lars_budget_set@@LARS_1.2
lars_cancel@@LARS_1.2
lars_close@@LARS_1.0
lars_end@@LARS_1.2
lars_get_host@@LARS_1.0
lars_get_host_key@@LARS_1.0
lars_get_host_opt@@LARS_1.2
lars_get_route@@LARS_1.0
lars_key@@LARS_1.2
lars_last_error@@LARS_1.2
lars_nowait_get@@LARS_1.1
lars_nowait_module@@LARS_1.2
lars_nowait_next@@LARS_1.2
lars_open@@LARS_1.0
lars_path_name@@LARS_1.2
lars_register@@LARS_1.0
lars_report@@LARS_1.0
lars_retry_next@@LARS_1.1
lars_status@@LARS_1.2
lars_strerror@@LARS_1.0
lars_tally_ended@@LARS_1.2
lars_tally_free@@LARS_1.2
lars_tally_new@@LARS_1.2
lars_tally_read@@LARS_1.2
lars_version@@LARS_1.0
L
check 'each function has the symbol version in which it appeared' sh -c "nm -D --defined-only '$lib/liblars.so.1' | awk '\$3 ~ /^lars_/ { print \$3 }' | LC_ALL=C sort | diff '$tmp/symbols' -"
check 'the static library exports lars_* only' sh -c "! nm -g --defined-only '$lib/liblars.a' | awk 'NF == 3 && \$3 !~ /^lars_[a-z_]+\$/' | grep ."
# A CMake project in an empty folder.
cat >"$tmp/use.cpp" <<C
#include <lars.hpp>
int main()
{
    int rc;
    lars::client c(rc);
    lars::call call(c, 0, 0, rc);
    return rc == -EINVAL ? 0 : 1;
}
C
cat >"$tmp/CMakeLists.txt" <<C
cmake_minimum_required(VERSION 3.13)
project(use C CXX)
find_package(lars \${WANTED} REQUIRED)
find_package(lars REQUIRED)
message(STATUS "found lars \${lars_VERSION}")
add_executable(use use.c)
target_link_libraries(use lars::lars)
add_executable(use_cpp use.cpp)
target_link_libraries(use_cpp lars::lars)
add_executable(use_static use.c)
target_link_libraries(use_static lars::static)
C
found() { # WANTED ARGUMENT...: CMake finds that version of lars
    wanted=$1; shift
    rm -rf "$tmp/cmake"; env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u LDFLAGS cmake -S "$tmp" -B "$tmp/cmake" -DWANTED="$wanted" "$@"
}
not_found() { ! found "$@" && grep -q 'larsConfig.cmake, version: ' "$tmp/out"; }
if command -v cmake >/dev/null; then
    moved=$tmp/moved; cp -r "$tmp/opt/lars" "$moved"
    check "find_package finds version $version after the installation was moved" found "$version" -DCMAKE_PREFIX_PATH="$moved"
    check 'find_package reports the version of the library' grep -q "found lars $version" "$tmp/said"
    check 'a CMake project builds' env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL cmake --build "$tmp/cmake"
    check 'its program with the shared library runs' "$tmp/cmake/use"
    check 'its C++ program with the shared library runs' env -u LARS_DIR "$tmp/cmake/use_cpp"
    check 'its program with the static library runs' "$tmp/cmake/use_static"
    check 'find_package accepts an older version of the same first number' found 1.0 -DCMAKE_PREFIX_PATH="$moved"
    for v in "${version%.*}.99" 1.99 2.0 0.9 "1.0...<$version"; do
        check "find_package does not take version $version for $v" not_found "$v" -DCMAKE_PREFIX_PATH="$moved"
    done
    check 'make install-api with LIBDIR of a platform' make -s BUILD="$build" install-api DESTDIR="$tmp/arch" PREFIX=/usr LIBDIR=/usr/lib/a-b-c
    check 'find_package finds the headers from LIBDIR of a platform' found "$version" -Dlars_DIR="$tmp/arch/usr/lib/a-b-c/cmake/lars"
else
    echo 'skip - CMake projects: no cmake; mend: sudo apt-get install cmake'
fi
# ldconfig runs for root without DESTDIR; otherwise the output shows that it did not.
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "$UID_OF_TEST"\n' >"$tmp/bin/id"
printf '#!/bin/sh\n[ -n "$*" ] || echo ran >>"%s/ldconfig"\n' "$tmp" >"$tmp/bin/ldconfig"
chmod +x "$tmp/bin/id" "$tmp/bin/ldconfig"
as() { # UID ARGUMENT...: make install-api with a user and an ldconfig of this test
    rm -f "$tmp/ldconfig"; UID_OF_TEST=$1; export UID_OF_TEST; shift
    PATH=$tmp/bin:$PATH make -s BUILD="$build" install-api "$@"
}
check 'make install-api of root' as 0 PREFIX="$tmp/root"
check 'it runs ldconfig' grep -q ran "$tmp/ldconfig"
check 'make install-api of another user' as 1000 PREFIX="$tmp/user"
check 'it reports that ldconfig was not run' grep -q 'ldconfig was not run.*sudo ldconfig' "$tmp/said"
check 'it does not run ldconfig' test ! -e "$tmp/ldconfig"
check 'make install-api with DESTDIR' as 0 DESTDIR="$tmp/dest" PREFIX=/usr
check 'it prints where ldconfig is to be run' grep -q 'run ldconfig' "$tmp/said"
check 'it does not run ldconfig either' test ! -e "$tmp/ldconfig"
# What each shared object calls is in a library that it names; the interpreter that loads the
# Python module has the functions Py*.
for so in liblars.so.1 shim.so $(cd "$build" && echo java/org/lars/linux-*/liblarsjni.so) python/lars.abi3.so; do
    check "$so: every function that it calls is in a library that it names" sh -c \
        "[ -f '$build/$so' ] && ! ldd -r '$build/$so' 2>&1 | grep 'undefined symbol' | grep -v 'undefined symbol: _*Py'"
done
exit $bad
