import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.lars.Attempts;
import org.lars.Budget;
import org.lars.Client;

/**
 * Get MODID CMDID PATH: GET a path from a node of a module and print the answer; when a node
 * fails, another one is tried. The same program in C, C++, Python and Java.
 */
public final class Get {
    private static final Budget BUDGET = new Budget(); // one for the module, for the whole run of the program
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    /** The answer of the node; null when it failed. 404 is an answer; 503 is a failing node. */
    private static String ask(InetSocketAddress node, String path, int ms) throws InterruptedException {
        URI uri = URI.create("http://" + node.getAddress().getHostAddress() + ":" + node.getPort() + path);
        HttpRequest q = HttpRequest.newBuilder(uri).timeout(Duration.ofMillis(Math.max(ms, 1))).build();

        try {
            HttpResponse<String> r = HTTP.send(q, HttpResponse.BodyHandlers.ofString());
            return r.statusCode() < 500 ? r.body() : null;
        } catch (IOException e) {
            return null;
        }
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 3) {
            System.err.println("usage: Get MODID CMDID PATH");
            System.exit(2);
        }
        String answer = null;

        try (Client client = new Client();
                Attempts a = client.attempts(Integer.parseInt(args[0]), Integer.parseInt(args[1]))) {
            a.idempotent().timeoutMs(2000).budget(BUDGET);
            while (answer == null && a.next()) {
                answer = ask(a.call().address(), args[2], a.leftMs());
                a.call().report(answer == null ? 1 : 0);
            }
        }
        System.out.print(answer == null ? "" : answer);
        System.exit(answer == null ? 1 : 0);
    }
}
