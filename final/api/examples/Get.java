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
import org.lars.LarsException;

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

    /** A decimal number from 0 to 4294967295; the program ends when the text is another. */
    private static int number(String name, String text) {
        if (text.matches("[0-9]{1,10}") && Long.parseLong(text) < 1L << 32) {
            return (int) Long.parseLong(text);
        }
        System.err.println("get: " + name + ": \"" + text + "\" is not a number from 0 to 4294967295");
        System.exit(2);
        return 0;
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 3) {
            System.err.println("usage: Get MODID CMDID PATH");
            System.exit(2);
        }
        int modid = number("MODID", args[0]);
        int cmdid = number("CMDID", args[1]);
        String answer = null;

        try (Client client = new Client();
                Attempts a = client.attempts(modid, cmdid)) {
            a.idempotent().timeoutMs(2000).budget(BUDGET);
            while (answer == null && a.next()) {
                answer = ask(a.call().address(), args[2], a.leftMs());
                a.call().report(answer == null ? 1 : 0);
            }
            if (answer == null) {
                System.err.println("get: " + a.reason());
            }
        } catch (LarsException e) {
            System.err.println("get: " + e.getMessage());
        }
        System.out.print(answer == null ? "" : answer);
        System.exit(answer == null ? 1 : 0);
    }
}
