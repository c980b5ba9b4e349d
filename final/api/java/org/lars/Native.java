package org.lars;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The native functions of larsjni.c, and the search for their library. */
final class Native {
    static {
        load();
    }

    private Native() {}

    /** From the path in the property lars.library; else java.library.path; else the copy in the jar. */
    private static void load() {
        String path = System.getProperty("lars.library");

        if (path != null) {
            System.load(path);
            return;
        }
        try {
            System.loadLibrary("larsjni");
        } catch (UnsatisfiedLinkError notInPath) {
            loadBundled(notInPath);
        }
    }

    private static void loadBundled(UnsatisfiedLinkError why) {
        try (InputStream in = Native.class.getResourceAsStream("liblarsjni.so")) {
            if (in == null) {
                throw why;
            }
            Path file = Files.createTempFile("liblarsjni", ".so");
            try {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                System.load(file.toAbsolutePath().toString());
            } finally {
                Files.delete(file); // the mapping remains
            }
        } catch (IOException e) {
            why.addSuppressed(e);
            throw why;
        }
    }

    static native long open(String address, int port, String dir, int timeoutMs);

    static native void close(long client);

    static native long newCall();

    static native long newBudget();

    static native long newRetry(
            int modid, int cmdid, int attempts, int timeoutMs, boolean idempotent, long key, long budget);

    static native void free(long p);

    static native int get(long client, long call, int modid, int cmdid, long key);

    static native int getNowait(long client, long call, int modid, int cmdid, long key);

    static native int report(long client, long call, int retcode);

    static native int register(long client, int modid, int cmdid);

    static native int port(long call);

    static native byte[] ip(long call);

    static native byte[] route(long client, int modid, int cmdid, int[] rc);

    static native int next(long client, long retry, long call);

    static native int leftMs(long retry);

    static native String describe(int rc);

    static native String name(int rc);
}
