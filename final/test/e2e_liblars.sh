#!/bin/sh
# The installed client library: pkg-config finds it, C and C++ programs link the shared and
# the static one, and both export lars_* only.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the client library as it is installed: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; bad=0
version=$(sed -n 's/^#define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$tmp/out")"; bad=1; fi
}
check 'make install-api' make -s BUILD="$build" install-api DESTDIR="$tmp" PREFIX=/opt/lars
lib=$tmp/opt/lars/lib
cat >"$tmp/use.c" <<C
#include <errno.h>
#include <lars.h>
#include <stdio.h>
int main(void)
{
    struct lars_options opt = {.size = sizeof(opt), .dir = "/nowhere", .port = 9, .timeout_ms = 20};
    struct lars_client *c;
    struct lars_host h;
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
check 'the static library exports lars_* only' sh -c "! nm -g --defined-only '$lib/liblars.a' | awk 'NF == 3 && \$3 !~ /^lars_[a-z_]+\$/' | grep ."
# What each shared object calls is in a library that it names; the interpreter that loads the
# Python module has the functions Py*.
for so in liblars.so.1 shim.so java/org/lars/liblarsjni.so python/lars.abi3.so; do
    check "$so: every function that it calls is in a library that it names" sh -c \
        "[ -f '$build/$so' ] && ! ldd -r '$build/$so' 2>&1 | grep 'undefined symbol' | grep -v 'undefined symbol: _*Py'"
done
exit $bad
