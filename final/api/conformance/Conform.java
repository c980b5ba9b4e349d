import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.lars.Attempts;
import org.lars.Call;
import org.lars.Client;
import org.lars.LarsException;
import org.lars.Outcome;

/** Conform SCENARIOS: the conformance suite's runner for Java. */
public final class Conform {
    private static long hangMs;
    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in));
    private static final List<Call> calls = new ArrayList<>(); // the calls of this scenario
    private static Client me;

    private static int open(String[] w) {
        String address = null;
        String dir = System.getenv("LARS_DIR");
        int port = Integer.parseInt(System.getenv("LARS_PORT"));
        int timeoutMs = 2000;

        for (String one : w) {
            String value = one.substring(one.indexOf('=') + 1);
            if (one.startsWith("address=")) {
                address = value;
            } else if (one.startsWith("dir=")) {
                dir = value;
            } else if (one.startsWith("port=")) {
                port = Integer.parseInt(value);
            } else if (one.startsWith("timeout_ms=")) {
                timeoutMs = Integer.parseInt(value);
            }
        }
        hangMs = 10L * timeoutMs;
        calls.clear();
        if (me != null) {
            me.close();
        }
        me = Client.builder().address(address).port(port).dir(dir).timeoutMs(timeoutMs).build();
        return 0;
    }

    private static int get(int m, int c, String key) {
        calls.add(me.call(m, c, key == null ? 0 : Long.parseLong(key.substring(4))));
        return calls.get(calls.size() - 1).isFromFile() ? 1 : 0;
    }

    private static int nowait(int m, int c) {
        Call call = me.newCall();
        int rc = call.tryBeginNowait(m, c, 0);

        if (rc >= 0) {
            calls.add(call);
        } else {
            call.free();
        }
        return rc;
    }

    private static int close() {
        me.close();
        return 0;
    }

    /** Allocated bytes of a call. */
    private static int allocate(int m, int c, int n) {
        int bad = many(m, c, n, 0);
        ThreadMXBean mx = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long self = Thread.currentThread().getId();
        long before = mx.getThreadAllocatedBytes(self);

        bad += many(m, c, n, 0);
        return bad + (int) ((mx.getThreadAllocatedBytes(self) - before) / n);
    }

    private static int guarded(int m, int c, String how) {
        try (Call call = me.call(m, c)) {
            if (how.equals("ok")) {
                return call.ok();
            }
            return how.equals("failed") ? call.failed() : 0; // forgotten: close() reports it
        }
    }

    private static int many(int m, int c, int n, int retcode) {
        Call call = me.newCall();
        int bad = 0;

        while (n-- > 0) {
            if (call.tryBegin(m, c, 0) < 0 || call.report(retcode) < 0) {
                bad++;
            }
        }
        call.free();
        return bad;
    }

    private static int attempts(int m, int c, int n, String how) {
        int made = 0;

        try (Attempts a = me.attempts(m, c).atMost(n)) {
            if (how.equals("idempotent")) {
                a.idempotent();
            }
            while (a.next()) {
                a.call().failed();
                made++;
            }
        }
        return made;
    }

    private static int threads(int t, int m, int c, int n) throws InterruptedException {
        AtomicInteger bad = new AtomicInteger();
        List<Thread> all = new ArrayList<>();

        for (int i = 0; i < t; i++) {
            all.add(new Thread(() -> bad.addAndGet(many(m, c, n, 0))));
        }
        for (Thread one : all) {
            one.start();
        }
        for (Thread one : all) {
            one.join(hangMs);
        }
        return bad.get();
    }

    /** A JVM cannot fork, so another JVM is started. */
    private static int other(String m, String c, String n) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String path = System.getProperty("java.class.path");

        return new ProcessBuilder(java, "-cp", path, "Conform", "calls", m, c, n).inheritIO().start().waitFor();
    }

    private static int result(String[] w) throws IOException, InterruptedException {
        switch (w[0]) {
            case "open":
                return open(w);
            case "close":
                return close();
            case "nowait":
                return nowait(number(w[1]), number(w[2]));
            case "allocate":
                return allocate(number(w[1]), number(w[2]), number(w[3]));
            case "register":
                me.register(number(w[1]), number(w[2]));
                return 0;
            case "get":
                return get(number(w[1]), number(w[2]), w.length > 3 ? w[3] : null);
            case "route":
                return me.route(number(w[1]), number(w[2])).size();
            case "report":
                return calls.get(number(w[1])).report(number(w[2]));
            case "end":
                return calls.get(number(w[1])).end(Outcome.valueOf(w[2].toUpperCase(Locale.ROOT)));
            case "cancel":
                return calls.get(number(w[1])).cancel();
            case "same":
                return calls.get(number(w[1])).address().equals(calls.get(number(w[2])).address()) ? 1 : 0;
            case "call":
                return guarded(number(w[1]), number(w[2]), w[3]);
            case "fail":
                return many(number(w[1]), number(w[2]), number(w[3]), 1);
            case "attempts":
                return attempts(number(w[1]), number(w[2]), number(w[3]), w[4]);
            case "threads":
                return threads(number(w[1]), number(w[2]), number(w[3]), number(w[4]));
            case "other":
                return other(w[1], w[2], w[3]);
            default:
                return -38;
        }
    }

    private static int number(String word) {
        return Integer.parseUnsignedInt(word);
    }

    private static String nameOf(String[] w) throws IOException, InterruptedException {
        try {
            int rc = result(w);
            return rc < 0 ? nameOf(rc) : Integer.toString(rc);
        } catch (LarsException e) {
            return e.name();
        } catch (IllegalStateException e) { // the client is closed
            return "EINVAL";
        }
    }

    private static String nameOf(int rc) {
        switch (rc) {
            case -22:
                return "EINVAL";
            case -114:
                return "EALREADY";
            case -115:
                return "EINPROGRESS";
            case -107:
                return "ENOTCONN";
            default:
                return "E" + -rc;
        }
    }

    private static boolean around(String line) throws IOException {
        System.out.println(line);
        return "ok".equals(IN.readLine());
    }

    private static boolean step(String line, String where) throws IOException, InterruptedException {
        if (line.startsWith("do ")) {
            return around(line);
        }
        String[] halves = line.split(" -> ");
        String[] w = halves[0].split(" ");
        boolean until = w[0].equals("until");
        long start = System.nanoTime();
        long tookMs;
        String got;

        if (until) {
            w = Arrays.copyOfRange(w, 1, w.length);
        }
        for (; ; ) {
            int before = calls.size();

            got = nameOf(w);
            tookMs = (System.nanoTime() - start) / 1000000;
            if (tookMs <= hangMs && (got.equals(halves[1]) || halves[1].equals("any"))) {
                return true;
            }
            if (!until || tookMs > hangMs) {
                break;
            }
            if (calls.size() > before) {
                calls.remove(before).ok();
            }
            Thread.sleep(5);
        }
        System.out.println("not ok - " + where + ": " + line + ": got " + got + " after " + tookMs + " ms");
        return false;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        int passed = 0;
        int failed = 0;
        String name = null;
        boolean well = true;

        if (args[0].equals("calls")) {
            open(new String[0]);
            System.exit(Math.min(many(number(args[1]), number(args[2]), number(args[3]), 0), 100));
        }
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            if (line.startsWith("scenario ")) {
                passed += name != null && well ? 1 : 0;
                failed += name != null && !well ? 1 : 0;
                name = line.substring(9);
                calls.clear();
                well = around("do begin");
            } else if (well) {
                well = step(line, name);
            }
        }
        passed += well ? 1 : 0;
        failed += well ? 0 : 1;
        me.close();
        System.out.println("conformance Java: " + passed + " passed, " + failed + " failed");
        System.exit(failed > 0 ? 1 : 0);
    }
}
