import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.lars.Call;
import org.lars.Client;
import org.lars.Outcome;

/**
 * Pool MODID CMDID: four threads share a client and make 25 calls each. Every fifth call is given
 * up, which says nothing about its node. A listener counts the calls of each node for the program's metrics.
 */
public final class Pool {
    private static int work(Client client, int modid, int cmdid) {
        Call call = client.newCall(); // one for this thread: no allocation in the loop
        int bad = 0;

        for (int i = 0; i < 25; i++) {
            call.begin(modid, cmdid, 0);
            bad += (i % 5 == 0 ? call.cancel() : call.end(Outcome.WELL)) < 0 ? 1 : 0;
        }
        call.free();
        return bad;
    }

    public static void main(String[] args) throws InterruptedException, ExecutionException {
        int modid = Integer.parseUnsignedInt(args[0]);
        int cmdid = Integer.parseUnsignedInt(args[1]);
        Map<InetSocketAddress, Integer> picks = new ConcurrentHashMap<>();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        int bad = 0;

        try (Client client = Client.builder().onEnd((m, c, node, how, path, us) -> picks.merge(node, 1, Integer::sum)).build()) {
            List<Future<Integer>> all = new ArrayList<>();

            for (int i = 0; i < 4; i++) {
                all.add(pool.submit(() -> work(client, modid, cmdid)));
            }
            for (Future<Integer> one : all) {
                bad += one.get();
            }
            System.out.println(
                    client.status().ended(Outcome.WELL)
                            + " well, "
                            + client.status().ended(Outcome.CANCELLED)
                            + " cancelled, "
                            + bad
                            + " errors; "
                            + picks.values().stream().mapToInt(Integer::intValue).sum()
                            + " picks by node: "
                            + picks);
        } finally {
            pool.shutdown();
        }
    }
}
