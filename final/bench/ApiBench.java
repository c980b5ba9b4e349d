import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
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

        pairs(client, n);
        if (threads == 0) {
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
        long start = System.nanoTime();

        for (int i = 0; i < threads; i++) {
            all[i] = new Thread(() -> pairs(client, n));
            all[i].start();
        }
        for (Thread t : all) {
            t.join();
        }
        System.out.println((double) threads * n * 1e9 / (System.nanoTime() - start));
    }
}
