#!/bin/sh
# The Java archive: where it finds its native library, and which error it reports when it
# finds none.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the jar: not under $LARS_MODE"; exit 0; }
build=$(realpath "${BUILD:-build}"); bad=0; so=$build/java/org/lars/liblarsjni.so
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/bare/org/lars" "$tmp/t" && cp "$build"/java/org/lars/*.class "$tmp/bare/org/lars/"
cat >"$tmp/Use.java" <<'J'
import org.lars.Client;
import org.lars.LarsException;

class Use {
    public static void main(String[] args) {
        try (Client c = new Client("127.0.0.1", 9, "/nowhere", 20)) {
            c.call(1, 1);
        } catch (LarsException e) {
            System.out.println(e.name() + " " + e.code() + ": " + e.getMessage());
        }
    }
}
J
javac -cp "$build/lars.jar" -d "$tmp" "$tmp/Use.java" || { echo 'not ok - a program is compiled against the jar'; exit 1; }
check() { # WHAT PATTERN OPTION... -> a line of the program's output is like the pattern
    what=$1 want=$2; shift 2
    java -Djava.io.tmpdir="$tmp/t" "$@" Use >"$tmp/out" 2>&1
    if grep -qE "$want" "$tmp/out"; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$tmp/out")"; bad=1; fi
}
well='^ETIMEDOUT -110: the agent does not answer'
check 'the library in the archive is used' "$well" -cp "$tmp:$build/lars.jar"
check 'the property lars.library names the library' "$well" -cp "$tmp:$tmp/bare" -Dlars.library="$so"
check 'java.library.path is searched' "$well" -cp "$tmp:$tmp/bare" -Djava.library.path="${so%/*}"
check 'a missing library is named' 'UnsatisfiedLinkError: no larsjni in java.library.path' -cp "$tmp:$tmp/bare"
check 'a property that names no file is an error' "UnsatisfiedLinkError: Can't load library: /nowhere/x.so" -cp "$tmp:$build/lars.jar" -Dlars.library=/nowhere/x.so
if [ -z "$(ls -A "$tmp/t")" ]; then echo 'ok - no temporary file is left'; else echo "not ok - no temporary file is left: $(ls -A "$tmp/t")"; bad=1; fi
exit $bad
