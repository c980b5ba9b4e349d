package org.lars;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The native functions of larsjni.c, and the search for their library. */
final class Native {
    private static final String RESOURCE = "linux-" + System.getProperty("os.arch") + "/liblarsjni.so";

    static {
        load();
    }

    private Native() {}

    /** From the path in the property lars.library; else java.library.path; else the copy in the jar. */
    private static void load() {
        String path = System.getProperty("lars.library");

        if (path != null) {
            try {
                System.load(path);
            } catch (UnsatisfiedLinkError e) {
                throw missing("the property lars.library: " + e.getMessage(), e);
            }
            return;
        }
        try {
            System.loadLibrary("larsjni");
        } catch (UnsatisfiedLinkError notInPath) {
            loadBundled("the property lars.library: not set; " + notInPath.getMessage());
        }
    }

    private static void loadBundled(String before) {
        String here = before + "; in the jar: ";

        try (InputStream in = Native.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw missing(here + "no org/lars/" + RESOURCE, null);
            }
            loadCopy(in);
        } catch (IOException | UnsatisfiedLinkError e) {
            if (e.getMessage() != null && e.getMessage().startsWith("liblarsjni.so")) {
                throw (UnsatisfiedLinkError) e;
            }
            throw missing(
                    here
                            + "org/lars/"
                            + RESOURCE
                            + ", whose copy in java.io.tmpdir ("
                            + System.getProperty("java.io.tmpdir")
                            + ") cannot be loaded: "
                            + e,
                    e);
        }
    }

    /** The copy is a new file that only this user can read and write; it is written in place. */
    private static void loadCopy(InputStream in) throws IOException {
        Path file = Files.createTempFile("liblarsjni", ".so");

        try {
            try (OutputStream out = Files.newOutputStream(file)) {
                in.transferTo(out);
            }
            System.load(file.toAbsolutePath().toString());
        } finally {
            Files.delete(file); // the mapping remains
        }
    }

    private static UnsatisfiedLinkError missing(String looked, Throwable cause) {
        UnsatisfiedLinkError e =
                new UnsatisfiedLinkError(
                        "liblarsjni.so, the native library of org.lars, cannot be loaded. "
                                + looked
                                + ". Fix: use a lars.jar that was built on this architecture (make -C final"
                                + " build/lars.jar), or run java with -Dlars.library=/path/of/liblarsjni.so");

        e.initCause(cause);
        return e;
    }

    /** The text of a C string; what is not UTF-8 is replaced. */
    static String text(byte[] chars) {
        int n = 0;

        while (n < chars.length && chars[n] != 0) {
            n++;
        }
        return new String(chars, 0, n, StandardCharsets.UTF_8);
    }

    /** The logger, which is looked for when the first line is logged. */
    private static final class Log {
        static final System.Logger TO = System.getLogger("org.lars");
    }

    /** Called by larsjni.c; throws nothing. */
    static void log(int level, byte[] text) {
        try {
            Log.TO.log(level == 0 ? System.Logger.Level.INFO : System.Logger.Level.WARNING, text(text));
        } catch (RuntimeException | Error e) {
            return; // the program's logger does not work: a call must not fail for it
        }
    }

    private static final Outcome[] OUTCOMES = Outcome.values(); // values() allocates
    private static final Status.Path[] PATHS = Status.Path.values();

    /** Called by larsjni.c; throws nothing. */
    static void ended(
            EndListener to,
            int modid,
            int cmdid,
            boolean isFour,
            long high,
            long low,
            int port,
            int outcome,
            int path,
            long tookMicros) {
        try {
            to.ended(
                    modid,
                    cmdid,
                    Nodes.of(isFour, high, low, port),
                    OUTCOMES[outcome],
                    PATHS[path],
                    tookMicros);
        } catch (RuntimeException e) {
            log(1, ("the end listener threw " + e).getBytes(StandardCharsets.UTF_8));
        }
    }

    /** The texts end with a zero byte; null or 0 = not set. */
    static native long open(byte[] address, int port, byte[] dir, int timeoutMs, long listener);

    static native long hold(EndListener listener);

    static native void close(long client, long listener);

    static native long newCall();

    static native long newBudget();

    static native long newRetry(
            int modid, int cmdid, int attempts, int timeoutMs, boolean idempotent, long key, long budget);

    static native void free(long p);

    static native int get(long client, long call, int modid, int cmdid, long key);

    static native int getTimed(long client, long call, int modid, int cmdid, long key, int timeoutMs);

    static native int getNowait(long client, long call, int modid, int cmdid, long key);

    static native int end(long client, long call, int outcome);

    static native int register(long client, int modid, int cmdid);

    static native int port(long call);

    static native byte[] ip(long call);

    static native byte[] route(long client, int modid, int cmdid, int[] rc);

    static native byte[] status(long client);

    static native int next(long client, long retry, long call);

    static native int leftMs(long retry);

    static native long key(byte[] bytes);

    static native byte[] lastError();

    static native String describe(int rc);

    static native String name(int rc);
}
