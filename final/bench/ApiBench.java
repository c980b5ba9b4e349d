import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import org.lars.Call;
import org.lars.Client;

/**
 * ApiBench PAIRS [THREADS]: prints the processor time of a pair of get_host and report in ns,
 * and by how many kilobytes the process grew over the same number of further pairs; with
 * THREADS, the pairs a second of all threads together.
 */
public final class ApiBench {
    private static void pairs(Client client, int n) {
        Call call = client.newCall();

        while (n-- > 0) {
            call.begin(1, 8, 0);
            call.ok();
        }
    }

    /**
     * Calls until the thread is as fast as it gets: the JIT has compiled the loop, and liblars
     * has compared the processor's counter with the kernel's time for 200 ms.
     */
    private static void warmUp(Client client) {
        long end = System.nanoTime() + 500_000_000L;

        while (System.nanoTime() - end < 0) {
            pairs(client, 1000);
        }
    }

    private static void await(CyclicBarrier ready) {
        try {
            ready.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException(e);
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

    public static void main(String[] args) throws InterruptedException, IOException {
        int n = Integer.parseInt(args[0]);
        int threads = args.length > 1 ? Integer.parseInt(args[1]) : 0;
        Client client = new Client();

        if (threads == 0) {
            warmUp(client);
            pairs(client, n);
            ThreadMXBean mx = ManagementFactory.getThreadMXBean();
            long start = mx.getCurrentThreadCpuTime();

            pairs(client, n);
            double ns = (mx.getCurrentThreadCpuTime() - start) / (double) n;
            long before = rssKb();

            pairs(client, n);
            System.out.println(ns + " " + (rssKb() - before));
            return;
        }
        Thread[] all = new Thread[threads];
        CyclicBarrier ready = new CyclicBarrier(threads + 1);

        for (int i = 0; i < threads; i++) {
            all[i] = new Thread(() -> {
                warmUp(client);
                await(ready);
                pairs(client, n);
            });
            all[i].start();
        }
        await(ready);
        long start = System.nanoTime();

        for (Thread t : all) {
            t.join();
        }
        System.out.println((double) threads * n * 1e9 / (System.nanoTime() - start));
    }
}
