#!/bin/sh
# The Java archive: where it finds its native library, and which error it reports when it
# finds none.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the jar: not under $LARS_MODE"; exit 0; }
build=$(realpath "${BUILD:-build}"); bad=0; so=$(echo "$build"/java/org/lars/linux-*/liblarsjni.so)
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
cat >"$tmp/Wrong.java" <<'J'
import org.lars.Call;
import org.lars.Client;
import org.lars.LarsException;
import org.lars.Status;
import org.lars.TimedOutException;

class Wrong {
    static void line(String what, Runnable use) {
        try {
            use.run();
            System.out.println(what + " = nothing");
        } catch (RuntimeException e) {
            System.out.println(what + " = " + e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    public static void main(String[] args) {
        Client c = Client.builder().address("127.0.0.1").port(9).dir("/nowhere").timeoutMs(20).build();
        Call call = c.newCall();

        line("port", () -> Client.builder().port(65536));
        line("timeoutMs", () -> Client.builder().timeoutMs(-1));
        line("long", () -> Client.builder().timeoutMs(1L << 32));
        line("old", () -> new Client(null, 0, null, -1).close());
        line("zero", () -> Client.builder().dir("a\0b"));
        line("address", () -> Client.builder().address("nonsense").build());
        line("emoji", () -> Client.builder().address("\ud83d\ude00").build());
        line("no node", call::address);
        line("no port", call::port);
        line("attempt", () -> c.attempts(1, 1).call());
        line("attempts", () -> c.attempts(1, 1).timeoutMs(-5));
        line("five", () -> c.attempts(1, 1).atMost(5).next());
        line("call", () -> call.begin(1, 1, 0, 3600001));
        line("module", () -> c.call(0, 0));
        line("begin module", () -> call.begin(0, 0, 0));
        line("register module", () -> c.register(0, 0));
        line("route module", () -> c.route(0, 0));
        line("attempts module", () -> c.attempts(0, 0).next());
        line("end null", () -> call.end(null));
        line("late", () -> c.call(1, 1, 0, 10));
        try {
            c.call(1, 1);
        } catch (TimedOutException e) {
            System.out.println("retriable = " + e.isRetriable() + " " + e.code());
        }
        System.out.println("key = " + Long.toHexString(Client.key("a")) + " " + Long.toHexString(Client.key("")));
        System.out.println("path = " + c.status().path() + " " + c.status().begun(Status.Path.NONE) + " " + c.status().why());
        c.close();
        line("closed", () -> c.call(1, 1));
        line("closed status", c::status);
        line("closed begin", () -> call.tryBegin(1, 1, 0));
        call.free();
        line("freed", call::address);
    }
}
J
javac -cp "$build/lars.jar" -d "$tmp" "$tmp/Use.java" "$tmp/Wrong.java" || { echo 'not ok - a program is compiled against the jar'; exit 1; }
check() { # WHAT PATTERN OPTION... -> a line of the program's output is like the pattern
    what=$1 want=$2; shift 2
    java -Djava.io.tmpdir="$tmp/t" "$@" Use >"$tmp/out" 2>&1
    if grep -qE "$want" "$tmp/out"; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$tmp/out")"; bad=1; fi
}
well='^ETIMEDOUT -110: the agent does not answer'
check 'the library in the archive is used' "$well" -cp "$tmp:$build/lars.jar"
check 'the property lars.library names the library' "$well" -cp "$tmp:$tmp/bare" -Dlars.library="$so"
check 'java.library.path is searched' "$well" -cp "$tmp:$tmp/bare" -Djava.library.path="${so%/*}"
java -Xcheck:jni -cp "$tmp:$build/lars.jar" Wrong >"$tmp/wrong" 2>&1
wrong() { # WHAT LINE -> the program for wrong use has printed a line that begins so
    if grep -qF "$2" "$tmp/wrong"; then echo "ok - $1"; else echo "not ok - $1: $(grep -F "${2%% =*}" "$tmp/wrong" || head -c 300 "$tmp/wrong")"; bad=1; fi
}
wrong 'a port out of range is named' 'port = IllegalArgumentException: port: 65536 is not from 0 to 65535'
wrong 'a time-out below zero is named' 'timeoutMs = IllegalArgumentException: timeoutMs: -1 is not from 0 to 3600000'
wrong 'a time-out is not cut to 32 bits' 'long = IllegalArgumentException: timeoutMs: 4294967296 is not'
wrong 'the constructor has the same checks' 'old = IllegalArgumentException: timeoutMs: -1 is not'
wrong 'a character of code 0 is refused' 'zero = IllegalArgumentException: dir: it has a character of code 0'
wrong 'an address has the text of lars_last_error()' 'address = LarsException: address: "nonsense"'
wrong 'texts are UTF-8' 'emoji = LarsException: address: '
wrong 'a call without a node has no address' 'no node = IllegalStateException: the call has no node yet'
wrong 'a call without a node has no port' 'no port = IllegalStateException: the call has no node yet'
wrong 'there is no attempt before next()' 'attempt = IllegalStateException: there is no attempt yet'
wrong 'the time-out of a request is checked' 'attempts = IllegalArgumentException: timeoutMs: -5 is not'
wrong 'too many attempts are named' 'five = LarsException: attempts: 5 is more than 4'
wrong 'the time-out of a call is checked' 'call = IllegalArgumentException: timeoutMs: 3600001 is not'
wrong 'module 0/0 is named' 'module = LarsException: modid, cmdid: 0/0 is no module'
for f in begin register route attempts; do wrong "module 0/0 is named by $f" "$f module = LarsException: modid, cmdid: 0/0 is no module"; done
wrong 'an outcome that is null is named' 'end null = IllegalArgumentException: outcome: it is null'
wrong 'a time-out has its own class' 'late = TimedOutException: the agent does not answer'
wrong 'a time-out may be retried' 'retriable = true -110'
wrong 'the keys are those of FNV-1a' 'key = af63dc4c8601ec8c cbf29ce484222325'
wrong 'the status has path, counter and reason' 'path = UDP 2 /nowhere'
wrong 'a closed client is an exception' 'closed = IllegalStateException: the client is closed'
wrong 'a closed client has no status' 'closed status = IllegalStateException: the client is closed'
wrong 'a closed client begins no call' 'closed begin = IllegalStateException: the client is closed'
wrong 'a call that was freed is an exception' 'freed = IllegalStateException: the call is closed'
if grep -q 'WARNING\|FATAL' "$tmp/wrong"; then echo "not ok - -Xcheck:jni finds nothing: $(grep -m 1 'WARNING\|FATAL' "$tmp/wrong")"; bad=1; else echo 'ok - -Xcheck:jni finds nothing'; fi
lost='UnsatisfiedLinkError: liblarsjni.so, the native library of org.lars, cannot be loaded'
check 'a missing library: the message names the property' "$lost. the property lars.library: not set;" -cp "$tmp:$tmp/bare"
check 'a missing library: the message names java.library.path' "$lost.* no larsjni in java.library.path: /no/such;" -cp "$tmp:$tmp/bare" -Djava.library.path=/no/such
check 'a missing library: the message names the resource of this architecture' "$lost.* in the jar: no org/lars/linux-x1/liblarsjni.so" -cp "$tmp:$build/lars.jar" -Dos.arch=x1
check 'a missing library: the message has what to do' "$lost.* Fix: use a lars.jar that was built on this architecture .*-Dlars.library=" -cp "$tmp:$tmp/bare"
check 'a property that names no file is an error' "$lost. the property lars.library: Can't load library: /nowhere/x.so. Fix:" -cp "$tmp:$build/lars.jar" -Dlars.library=/nowhere/x.so
if [ -z "$(ls -A "$tmp/t")" ]; then echo 'ok - no temporary file is left'; else echo "not ok - no temporary file is left: $(ls -A "$tmp/t")"; bad=1; fi
is() { # WHAT COMMAND... -> the command succeeds
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$tmp/out")"; bad=1; fi
}
version=$(sed -n 's/^.define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
needs_only_libc() { ! readelf -d "$so" | grep NEEDED | grep -vE 'libc\.so|libm\.so|ld-linux'; }
exports_only_jni() { ! nm -D --defined-only "$so" | grep -vE ' T (Java_org_lars_Native_[A-Za-z]*|JNI_OnLoad)$'; }
manifest() { (cd "$tmp" && jar xf "$build/lars.jar" META-INF/MANIFEST.MF && tr -d '\r' <META-INF/MANIFEST.MF | grep -x "$1"); }
pom() { python3 -c 'import sys, xml.etree.ElementTree as e
n = "{http://maven.apache.org/POM/4.0.0}"; r = e.parse("api/java/pom.xml").getroot()
sys.exit([r.findtext(n + x) for x in ("groupId", "artifactId", "version")] != ["org.lars", "lars", sys.argv[1]])' "$version"; }
has() { jar tf "$build/$1" | grep -xF "$2"; }
is 'the native library needs the libraries of C alone' needs_only_libc
is 'the native library exports the functions of JNI alone' exports_only_jni
is 'the manifest has the name of the module' manifest 'Automatic-Module-Name: org.lars'
is 'the manifest has the version' manifest "Implementation-Version: $version"
is 'pom.xml is well formed and has the version of the library' pom
licences() { (cd "$tmp" && jar xf "$build/lars.jar" META-INF && cmp META-INF/LICENSE "$OLDPWD/../LICENSE" && cmp META-INF/LICENSE.protobuf-c "$OLDPWD/api/python/LICENSE.protobuf-c"); }
is 'the archive has the licences of what is inside' licences
is 'the sources are in a jar' has lars-sources.jar org/lars/Client.java
is 'the documentation is in a jar' has lars-javadoc.jar org/lars/Client.html
exit $bad
