import java.util.concurrent.CompletableFuture;
import org.lars.Call;
import org.lars.Client;
import org.lars.LarsException;

/** Nowait MODID CMDID: a node without waiting, as an event loop needs it. */
public final class Nowait {
    private static final int EINPROGRESS = -115;

    public static void main(String[] args) {
        int modid = Integer.parseUnsignedInt(args[0]);
        int cmdid = Integer.parseUnsignedInt(args[1]);

        try (Client client = Client.builder().timeoutMs(1000).build()) {
            Call call = client.newCall(); // begun again and again by the thread of the loop
            int rc = call.tryBeginNowait(modid, cmdid, 0);

            if (rc == EINPROGRESS) { // the routes are loaded in another thread, which may wait
                CompletableFuture.runAsync(() -> client.register(modid, cmdid)).join();
                rc = call.tryBeginNowait(modid, cmdid, 0);
            }
            if (rc < 0) {
                System.err.println("nowait: result " + rc + "; " + client.status().why());
                System.exit(1);
            }
            System.out.println(call.address());
            call.ok();
            call.free();
        } catch (LarsException | java.util.concurrent.CompletionException e) {
            System.err.println("nowait: " + e.getMessage());
            System.exit(1);
        }
    }
}
