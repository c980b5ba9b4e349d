import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.lars.Attempts;
import org.lars.Call;
import org.lars.Client;
import org.lars.LarsException;
import org.lars.Outcome;
import org.lars.Status;
import org.lars.TimedOutException;

/** Conform SCENARIOS: the conformance suite's runner for Java. */
public final class Conform {
    private static long hangMs = 20000;
    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in));
    private static final List<Call> calls = new ArrayList<>(); // the calls of this scenario
    private static final Logger LOGGER = Logger.getLogger("org.lars");
    private static final StringBuffer log = new StringBuffer(); // since the client was opened
    private static final AtomicIntegerArray ended = new AtomicIntegerArray(Outcome.values().length);
    private static String latestError = "";
    private static Client me;

    private static final class Keep extends Handler {
        @Override
        public void publish(LogRecord r) {
            log.append(r.getMessage()).append('\n');
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    private static int open(String[] w) {
        String address = null;
        String dir = System.getenv("LARS_DIR");
        long port = Long.parseLong(System.getenv("LARS_PORT"));
        long timeoutMs = 2000;
        boolean hooks = false;

        for (String one : w) {
            String value = one.substring(one.indexOf('=') + 1);
            if (one.startsWith("address=")) {
                address = value;
            } else if (one.startsWith("dir=")) {
                dir = value;
            } else if (one.startsWith("port=")) {
                port = Long.parseLong(value);
            } else if (one.startsWith("timeout_ms=")) {
                timeoutMs = Long.parseLong(value);
            } else if (one.startsWith("hooks=")) {
                hooks = true;
            }
        }
        if (me != null) {
            me.close();
        }
        log.setLength(0);
        for (int i = 0; i < ended.length(); i++) {
            ended.set(i, 0);
        }
        Client.Builder builder = Client.builder().address(address).port(port).dir(dir).timeoutMs(timeoutMs);
        if (hooks) {
            builder.onEnd((m, c, node, outcome, path, took) -> ended.incrementAndGet(outcome.ordinal()));
        }
        me = builder.build();
        hangMs = 10 * timeoutMs;
        return 0;
    }

    /** NAME=VALUE: a client by this environment. A JVM cannot change its own, so another is started. */
    private static int openIn(String setting) throws IOException, InterruptedException {
        String name = setting.substring(0, setting.indexOf('='));
        ProcessBuilder b = jvm("open");

        b.environment().put(name, setting.substring(name.length() + 1));
        Process p = b.redirectInput(ProcessBuilder.Redirect.PIPE).redirectOutput(ProcessBuilder.Redirect.PIPE).start();
        BufferedReader out = new BufferedReader(new InputStreamReader(p.getInputStream()));

        latestError = out.readLine();
        p.waitFor();
        return latestError.isEmpty() ? 0 : -22;
    }

    private static void openByEnvironment() {
        try {
            new Client().close();
            System.out.println();
        } catch (LarsException e) {
            System.out.println(e.getMessage());
        }
    }

    private static int get(int m, int c, String key) {
        long k = 0;

        if (key != null) {
            k = key.startsWith("text=") ? Client.key(key.substring(5)) : Long.parseLong(key.substring(4));
        }
        calls.add(me.call(m, c, k));
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

    private static ProcessBuilder jvm(String... args) {
        List<String> all = new ArrayList<>();

        all.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        all.add("-cp");
        all.add(System.getProperty("java.class.path"));
        all.add("Conform");
        all.addAll(Arrays.asList(args));
        return new ProcessBuilder(all).inheritIO();
    }

    /** A JVM cannot fork, so another JVM is started. */
    private static int other(String m, String c, String n) throws IOException, InterruptedException {
        return jvm("calls", m, c, n).start().waitFor();
    }

    /** By each means of the language in turn. */
    private static int cancelled(int m, int c, int n) {
        int bad = 0;

        for (int i = 0; i < n; i++) {
            try (Call call = me.call(m, c)) {
                bad += (i % 2 == 0 ? call.cancel() : call.end(Outcome.CANCELLED)) < 0 ? 1 : 0;
            }
        }
        return bad;
    }

    /** Threads that begin a call at once: how many timed out. */
    private static int silent(int t, int m, int c) throws InterruptedException {
        AtomicInteger timedOut = new AtomicInteger();
        List<Thread> all = new ArrayList<>();

        for (int i = 0; i < t; i++) {
            all.add(
                    new Thread(
                            () -> {
                                try (Call call = me.call(m, c)) {
                                    call.cancel();
                                } catch (TimedOutException e) {
                                    timedOut.incrementAndGet();
                                }
                            }));
        }
        for (Thread one : all) {
            one.start();
        }
        for (Thread one : all) {
            one.join();
        }
        return timedOut.get();
    }

    private static int isRefused(String name, Runnable use) {
        try {
            use.run();
        } catch (NullPointerException | IllegalArgumentException e) {
            return e.getMessage() != null && e.getMessage().startsWith(name) ? 0 : 1;
        }
        return 1;
    }

    /** Each is refused by an exception that names the argument: how many are not. */
    private static int acceptedNull() {
        return isRefused("text", () -> Client.key(null)) + isRefused("outcome", () -> calls.get(0).end(null));
    }

    private static int status(String name) {
        Status s = me.status();

        if (name.equals("error")) {
            return s.error();
        }
        for (Status.Path p : Status.Path.values()) {
            if (p.name().equalsIgnoreCase(name)) {
                return (int) s.begun(p);
            }
        }
        return (int) s.ended(outcome(name));
    }

    /** IllegalArgumentException for an outcome that does not exist. */
    private static Outcome outcome(String name) {
        try {
            return Outcome.valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("outcome: " + e.getMessage(), e);
        }
    }

    /** Are the words in this text? Java's names of arguments are in camel case. */
    private static int has(String what, String words) {
        String in = log.toString();

        if (what.equals("error")) {
            in = latestError;
        } else if (!what.equals("log")) {
            in = what.equals("file") ? me.status().file() : me.status().why();
        }
        return in.contains(words.replace("timeout_ms", "timeoutMs")) ? 1 : 0;
    }

    /** The steps about the client and about a call that has begun. */
    private static int ofClient(String[] w) throws IOException, InterruptedException {
        switch (w[0]) {
            case "open":
                return open(w);
            case "openin":
                return openIn(w[1]);
            case "close":
                return close();
            case "null":
                return acceptedNull();
            case "status":
                return status(w[1]);
            case "ended":
                return ended.get(outcome(w[1]).ordinal());
            case "report":
                return calls.get(number(w[1])).report(number(w[2]));
            case "end":
                return calls.get(number(w[1])).end(outcome(w[2]));
            case "drop":
                calls.remove(calls.size() - 1).close();
                return 0;
            case "same":
                return calls.get(number(w[1])).address().equals(calls.get(number(w[2])).address()) ? 1 : 0;
            default:
                return -38;
        }
    }

    private static int result(String[] w) throws IOException, InterruptedException {
        switch (w[0]) {
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
            case "call":
                return guarded(number(w[1]), number(w[2]), w[3]);
            case "cancelled":
                return cancelled(number(w[1]), number(w[2]), number(w[3]));
            case "fail":
                return many(number(w[1]), number(w[2]), number(w[3]), 1);
            case "attempts":
                return attempts(number(w[1]), number(w[2]), number(w[3]), w[4]);
            case "threads":
                return threads(number(w[1]), number(w[2]), number(w[3]), number(w[4]));
            case "silent":
                return silent(number(w[1]), number(w[2]), number(w[3]));
            case "other":
                return other(w[1], w[2], w[3]);
            default:
                return ofClient(w);
        }
    }

    /** Of a step whose result is a text, or null. */
    private static String textOf(String[] w) {
        if (w[0].equals("keyof")) {
            return String.format("%016x", Client.key(w.length > 1 ? w[1] : ""));
        }
        if (w[0].equals("node")) {
            InetSocketAddress at = calls.get(number(w[1])).address();
            return at.getAddress().getHostAddress() + ":" + at.getPort();
        }
        if (w[0].equals("status") && w[1].equals("path")) {
            return me.status().path().name().toLowerCase(Locale.ROOT);
        }
        return null;
    }

    private static int number(String word) {
        return Integer.parseUnsignedInt(word);
    }

    /** The result of a step; words: what follows its second word. */
    private static String got(String[] w, String words) throws IOException, InterruptedException {
        try {
            String text = textOf(w);

            if (text != null) {
                return text;
            }
            int rc = w[0].equals("has") ? has(w[1], words) : result(w);
            if (rc < 0 && !w[0].equals("openin")) {
                latestError = ""; // Java has no text for a result
            }
            return rc < 0 ? nameOf(rc) : Integer.toString(rc);
        } catch (LarsException e) {
            latestError = e.getMessage();
            return e.name();
        } catch (IllegalStateException | IllegalArgumentException e) { // closed, or out of range
            latestError = e.getMessage();
            return "EINVAL";
        }
    }

    private static String nameOf(int rc) {
        switch (rc) {
            case -2:
                return "ENOENT";
            case -20:
                return "ENOTDIR";
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

    /** The step of "in LANGUAGES: STEP", or null when it is for others. */
    private static String forThis(String line) {
        int colon = line.startsWith("in ") ? line.indexOf(": ") : -1;

        if (colon < 0) {
            return line;
        }
        if (Arrays.asList(line.substring(3, colon).split(" ")).contains("Java")) {
            return line.substring(colon + 2);
        }
        System.out.println("not for Java: " + line.substring(colon + 2));
        return null;
    }

    private static boolean step(String line, String where) throws IOException, InterruptedException {
        if (line.startsWith("do ")) {
            return around(line);
        }
        String[] halves = line.split(" -> ");
        String[] w = halves[0].split(" ");
        boolean until = w[0].equals("until");
        String[] parts = halves[0].split(" ", until ? 4 : 3);
        String words = parts[parts.length - 1];
        long start = System.nanoTime();
        long tookMs;
        String got;

        if (until) {
            w = Arrays.copyOfRange(w, 1, w.length);
        }
        for (; ; ) {
            int before = calls.size();

            got = got(w, words);
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

        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(new Keep());
        if (args[0].equals("open")) {
            openByEnvironment();
            return;
        }
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
                String step = forThis(line);
                well = step == null || step(step, name);
            }
        }
        passed += well ? 1 : 0;
        failed += well ? 0 : 1;
        me.close();
        System.out.println("conformance Java: " + passed + " passed, " + failed + " failed");
        System.exit(failed > 0 ? 1 : 0);
    }
}
