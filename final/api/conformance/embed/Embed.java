import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.lars.Call;
import org.lars.Client;

/**
 * Embed JAR: the API inside services. A thread pool whose client is closed while it calls, two
 * class loaders as in an application server, and a million calls. Prints how many calls succeeded:
 * "made N".
 */
public final class Embed {
    private static final int MILLION = 1000000;
    private static final long MOST_KB = 16 * 1024; // a leak of one struct a call would be more
    private static final AtomicInteger made = new AtomicInteger();

    private static void check(boolean well, String what) {
        if (!well) {
            System.out.println("not ok - " + what);
            System.exit(1);
        }
    }

    private static void work(Client client, CountDownLatch begun) {
        try {
            for (; ; ) {
                try (Call call = client.call(1, 1)) {
                    check(call.ok() == 0, "a report while the client is closed");
                    made.incrementAndGet();
                }
                begun.countDown();
            }
        } catch (IllegalStateException closed) {
            return; // the client was closed between two calls
        }
    }

    private static void pool() throws InterruptedException {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        CountDownLatch begun = new CountDownLatch(1000);
        Client client = new Client();

        for (int i = 0; i < 8; i++) {
            pool.execute(() -> work(client, begun));
        }
        check(begun.await(30, TimeUnit.SECONDS), "a pool makes calls");
        client.close();
        pool.shutdown();
        check(pool.awaitTermination(30, TimeUnit.SECONDS), "a pool ends when its client is closed");
    }

    /** Each loader has its own copy of the classes and of the library. */
    private static void inLoader(URL jar) throws Exception {
        try (URLClassLoader loader = new URLClassLoader(new URL[] {jar}, null)) {
            Class<?> of = loader.loadClass("org.lars.Client");
            Object client = of.getConstructor().newInstance();
            Object call = of.getMethod("call", int.class, int.class).invoke(client, 1, 1);
            Method ok = call.getClass().getMethod("ok");

            check(of != Client.class, "another class");
            check(ok.invoke(call).equals(0), "a call in a class loader of its own");
            made.incrementAndGet();
            ((AutoCloseable) call).close();
            ((AutoCloseable) client).close();
        }
    }

    private static long rssKb() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return -1;
    }

    private static void again(Client client, int n) {
        Call call = client.newCall();

        for (int i = 0; i < n; i++) {
            call.begin(1, 1, 0);
            call.ok();
        }
        call.free();
        made.addAndGet(n);
    }

    private static void each(Client client, int n) {
        for (int i = 0; i < n; i++) {
            try (Call call = client.call(1, 1)) {
                call.ok();
            }
        }
        made.addAndGet(n);
    }

    private static void memory() throws IOException {
        try (Client client = new Client()) {
            again(client, MILLION / 5);
            each(client, MILLION / 5);
            long start = rssKb();

            again(client, MILLION);
            long flat = rssKb();

            each(client, MILLION);
            long end = rssKb();

            System.out.println("grew " + (flat - start) + " kB, " + (end - flat) + " kB");
            check(flat - start < MOST_KB, "a million calls of one Call");
            check(end - flat < MOST_KB, "a million calls, each a Call");
        }
    }

    public static void main(String[] args) throws Exception {
        pool();
        inLoader(Path.of(args[0]).toUri().toURL());
        inLoader(Path.of(args[0]).toUri().toURL());
        memory();
        System.out.println("made " + made.get());
    }
}
